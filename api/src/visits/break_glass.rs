//! `POST /api/v1/break-glass`: emergency access for an hour, told to the family and listed for review.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::TimeDelta;
use domain::calendar::start_of_day;
use domain::handbook::number::HandbookNumber;
use domain::person::IdNumber;
use domain::visit::{BREAK_GLASS_A_DAY, EmergencyReason, REASON_LENGTH, VisitKind};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::open::{Opened, Opening, given_again, open, working_institution};
use super::store;
use crate::access::{Office, must_be_live, office};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::{self, store::hold};
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;
use crate::tries::{Limit, Try};

/// Counted by day: what was tried on one never shortens the next.
const A_DAY: Limit = Limit { purpose: "break_glass", most: BREAK_GLASS_A_DAY, pause: TimeDelta::days(1) };

/// Whose handbook, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Emergency {
    /// Number of the handbook; this or `id_number`.
    number: Option<String>,
    /// ID number of the woman or the child; this or `number`. Of several live handbooks the newest is opened.
    id_number: Option<String>,
    /// Kind of emergency.
    #[schema(value_type = String)]
    reason_code: EmergencyReason,
    /// What happened: 10 to 500 characters.
    reason: String,
}

/// By what the handbook is found.
enum Wanted {
    Number(HandbookNumber),
    IdNumber(IdNumber),
}

/// Open emergency access
///
/// For an hour and for this clinician alone. The family is told at once, the county reviews it, and nobody may do it
/// more than ten times a day; a handbook that was not found counts too.
#[utoipa::path(
    tag = "visits",
    params(Once),
    request_body = Emergency,
    responses(
        (status = 201, description = "The access", body = Opened),
        (status = 404, description = "No such handbook, as far as the caller may know"),
        (status = 409, description = "The handbook is closed (`handbook_closed`), or a twin of the request is in flight"),
        (status = 429, description = "Too often (`too_many_tries`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/break-glass")]
pub(crate) async fn open_emergency(
    app: Data<App>,
    office: Office<office::BreakGlass>,
    once: Once,
    body: Body<Emergency>,
) -> Result<HttpResponse, ApiError> {
    let emergency: Emergency = body.parse()?;
    let (wanted, reason) = read(&emergency)?;
    let staff = &office.staff;
    let institution = working_institution(&app, staff).await?;
    let attempt = Try::count(&app, A_DAY, &format!("{}/{}", staff.id, app.today())).await?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => {
            attempt.take_back(app.db.write()).await?;
            return given_again(&app, staff, answer).await;
        }
        Attempt::New(work) => work,
    };
    attempt.allowed().map_err(|_| until_midnight(&app))?;
    let found = find(&app, &work.txn, &wanted).await?.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let handbook = hold(&work.txn, found.id).await?;
    // What is blocked after an account was closed is kept for this.
    if handbook.blocked_until.is_none() {
        must_be_live(&handbook)?;
    }
    let reason = reason.checked(is_unborn(&work.txn, &handbook).await?)?;
    let opening = Opening {
        staff,
        institution,
        handbook: &handbook,
        at: app.now(),
        kind: VisitKind::BreakGlass,
        reason: Some(&reason),
    };
    let opened = open(&app, &work.txn, opening).await?;
    store::insert_break_glass(&work.txn, opened.id(), &handbook, emergency.reason_code).await?;
    let answer = work.answer(&app, opening.events(opened.id()), StatusCode::CREATED, &opened).await?;
    tracing::warn!(visit = %opened.id(), reason = emergency.reason_code.code(), "emergency access was opened");
    app.live.changed(handbook.id).await;
    Ok(answer)
}

fn read(emergency: &Emergency) -> Result<(Wanted, Remark), ApiError> {
    let mut form = Form::default();
    let number = form.handbook_number("/number", emergency.number.as_deref()).map(Wanted::Number);
    let id_number = form.id_number("/id_number", emergency.id_number.as_deref()).map(Wanted::IdNumber);
    if emergency.number.is_some() == emergency.id_number.is_some() {
        form.refuse(
            "/number",
            "required",
            "请填写手册编号或身份证号，二者取一。",
            "Give either the handbook number or the ID number.",
        );
    }
    let reason = form.remark("/reason", &emergency.reason, &REASON_LENGTH);
    form.end(number.or(id_number).map(|wanted| (wanted, reason)))
}

async fn find(
    app: &App,
    txn: &impl ConnectionTrait,
    wanted: &Wanted,
) -> Result<Option<handbook::Model>, ApiError> {
    match wanted {
        Wanted::Number(number) => Ok(handbooks::store::by_number(txn, number).await?),
        Wanted::IdNumber(number) => store::of_person(txn, &app.keys, number).await,
    }
}

fn until_midnight(app: &App) -> ApiError {
    let midnight = app.today().succ_opt().map_or(app.now(), start_of_day);
    ApiError::Wait(Code::TooManyTries, (midnight - app.now()).to_std().unwrap_or(Duration::ZERO))
}
