//! `POST /api/v1/claims`: a family ties its account to an issued handbook.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::consent::Purpose;
use domain::handbook::State;
use domain::handbook::claim::{
    CLAIM_PAUSE, CLAIM_TRIES, CLAIM_TRIES_OF_HANDBOOK, LastFour, Proof, consents_as_guardian,
};
use domain::handbook::code::Code as PrintedCode;
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, MemberId};
use domain::member::{MemberRefusal, MemberRelation, MemberRole};
use sea_orm::{ActiveValue::Set, ConnectionTrait};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::print::hash;
use super::proof::{may_be_woman, on_record, verified_phone};
use super::store;
use crate::app::App;
use crate::body::Body;
use crate::children;
use crate::config::PRIVACY_TEXT;
use crate::consents::store::{self as consents, Answer, required};
use crate::db::entities::{handbook, member};
use crate::error::ApiError;
use crate::form::{self, Form};
use crate::idempotency::{Attempt, Once};
use crate::members;
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::session::{Family, User};
use crate::tries::Limit;

/// Tries of claims, by WeChat account: closing the Muzi account and signing in anew gives no more of them.
const TRIES: Limit = Limit { purpose: "claim", most: CLAIM_TRIES, pause: CLAIM_PAUSE };

/// Tries of claims of one handbook, whoever makes them.
const OF_HANDBOOK: Limit =
    Limit { purpose: "claim_of_handbook", most: CLAIM_TRIES_OF_HANDBOOK, pause: CLAIM_PAUSE };

/// What a family shows. One of: `printed_code` and `last_four`; `slip_code`; `printed_code` or `number`, and `phone_code`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The link or text of the code on the cover.
    pub printed_code: Option<String>,
    /// The number on the cover.
    pub number: Option<String>,
    /// Last four of the recorded ID number or phone.
    pub last_four: Option<String>,
    /// The one-time code of a claim slip.
    pub slip_code: Option<String>,
    /// The code of WeChat's phone number button; that phone must be the recorded one.
    pub phone_code: Option<String>,
    /// Who the claimer is to the child or the woman. Proves nothing.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// Agreement to the privacy text.
    pub consent: Consent,
}

/// Agreement to the privacy text, for a child as its guardian. What is optional may be declined, at once or later.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Version of the text that was shown.
    pub version: String,
    /// Whether clinicians may see the family's own entries, as the privacy text says; `false` declines. Who joins a handbook
    /// does not change it by this.
    pub share_entries: Option<bool>,
    /// Whether reminders may be sent to this member; they may not when left out.
    pub reminders: Option<bool>,
}

impl Consent {
    /// The text in force must be the one that was agreed to.
    pub fn check(&self) -> Result<(), ApiError> {
        if self.version == PRIVACY_TEXT { Ok(()) } else { Err(required(Purpose::Basic)) }
    }

    /// Keeps what a new member agreed to and declined. Who claims answers for the family, also for its children.
    pub async fn keep(
        &self,
        txn: &impl ConnectionTrait,
        member: &member::Model,
        as_guardian: bool,
        now: DateTime<Utc>,
    ) -> Result<(), ApiError> {
        let mut answers = vec![(Purpose::Basic, true)];
        answers.extend(self.reminders.map(|given| (Purpose::Reminders, given)));
        for (purpose, given) in answers {
            let (handbook, user) = (member.handbook_id, member.user_id);
            consents::keep(txn, Answer { handbook, user, purpose, given, as_guardian }, now).await?;
        }
        Ok(())
    }

    /// Keeps what an owner who claims answers for the family.
    async fn keep_of_family(
        &self,
        txn: &impl ConnectionTrait,
        member: &member::Model,
        now: DateTime<Utc>,
    ) -> Result<(), ApiError> {
        let (handbook, user) = (member.handbook_id, member.user_id);
        for (purpose, given) in
            [(Purpose::Child, true), (Purpose::ShareEntries, self.share_entries.unwrap_or(true))]
        {
            let answer = Answer { handbook, user, purpose, given, as_guardian: true };
            consents::keep(txn, answer, now).await?;
            consents::set_of_handbook(txn, handbook, purpose, given).await?;
        }
        Ok(())
    }
}

/// A membership that began.
#[derive(Debug, Serialize, ToSchema)]
pub struct Joined {
    /// The handbook.
    #[schema(value_type = Uuid)]
    pub handbook: HandbookId,
    /// Its number.
    pub number: String,
    /// The membership.
    #[schema(value_type = Uuid)]
    pub member: MemberId,
    /// What the member may do.
    #[schema(value_type = String)]
    pub role: MemberRole,
    /// Who the member is.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// Proved to be the woman herself.
    pub is_woman: bool,
}

/// Claim a handbook
///
/// The first to claim an issued handbook becomes its owner. The last four prove that the claimer belongs to the family; that
/// she is the woman herself is proved by WeChat's phone, here or later, or by a slip that a desk handed to her. A slip printed
/// for a lost account re-claims it. After five wrong tries a user waits an hour, and after twenty
/// of whomever the handbook is claimed by nobody for as long, but by a slip.
#[utoipa::path(
    tag = "claims",
    params(Once),
    request_body = ClaimRequest,
    responses(
        (status = 201, description = "Claimed", body = Joined),
        (status = 429, description = "Too many wrong codes (`too_many_tries`), or phone codes in a minute (`too_many_requests`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/claims")]
pub(crate) async fn claim(
    app: Data<App>,
    Family(user): Family,
    once: Once,
    body: Body<ClaimRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let shown = Shown::read(&request)?;
    request.consent.check()?;
    // Asked before the try and before WeChat: a phone that sends again because it lost the answer must not lose either.
    if let Some(answer) = once.answered(&app, user.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let attempt = TRIES.begin_by_account(&app, user.id).await?;
    let outcome = Claim { app: &app, user, relation: request.relation, consent: &request.consent }
        .make(&shown, &once, body.bytes())
        .await;
    attempt.end(&app, outcome, Code::ClaimRefused).await
}

/// What is shown, in the form in which it is held against the rows.
enum Shown {
    Slip(String),
    LastFour(Cover, LastFour),
    Phone(Cover, String),
}

/// Which handbook is meant: by the number typed, or by the code on the cover with its signature.
struct Cover {
    number: HandbookNumber,
    signature: Option<String>,
}

impl Shown {
    fn read(request: &ClaimRequest) -> Result<Self, ApiError> {
        let ClaimRequest { printed_code, number, last_four, slip_code, phone_code, .. } = request;
        match (printed_code, number, last_four, slip_code, phone_code) {
            (None, None, None, Some(slip), None) => Ok(Self::Slip(slip.trim().to_owned())),
            (Some(code), None, Some(four), None, None) => {
                Ok(Self::LastFour(Cover::scanned(code)?, form::last_four("/last_four", four)?))
            }
            (Some(code), None, None, None, Some(phone)) => {
                Ok(Self::Phone(Cover::scanned(code)?, phone.clone()))
            }
            (None, Some(number), None, None, Some(phone)) => {
                Ok(Self::Phone(Cover::typed(number)?, phone.clone()))
            }
            _ => Err(ApiError::field(
                "",
                "one_way",
                "请只用一种方式领取：封面码和后四位、领取凭条，或封面码（手册编号）和微信手机号。",
                "Claim in one way: the cover code with the last four, a slip, or the cover code (or number) with the WeChat phone.",
            )),
        }
    }
}

impl Cover {
    fn scanned(code: &str) -> Result<Self, ApiError> {
        match PrintedCode::parse(code)? {
            PrintedCode::Printed { number, signature } => Ok(Self { number, signature: Some(signature) }),
            PrintedCode::Dynamic(_) => Err(ApiError::told(Code::CodeRefused)),
        }
    }

    fn typed(number: &str) -> Result<Self, ApiError> {
        let mut form = Form::default();
        let number = form.handbook_number("/number", Some(number));
        form.end(number.map(|number| Self { number, signature: None }))
    }

    /// Whether we signed it, for whichever handbook: WeChat is not asked for what anybody can make up. A number that was
    /// typed has no signature.
    fn is_signed(&self, app: &App) -> bool {
        self.signature
            .as_ref()
            .is_none_or(|signature| app.keys.check_print(self.number.as_str(), signature).is_some())
    }

    /// Whether this is the cover of a handbook. One that was revoked, or never was ours, leads nowhere.
    fn is_of(&self, app: &App, handbook: &handbook::Model) -> bool {
        self.signature.as_ref().is_none_or(|signature| {
            app.keys.check_print(self.number.as_str(), signature) == Some(handbook.printed_serial)
        })
    }
}

/// What proves who claims, as it is held against a handbook: once before the handbook is held, so that a stranger holds up
/// nobody, and once more after it, because a desk may have changed what is on record meanwhile.
enum Evidence<'a> {
    /// The hash of a slip's code.
    Slip(Vec<u8>),
    LastFour(&'a Cover, &'a LastFour),
    /// A phone that WeChat verified.
    Phone(&'a Cover, String),
}

impl Evidence<'_> {
    /// Whom it proves.
    async fn proves(
        &self,
        app: &App,
        db: &impl ConnectionTrait,
        handbook: &handbook::Model,
        relation: MemberRelation,
    ) -> Result<Option<Proved>, ApiError> {
        let record = on_record(db, &app.keys, handbook).await?;
        let proof = match self {
            Self::Slip(hash) => {
                let is_good = handbook.slip_hash.as_ref() == Some(hash)
                    && handbook.slip_expires_at.is_some_and(|until| app.now() < until);
                // The desk saw the ID card of the woman to whom it handed the slip; a slip for anybody proves nobody.
                let desk_saw_her = handbook.slip_relation == Some(MemberRelation::Woman);
                is_good.then_some(if desk_saw_her { Proof::Adult } else { Proof::Family })
            }
            Self::LastFour(cover, _) | Self::Phone(cover, _) if !cover.is_of(app, handbook) => None,
            Self::LastFour(_, four) => record.prove_last_four(four),
            Self::Phone(_, phone) => record.prove_phone(phone),
        };
        Ok(proof.map(|proof| Proved { is_woman: record.is_woman(proof, relation) }))
    }
}

/// That somebody belongs to a handbook, and whether as the woman herself.
struct Proved {
    is_woman: bool,
}

/// A claim at work.
struct Claim<'a> {
    app: &'a App,
    user: User,
    relation: MemberRelation,
    consent: &'a Consent,
}

fn refused() -> ApiError {
    ApiError::told(Code::ClaimRefused)
}

impl Claim<'_> {
    /// One refusal for every wrong claim: unknown, wrong proof, used slip. What is true of a handbook (claimed, closed) is
    /// told only to who proved to belong to it.
    async fn make(&self, shown: &Shown, once: &Once, bytes: &[u8]) -> Result<HttpResponse, ApiError> {
        let (handbook, evidence) = self.prove(shown).await?.ok_or_else(refused)?;
        let work = match once.begin(self.app, self.user.id.0, None, bytes).await? {
            Attempt::Answered(answer) => return Ok(answer),
            Attempt::New(work) => work,
        };
        let joined = self.join(&work.txn, handbook, &evidence).await?;
        let did = self.user.wrote("claim").at(joined.handbook).on(joined.member);
        let answer = work.answer(self.app, did, StatusCode::CREATED, &joined).await?;
        self.app.live.changed(handbook).await;
        Ok(answer)
    }

    /// The handbook that is claimed, with what proves that it may be; nothing where it does not.
    async fn prove<'a>(&self, shown: &'a Shown) -> Result<Option<(HandbookId, Evidence<'a>)>, ApiError> {
        let (app, db) = (self.app, self.app.db.read());
        let (found, evidence) = match shown {
            Shown::Slip(code) => {
                let hash = hash(&app.keys, code);
                (store::by_slip(db, &hash).await?, Evidence::Slip(hash))
            }
            Shown::LastFour(cover, four) => {
                (store::by_number(db, &cover.number).await?, Evidence::LastFour(cover, four))
            }
            Shown::Phone(cover, _) if !cover.is_signed(app) => return Ok(None),
            Shown::Phone(cover, code) => {
                let phone = verified_phone(app, self.user, code).await?;
                (store::by_number(db, &cover.number).await?, Evidence::Phone(cover, phone))
            }
        };
        let Some(handbook) = found else { return Ok(None) };
        // A slip's code is no guess.
        let guess = match shown {
            Shown::Slip(_) => None,
            Shown::LastFour(cover, _) | Shown::Phone(cover, _) if !cover.is_of(app, &handbook) => {
                return Ok(None);
            }
            Shown::LastFour(..) | Shown::Phone(..) => Some(OF_HANDBOOK.begin(app, handbook.id.0).await?),
        };
        if evidence.proves(app, db, &handbook, self.relation).await?.is_none() {
            return Ok(None);
        }
        if let Some(guess) = guess {
            guess.take_back(app.db.write()).await?;
        }
        Ok(Some((handbook.id, evidence)))
    }

    async fn join(
        &self,
        txn: &impl ConnectionTrait,
        handbook: HandbookId,
        evidence: &Evidence<'_>,
    ) -> Result<Joined, ApiError> {
        let held = store::hold(txn, handbook).await?;
        let proved = evidence.proves(self.app, txn, &held, self.relation).await?.ok_or_else(refused)?;
        let by_slip = matches!(evidence, Evidence::Slip(_));
        if by_slip {
            self.must_be_on_slip(&held)?;
        }
        match held.state {
            State::Issued => self.take(txn, &held, State::Issued).await?,
            State::Claimed if by_slip => self.take_over(txn, &held).await?,
            State::Claimed => return Err(self.claimed_already(txn, &held).await?),
            State::Blank => return Err(refused()),
            State::Closed | State::Replaced => return Err(ApiError::told(Code::HandbookClosed)),
        }
        let is_woman = proved.is_woman && may_be_woman(txn, self.user, &held).await?;
        let member = self.become_owner(txn, &held, is_woman).await?;
        Ok(Joined {
            handbook: held.id,
            number: held.number,
            member: member.id,
            role: member.role,
            relation: member.relation,
            is_woman,
        })
    }

    /// The handbook is claimed and its slip used up: by one conditional update, so by one claimer.
    async fn take(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
        from: State,
    ) -> Result<(), ApiError> {
        let claimed = handbook::ActiveModel {
            state: Set(State::Claimed),
            family_left_at: Set(None),
            ..store::no_slip()
        };
        if store::change(txn, held.id, &[from], claimed).await? {
            Ok(())
        } else {
            Err(ApiError::told(Code::AlreadyClaimed))
        }
    }

    /// A slip that names a relation is for nobody else.
    fn must_be_on_slip(&self, held: &handbook::Model) -> Result<(), ApiError> {
        match held.slip_relation {
            Some(named) if named != self.relation => Err(ApiError::field(
                "/relation",
                "not_on_slip",
                format!("凭条是为“{}”打印的。", named.zh()),
                format!("The slip was printed for: {}.", named.en()),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The lost account's membership ends, if it has not yet; the others stay and are told.
    async fn take_over(&self, txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<(), ApiError> {
        self.take(txn, held, State::Claimed).await?;
        let members = members::store::live(txn, held.id).await?;
        if let Some(lost) = members.iter().find(|member| Some(member.id) == held.slip_member_id) {
            members::store::end(txn, lost.id, self.app.now()).await?;
            if lost.is_woman {
                store::set_person_of_user(txn, lost.user_id, None).await?;
            }
        }
        notices::store::tell(txn, held.id, Kind::Reclaimed, None, None, self.app.now()).await?;
        Ok(())
    }

    async fn claimed_already(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
    ) -> Result<ApiError, ApiError> {
        let members = members::store::live(txn, held.id).await?;
        let is_member = members.iter().any(|member| member.user_id == self.user.id);
        Ok(ApiError::told(if is_member { Code::AlreadyMember } else { Code::AlreadyClaimed }))
    }

    async fn become_owner(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
        is_woman: bool,
    ) -> Result<member::Model, ApiError> {
        let now = self.app.now();
        let members = members::store::live(txn, held.id).await?;
        if members.iter().any(|member| member.user_id == self.user.id) {
            return Err(ApiError::told(Code::AlreadyMember));
        }
        // Since her slip was printed another account proved to be her: the desk prints one that ends that membership.
        if is_woman && members::store::has_woman(&members) {
            return Err(MemberRefusal::WomanTaken.into());
        }
        let member = members::store::NewMember {
            handbook: held.id,
            user: self.user.id,
            role: MemberRole::Owner,
            relation: self.relation,
            is_woman,
        };
        let member = members::store::insert(txn, member, now).await?;
        if is_woman {
            store::set_person_of_user(txn, self.user.id, held.woman_id).await?;
        }
        let has_children = !children::store::of_handbook(txn, held.id).await?.is_empty();
        let as_guardian = consents_as_guardian(self.relation, has_children);
        self.consent.keep(txn, &member, as_guardian, now).await?;
        if members.is_empty() {
            self.consent.keep_of_family(txn, &member, now).await?;
        }
        notices::store::tell(txn, held.id, Kind::MembersChanged, None, None, now).await?;
        Ok(member)
    }
}
