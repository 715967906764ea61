//! `POST /api/v1/visits`: a QR code in, a visit out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::access::OfficeAction;
use domain::audit::Kind as Told;
use domain::handbook::claim::LastFour;
use domain::handbook::code::Code as Scanned;
use domain::handbook::number::HandbookNumber;
use domain::id::InstitutionId;
use domain::visit::{LAST_FOUR_PAUSE, LAST_FOUR_TRIES, VisitKind};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::open::{Opened, Opening, given_again, open, working_institution};
use super::store;
use crate::access::Office;
use crate::access::office::OpenVisit;
use crate::app::App;
use crate::body::Body;
use crate::codes;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::form::last_four;
use crate::handbooks::{self, store::hold_to_write};
use crate::idempotency::{Attempt, Once, Work};
use crate::notices::{self, Kind};
use crate::people::Identity;
use crate::problem::Code;
use crate::session::Staff;
use crate::tries::{Limit, Try};

/// Anyone can photograph a cover, so its last four are not to be guessed.
const LAST_FOUR: Limit = Limit { purpose: "last_four", most: LAST_FOUR_TRIES, pause: LAST_FOUR_PAUSE };

/// What a scanner read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scan {
    /// The scanned text: the whole link, or what stands after `/s/`.
    code: String,
    /// Needed with the code on the cover: the last four of the ID number or phone of the woman, a guardian or the child.
    last_four: Option<String>,
}

/// Who scans, from the request.
struct Desk<'a> {
    app: &'a App,
    staff: &'a Staff,
    institution: InstitutionId,
    once: &'a Once,
    body: &'a [u8],
}

/// Scan a handbook's code
///
/// Opens a visit: until the end of the next day this institution may read the history and attach records. The code on
/// the family's phone is good for one scan; the code on the cover also needs the last four, and the family is told.
#[utoipa::path(
    tag = "visits",
    params(Once),
    request_body = Scan,
    responses(
        (status = 201, description = "The visit", body = Opened),
        (status = 409, description = "The code was scanned before (`code_used`), the handbook is closed (`handbook_closed`), the request was answered and its visit is over (`visit_over`), or a twin of the request is in flight"),
        (status = 410, description = "The code has expired (`code_expired`), or was revoked and reprinted (`code_revoked`)"),
        (status = 422, description = "Not a code, or read incompletely (`code_refused`); the last four are missing (`last_four_required`) or wrong (`last_four_wrong`); or a field is wrong"),
        (status = 429, description = "Too many wrong last four (`too_many_tries`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/visits")]
pub(crate) async fn scan(
    app: Data<App>,
    office: Office<OpenVisit>,
    once: Once,
    body: Body<Scan>,
) -> Result<HttpResponse, ApiError> {
    let Scan { code, last_four } = body.parse()?;
    let institution = working_institution(&app, &office.staff).await?;
    let desk = Desk { app: &app, staff: &office.staff, institution, once: &once, body: body.bytes() };
    match Scanned::parse(&code)? {
        Scanned::Dynamic(token) => desk.by_dynamic_code(&token).await,
        Scanned::Printed { number, signature } => {
            let serial = app.keys.check_print(number.as_str(), &signature);
            let serial = serial.ok_or_else(|| ApiError::told(Code::CodeRefused))?;
            let last_four = required_last_four(last_four.as_deref())?;
            desk.by_printed_code(&number, serial, &last_four).await
        }
    }
}

fn required_last_four(typed: Option<&str>) -> Result<LastFour, ApiError> {
    let typed = typed.filter(|typed| !typed.trim().is_empty());
    last_four("/last_four", typed.ok_or_else(|| ApiError::told(Code::LastFourRequired))?)
}

impl Desk<'_> {
    async fn by_dynamic_code(&self, token: &str) -> Result<HttpResponse, ApiError> {
        let app = self.app;
        let work = match self.once.begin(app, self.staff.id.0, None, self.body).await? {
            Attempt::Answered(answer) => return given_again(app, self.staff, answer).await,
            Attempt::New(work) => work,
        };
        let hash = app.keys.blind("code", token);
        let id = codes::store::handbook_of(&work.txn, hash.clone()).await?;
        let id = id.ok_or_else(|| ApiError::told(Code::CodeRefused))?;
        let (handbook, at) = hold_to_write(app, &work.txn, id).await?;
        codes::store::redeem(&work.txn, hash, app.now()).await?;
        let opening = self.opening(&handbook, at, VisitKind::DynamicCode);
        let opened = open(app, &work.txn, opening).await?;
        let answer = work.answer(app, opening.events(opened.id()), StatusCode::CREATED, &opened).await?;
        app.live.changed(id).await;
        Ok(answer)
    }

    async fn by_printed_code(
        &self,
        number: &HandbookNumber,
        serial: i32,
        last_four: &LastFour,
    ) -> Result<HttpResponse, ApiError> {
        let app = self.app;
        // Counted before anything is compared, and before an earlier answer is looked for, in a commit of its own.
        let attempt = Try::count(app, LAST_FOUR, &format!("{}/{}", number.as_str(), self.staff.id)).await?;
        let work = match self.once.begin(app, self.staff.id.0, None, self.body).await? {
            Attempt::Answered(answer) => {
                attempt.take_back(app.db.write()).await?;
                return given_again(app, self.staff, answer).await;
            }
            Attempt::New(work) => work,
        };
        attempt.allowed()?;
        let (handbook, at) = match in_print(app, &work.txn, number, serial).await {
            Ok(held) => held,
            Err(refusal) => {
                work.give_up().await?;
                attempt.take_back(app.db.write()).await?;
                return Err(refusal);
            }
        };
        let people = store::provers(&work.txn, &app.keys, &handbook).await?;
        if !anybody_has(&people, last_four) {
            work.give_up().await?;
            return Err(self.wrong_last_four(&handbook, &attempt).await?);
        }
        attempt.forgive(&work.txn).await?;
        let opening = self.opening(&handbook, at, VisitKind::PrintedCode);
        let opened = open(app, &work.txn, opening).await?;
        let answer = work.answer(app, opening.events(opened.id()), StatusCode::CREATED, &opened).await?;
        app.live.changed(handbook.id).await;
        Ok(answer)
    }

    fn opening<'b>(
        &'b self,
        handbook: &'b handbook::Model,
        at: DateTime<Utc>,
        kind: VisitKind,
    ) -> Opening<'b> {
        Opening { staff: self.staff, institution: self.institution, handbook, at, kind, reason: None }
    }

    /// The refusal; with the last try that was free, the family is told that somebody is guessing.
    async fn wrong_last_four(&self, handbook: &handbook::Model, attempt: &Try) -> Result<ApiError, ApiError> {
        let app = self.app;
        if attempt.left() == 0 {
            let work = Work::without_key(app).await?;
            let institution = Some(self.institution);
            notices::store::tell(&work.txn, handbook.id, Kind::TooManyTries, institution, None, app.now())
                .await?;
            let locked = self.staff.event(Told::LockedOut, OfficeAction::OpenVisit.code());
            work.done(app, locked.at(handbook.id)).await?;
            app.live.changed(handbook.id).await;
        }
        Ok(ApiError::with(Code::LastFourWrong, "left", attempt.left()))
    }
}

/// The handbook of a printed code, held, if this print of it is still good.
async fn in_print(
    app: &App,
    txn: &impl ConnectionTrait,
    number: &HandbookNumber,
    serial: i32,
) -> Result<(handbook::Model, DateTime<Utc>), ApiError> {
    let found =
        handbooks::store::by_number(txn, number).await?.ok_or_else(|| ApiError::told(Code::CodeRefused))?;
    let (handbook, at) = hold_to_write(app, txn, found.id).await?;
    if handbook.printed_serial != serial {
        return Err(ApiError::told(Code::CodeRevoked));
    }
    Ok((handbook, at))
}

/// Compares with everybody, so that the time does not tell whose last four nearly fitted.
fn anybody_has(people: &[Identity], last_four: &LastFour) -> bool {
    let numbers = people.iter().flat_map(|person| [&person.id_number, &person.phone]).flatten();
    numbers.fold(false, |found, number| found | last_four.ends(number))
}
