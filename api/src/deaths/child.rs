//! `POST /api/v1/handbooks/{handbook}/children/{child}/death`: a child has died. `POST …/death/void`: that was recorded in
//! error.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::access::Action;
use domain::handbook::State;
use domain::id::ChildId;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{DeathRequest, DeathVoided, check_day, keep_act, stop};
use crate::access::{Access, ManagePregnancy};
use crate::alerts::store::Ended;
use crate::app::App;
use crate::body::Body;
use crate::children::store;
use crate::db::entities::{child, handbook};
use crate::error::ApiError;
use crate::handbooks::refused::watched;
use crate::handbooks::store::{hold, hold_as};
use crate::handbooks::subjects::{close_if_nobody_is_left, must_be_open_but_for_a_death, open_again};
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;

/// A child after its death was recorded or taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct AfterDeath {
    /// The child.
    #[schema(value_type = Uuid)]
    pub id: ChildId,
    /// The day; absent after it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub died_on: Option<NaiveDate>,
    /// State of the handbook now: `closed` when it has no subject any more.
    #[schema(value_type = String)]
    pub state: State,
    /// Version of the child now.
    pub version: i32,
}

impl AfterDeath {
    fn of(row: &child::Model, state: State) -> Self {
        Self { id: row.id, died_on: row.ended_on, state, version: row.version }
    }
}

/// Record the death of a child
///
/// The handbook closes when it has no subject any more: no living child, and no woman who is pregnant, in her puerperium or
/// waited for.
#[utoipa::path(
    tag = "children",
    params(("handbook" = Uuid, Path), ("child" = Uuid, Path), Once),
    request_body = DeathRequest,
    responses(
        (status = 201, description = "Recorded", body = AfterDeath),
        (status = 409, description = "The child's death stands already (`child_has_died`), or the handbook is closed (`handbook_closed`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/children/{child}/death")]
pub(crate) async fn record(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    once: Once,
    body: Body<DeathRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let reason = request.reason()?;

    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = hold_as(txn, &access).await?;
    let reason = reason.checked(is_unborn(txn, &held).await?)?;
    let row = one(txn, &held, path.1).await?;
    check_day(row.born_on, request.died_on, app.today())?;
    let ended = store::end(txn, row.id, request.died_on).await?;
    let ended = ended.ok_or_else(|| ApiError::told(Code::ChildHasDied))?;
    stop(&app, txn, held.id, Ended::Child(ended.id), staff, &reason).await?;
    let state = close_if_nobody_is_left(&app, txn, &held).await?;

    let answer =
        work.answer(&app, access.wrote(), StatusCode::CREATED, &AfterDeath::of(&ended, state)).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// Take back the death of a child that was recorded in error
///
/// A handbook that closed because of it is open again, unless the child has another by now.
#[utoipa::path(
    tag = "children",
    params(("handbook" = Uuid, Path), ("child" = Uuid, Path), Once),
    request_body = DeathVoided,
    responses(
        (status = 200, description = "Taken back", body = AfterDeath),
        (status = 409, description = "No death stands (`no_death`), the child was issued another handbook since (`already_has_handbook`), or the handbook is closed for another reason (`handbook_closed`)"),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/children/{child}/death/void")]
pub(crate) async fn take_back(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    once: Once,
    body: Body<DeathVoided>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let reason = request.reason()?;

    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let work = Box::pin(undo(&app, &access, path.1, &once, (reason, body.bytes())));
    watched(&app, staff, Action::ManagePregnancy.code(), work).await
}

async fn undo(
    app: &App,
    access: &Access<ManagePregnancy>,
    child: Uuid,
    once: &Once,
    (reason, bytes): (Remark, &[u8]),
) -> Result<HttpResponse, ApiError> {
    let staff = access.caller.staff()?;
    let work = match once.begin(app, staff.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = hold(txn, access.handbook.id).await?;
    access.judge_again(txn, &held).await?;
    let reason = reason.checked(is_unborn(txn, &held).await?)?;
    must_be_open_but_for_a_death(txn, &held).await?;
    let row = one(txn, &held, child).await?;
    let alive = store::revive(txn, row.id).await?.ok_or_else(|| ApiError::told(Code::NoDeath))?;
    let state = open_again(app, txn, &held).await?;
    keep_act(app, txn, held.id, staff, &reason).await?;

    let answer = work.answer(app, access.wrote(), StatusCode::OK, &AfterDeath::of(&alive, state)).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

async fn one(txn: &impl ConnectionTrait, held: &handbook::Model, id: Uuid) -> Result<child::Model, ApiError> {
    store::one(txn, held.id, ChildId(id)).await?.ok_or_else(|| ApiError::told(Code::NotFound))
}
