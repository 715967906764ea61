//! `POST /api/v1/handbooks/{handbook}/reclaim`: a phone or account is lost; at a desk, with the ID card shown, a slip is
//! printed with which the new account takes the place of the lost one.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::access::Action;
use domain::handbook::State;
use domain::member::MemberRelation;
use domain::person::IdNumber;
use serde::Deserialize;
use utoipa::ToSchema;

use super::print::Slip;
use super::proof::{must_be_shown, try_at_desk};
use super::store::{self, Act};
use crate::access::{Access, Reclaim};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;
use crate::session::Staff;

/// Whose account was lost, and what was shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReclaimRequest {
    /// Who the lost owner is in the handbook.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// The ID number that was shown: for the woman her own; for others hers or a child's.
    pub id_number: String,
    /// Why.
    pub reason: String,
}

/// Print a slip that re-claims a lost account
///
/// The handbook keeps its members until the slip is used; then the lost owner's membership ends and the new account is
/// owner. Members are told at once and again when it is used. After five wrong ID numbers a desk waits an hour.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = ReclaimRequest,
    responses(
        (status = 201, description = "The slip of the next claim", body = Slip),
        (status = 429, description = "Five wrong ID numbers: wait (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/reclaim")]
pub(crate) async fn reclaim(
    app: Data<App>,
    access: Access<Reclaim>,
    once: Once,
    body: Body<ReclaimRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let shown = form.id_number("/id_number", Some(&request.id_number));
    let reason = form.remark("/reason", &request.reason, &REMARK);
    form.done()?;

    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let attempt = try_at_desk(&app, access.handbook.id, staff.id).await?;
    let lost = Lost { shown: shown.as_ref(), relation: request.relation, reason };
    let outcome = print(&app, &access, staff, lost, &once, body.bytes()).await;
    attempt.end(&app, outcome, Code::IdentityNotShown).await
}

/// The lost account as the desk tells it, checked for form.
struct Lost<'a> {
    shown: Option<&'a IdNumber>,
    relation: MemberRelation,
    reason: Remark,
}

async fn print(
    app: &App,
    access: &Access<Reclaim>,
    staff: &Staff,
    lost: Lost<'_>,
    once: &Once,
    bytes: &[u8],
) -> Result<HttpResponse, ApiError> {
    let work = match once.begin(app, staff.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = store::hold_live(txn, access.handbook.id).await?;
    if held.state != State::Claimed {
        return Err(ApiError::told(Code::NotClaimed));
    }
    let reason = lost.reason.checked(is_unborn(txn, &held).await?)?;
    must_be_shown(txn, &app.keys, &held, lost.shown, lost.relation).await?;

    let slip = Slip::new(now);
    let (hash, relation) = (slip.hash(&app.keys), Some(lost.relation));
    store::keep_slip(txn, held.id, State::Claimed, hash, slip.expires_at, relation).await?;
    let act = Act { handbook: held.id, action: Action::Reclaim, staff, reason: &reason, person: None };
    store::keep_act(txn, &app.keys, act, now).await?;
    notices::store::tell(txn, held.id, Kind::Reclaimed, staff.institution, None, now).await?;
    let answer = work.answer(app, StatusCode::CREATED, &slip).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}
