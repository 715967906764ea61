//! What is printed for a family: the code on the cover, and `POST /api/v1/handbooks/{handbook}/slip`, the slip with a
//! one-time claim code.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::access::{Action, Role};
use domain::handbook::State;
use domain::handbook::issuing::SLIP_LIFE;
use domain::id::MemberId;
use domain::member::MemberRelation;
use domain::person::IdNumber;
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::proof::{must_be_shown, try_at_desk};
use super::store::{self, Act};
use crate::access::{Access, PrintCode};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{Attempt, Once};
use crate::keys::{Keys, new_token};
use crate::problem::Code;
use crate::session::Staff;

/// What is kept of a slip that the woman was handed.
const TO_WOMAN: &str = "核对身份证后将领取凭条交给孕产妇本人";

/// A slip as it is printed: its code is shown this once and stored hashed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Slip {
    /// The one-time claim code: 128 random bits.
    pub code: String,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
}

impl Slip {
    /// A new slip.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { code: new_token(), expires_at: now + SLIP_LIFE }
    }

    /// What is stored of the code.
    pub fn hash(&self, keys: &Keys) -> Vec<u8> {
        hash(keys, &self.code)
    }

    /// The change by which it is good, in place of one that was printed before.
    pub fn printed(&self, keys: &Keys, bearer: Bearer) -> handbook::ActiveModel {
        handbook::ActiveModel {
            slip_hash: Set(Some(self.hash(keys))),
            slip_expires_at: Set(Some(self.expires_at)),
            slip_relation: Set(bearer.relation()),
            slip_member_id: Set(bearer.lost()),
            ..Default::default()
        }
    }
}

/// For whom a slip is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// Anybody of the family, for the first claim.
    Anybody,
    /// The woman, for the first claim: the desk saw her and hands her the slip.
    Woman,
    /// Somebody of this relation who is an owner from then on, in place of the member whose account was lost, if it was one.
    Reclaimer(MemberRelation, Option<MemberId>),
}

impl Bearer {
    /// Whoever hands over the slip of a first claim says whether it was to the woman.
    pub fn of_first_claim(is_woman: bool) -> Self {
        if is_woman { Self::Woman } else { Self::Anybody }
    }

    /// The one relation that may claim by the slip.
    pub fn relation(self) -> Option<MemberRelation> {
        match self {
            Self::Anybody => None,
            Self::Woman => Some(MemberRelation::Woman),
            Self::Reclaimer(relation, _) => Some(relation),
        }
    }

    fn lost(self) -> Option<MemberId> {
        match self {
            Self::Anybody | Self::Woman => None,
            Self::Reclaimer(_, lost) => lost,
        }
    }
}

/// What is stored of a slip's code.
pub fn hash(keys: &Keys, code: &str) -> Vec<u8> {
    keys.blind("slip", code)
}

/// The link in the printed code of a handbook's cover.
pub fn link(app: &App, handbook: &handbook::Model) -> String {
    let signature = app.keys.sign_print(&handbook.number, handbook.printed_serial);
    format!("{}/s/{}-{signature}", app.config.public_url, handbook.number)
}

/// To whom it is handed over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlipRequest {
    /// To the woman herself, whose ID card the desk saw: whoever claims by the slip is proved to be her. For handbook
    /// administrators.
    #[serde(default)]
    pub to_woman: bool,
    /// The ID number that she showed; needed with `to_woman`.
    pub id_number: Option<String>,
}

/// Print the claim slip of an unclaimed handbook again
///
/// The slip that was printed before is void. One that was handed to the woman herself, whose ID number was shown, is claimed by
/// nobody else and proves her; any other proves that its bearer belongs to the family. After five wrong ID numbers a desk waits
/// an hour.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = SlipRequest,
    responses(
        (status = 201, description = "The slip", body = Slip),
        (status = 422, description = "Another ID number is on record (`identity_not_shown`), or the form is wrong"),
        (status = 429, description = "Five wrong ID numbers: wait (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/slip")]
pub(crate) async fn print_slip(
    app: Data<App>,
    access: Access<PrintCode>,
    once: Once,
    body: Body<SlipRequest>,
) -> Result<HttpResponse, ApiError> {
    let SlipRequest { to_woman, id_number } = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let shown = form.id_number("/id_number", id_number.as_deref());
    form.forbid("/id_number", id_number.is_some() && !to_woman);
    if to_woman && id_number.is_none() {
        form.require("/id_number");
    }
    form.done()?;
    if !to_woman {
        return print(&app, &access, staff, None, &once, body.bytes()).await;
    }
    if !staff.is(Role::HandbookAdministrator) {
        return Err(ApiError::told(Code::Forbidden));
    }
    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let attempt = try_at_desk(&app, access.handbook.id, staff.id).await?;
    let outcome = print(&app, &access, staff, shown.as_ref(), &once, body.bytes()).await;
    attempt.end(&app, outcome, Code::IdentityNotShown).await
}

/// Prints a slip: to the woman if her ID number was shown, to anybody of the family if none was.
async fn print(
    app: &App,
    access: &Access<PrintCode>,
    staff: &Staff,
    shown: Option<&IdNumber>,
    once: &Once,
    bytes: &[u8],
) -> Result<HttpResponse, ApiError> {
    let work = match once.begin(app, staff.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = store::hold_as(txn, access).await?;
    if held.state != State::Issued {
        return Err(ApiError::told(Code::AlreadyClaimed));
    }
    if shown.is_some() {
        must_be_shown(txn, &app.keys, &held, shown, MemberRelation::Woman).await?;
        // Who says that it was she is on record, as at a re-claim.
        let act = Act { handbook: held.id, action: Action::PrintCode, staff, reason: TO_WOMAN, person: None };
        store::keep_act(txn, &app.keys, act, now).await?;
    }
    let slip = Slip::new(now);
    let printed = slip.printed(&app.keys, Bearer::of_first_claim(shown.is_some()));
    store::change(txn, held.id, &[State::Issued], printed).await?;
    work.answer(app, access.wrote(), StatusCode::CREATED, &slip).await
}
