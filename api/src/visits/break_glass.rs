//! `POST /api/v1/break-glass`: emergency access for an hour, told to the family and listed for review.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use chrono::TimeDelta;
use domain::calendar::start_of_day;
use domain::handbook::number::HandbookNumber;
use domain::person::IdNumber;
use domain::visit::{BREAK_GLASS_A_DAY, EmergencyReason, VisitKind};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::by_id_card::checked_reason;
use super::open::{Opened, Opening, open, working_institution};
use super::store;
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::handbook;
use crate::error::{ApiError, FieldProblem};
use crate::handbooks::store::hold_live;
use crate::idempotency::{Attempt, Once, request_id};
use crate::people;
use crate::problem::Code;
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
    request: HttpRequest,
    office: Office<office::BreakGlass>,
    once: Once,
    body: Body<Emergency>,
) -> Result<HttpResponse, ApiError> {
    let emergency: Emergency = body.parse()?;
    let (wanted, reason) = checked(&emergency)?;
    let staff = &office.staff;
    let institution = working_institution(&app, staff).await?;
    let attempt = Try::count(&app, A_DAY, &format!("{}/{}", staff.id, app.today())).await?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => {
            attempt.take_back(app.db.write()).await?;
            return Ok(answer);
        }
        Attempt::New(work) => work,
    };
    attempt.allowed().map_err(|_| until_midnight(&app))?;
    let found = find(&app, &work.txn, &wanted).await?.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let handbook = hold_live(&work.txn, found.id).await?;
    let opening = Opening {
        staff,
        institution,
        handbook: &handbook,
        kind: VisitKind::BreakGlass,
        reason: Some(&reason),
        request_id: request_id(&request),
    };
    let opened = open(&app, &work.txn, opening).await?;
    store::insert_break_glass(&work.txn, opened.id(), &handbook, emergency.reason_code).await?;
    let answer = work.answer(&app, StatusCode::CREATED, &opened).await?;
    tracing::warn!(visit = %opened.id(), reason = emergency.reason_code.code(), "emergency access was opened");
    app.live.changed(handbook.id).await;
    Ok(answer)
}

fn checked(emergency: &Emergency) -> Result<(Wanted, String), ApiError> {
    let reason = checked_reason(&emergency.reason);
    let wanted = match (&emergency.number, &emergency.id_number) {
        (Some(number), None) => HandbookNumber::parse(number).map(Wanted::Number).map_err(|refusal| {
            FieldProblem::new(
                "/number",
                "not_a_handbook_number",
                "不是有效的16位手册编号。",
                refusal.to_string(),
            )
        }),
        (None, Some(number)) => IdNumber::parse(number).map(Wanted::IdNumber).map_err(|refusal| {
            FieldProblem::new(
                "/id_number",
                "not_an_id_number",
                "不是有效的18位身份证号。",
                refusal.to_string(),
            )
        }),
        _ => Err(FieldProblem::new(
            "/number",
            "required",
            "请填写手册编号或身份证号，二者取一。",
            "Give either the handbook number or the ID number.",
        )),
    };
    match (wanted, reason) {
        (Ok(wanted), Ok(reason)) => Ok((wanted, reason)),
        (wanted, reason) => {
            Err(ApiError::Invalid([wanted.err(), reason.err()].into_iter().flatten().collect()))
        }
    }
}

/// The wanted handbook; of a person's several, the newest that is live, else the newest.
async fn find(
    app: &App,
    txn: &impl ConnectionTrait,
    wanted: &Wanted,
) -> Result<Option<handbook::Model>, ApiError> {
    let number = match wanted {
        Wanted::Number(number) => return Ok(store::by_number(txn, number).await?),
        Wanted::IdNumber(number) => number,
    };
    let Some(person) = people::store::by_id_number(txn, &app.keys, number).await? else { return Ok(None) };
    let mut found = store::about(txn, person.id).await?;
    let live = found.iter().position(|handbook| handbook.state.is_live());
    Ok(if found.is_empty() { None } else { Some(found.swap_remove(live.unwrap_or(0))) })
}

fn until_midnight(app: &App) -> ApiError {
    let midnight = app.today().succ_opt().map_or(app.now(), start_of_day);
    ApiError::Wait(Code::TooManyTries, (midnight - app.now()).to_std().unwrap_or(Duration::ZERO))
}
