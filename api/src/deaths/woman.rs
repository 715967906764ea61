//! `POST /api/v1/handbooks/{handbook}/woman/death`: the woman has died, in childbed or later. `POST …/death/void`: that was
//! recorded in error.
//!
//! While a pregnancy is open her death is its outcome (`maternal_death`).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::access::Action;
use domain::calendar::FIRST_DAY;
use domain::handbook::{Group, State};
use domain::id::PersonId;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DeathRequest, DeathVoided, check_day, keep_act, stop};
use crate::access::{Access, ManagePregnancy};
use crate::alerts::store::Ended;
use crate::app::App;
use crate::body::Body;
use crate::children::store as children;
use crate::db::entities::{child, handbook, pregnancy};
use crate::error::ApiError;
use crate::handbooks::refused::watched;
use crate::handbooks::store::{end_woman, hold, hold_as, revive_woman};
use crate::handbooks::subjects::{close_if_nobody_is_left, must_be_open_but_for_a_death, open_again};
use crate::idempotency::{Attempt, Once};
use crate::pregnancies::store::{self as pregnancies, woman_died_on};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;

/// The woman after her death was recorded or taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct WomanAfterDeath {
    /// The person.
    #[schema(value_type = Uuid)]
    pub id: PersonId,
    /// The day; absent after it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub died_on: Option<NaiveDate>,
    /// State of the handbook now: `closed` when it has no subject any more.
    #[schema(value_type = String)]
    pub state: State,
}

/// Record the death of the woman
///
/// The handbook waits for no pregnancy any more, and closes unless a child of it lives. While a pregnancy is open, record
/// `maternal_death` as its outcome instead. The day is not before the woman is known to have lived: the end of her last
/// pregnancy and her discharge, the births, and the issue of the handbook unless it was issued for a child. Records of her
/// do not count: who may mend a wrong date is its author alone, and nobody should have to wait for that.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = DeathRequest,
    responses(
        (status = 201, description = "Recorded", body = WomanAfterDeath),
        (status = 409, description = "A pregnancy is open, so that her death is its outcome (`death_is_outcome`), her death stands already (`woman_has_died`), or the handbook is closed (`handbook_closed`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/woman/death")]
pub(crate) async fn record(
    app: Data<App>,
    access: Access<ManagePregnancy>,
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
    let woman = held.woman_id.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let pregnancies = pregnancies::of_handbook(txn, held.id).await?;
    must_be_alive(&held, &pregnancies)?;
    let children = children::of_handbook(txn, held.id).await?;
    check_day(last_sign_of_life(&held, &pregnancies, &children), request.died_on, app.today())?;
    let ended = end_woman(txn, held.id, request.died_on).await?;
    let ended = ended.ok_or_else(|| ApiError::told(Code::WomanHasDied))?;
    stop(&app, txn, held.id, Ended::Woman, staff, &reason).await?;
    let state = close_if_nobody_is_left(&app, txn, &ended).await?;

    let died = WomanAfterDeath { id: woman, died_on: ended.woman_died_on, state };
    let answer = work.answer(&app, access.wrote(), StatusCode::CREATED, &died).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// Take back the death of the woman that was recorded in error
///
/// The handbook waits for her again as it did before, and is open again if it closed because of her death, unless she was
/// issued another by now. A maternal death is taken back as the outcome that it is.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = DeathVoided,
    responses(
        (status = 200, description = "Taken back", body = WomanAfterDeath),
        (status = 409, description = "No death stands (`no_death`), it stands as the outcome of a pregnancy (`death_is_outcome`), she was issued another handbook since (`already_has_handbook`), or the handbook is closed for another reason (`handbook_closed`)"),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/woman/death/void")]
pub(crate) async fn take_back(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    once: Once,
    body: Body<DeathVoided>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let reason = request.reason()?;

    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let work = Box::pin(undo(&app, &access, &once, (reason, body.bytes())));
    watched(&app, staff, Action::ManagePregnancy.code(), work).await
}

async fn undo(
    app: &App,
    access: &Access<ManagePregnancy>,
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
    let woman = held.woman_id.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let Some(alive) = revive_woman(txn, held.id).await? else {
        return Err(no_death(txn, &held).await?);
    };
    let state = open_again(app, txn, &alive).await?;
    keep_act(app, txn, held.id, staff, &reason).await?;

    let alive = WomanAfterDeath { id: woman, died_on: None, state };
    let answer = work.answer(app, access.wrote(), StatusCode::OK, &alive).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

fn must_be_alive(held: &handbook::Model, pregnancies: &[pregnancy::Model]) -> Result<(), ApiError> {
    if woman_died_on(held, pregnancies).is_some() {
        return Err(ApiError::told(Code::WomanHasDied));
    }
    if pregnancies.iter().any(|pregnancy| pregnancy.outcome.is_none()) {
        return Err(ApiError::told(Code::DeathIsOutcome));
    }
    Ok(())
}

/// Why there is nothing to take back here.
async fn no_death(txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<ApiError, ApiError> {
    let pregnancies = pregnancies::of_handbook(txn, held.id).await?;
    let stands_elsewhere = woman_died_on(held, &pregnancies).is_some();
    Ok(ApiError::told(if stands_elsewhere { Code::DeathIsOutcome } else { Code::NoDeath }))
}

/// The last day on which the rows say that she lived. A child's handbook may be issued after its mother died.
fn last_sign_of_life(
    held: &handbook::Model,
    pregnancies: &[pregnancy::Model],
    children: &[child::Model],
) -> NaiveDate {
    let births = children.iter().map(|child| child.born_on);
    let ends = pregnancies.iter().flat_map(|pregnancy| [pregnancy.ended_on, pregnancy.discharged_on]);
    let issue = Some(held.issued_on).filter(|_| held.issued_group != Group::Child);
    births.chain(ends.flatten()).chain(issue).max().unwrap_or(FIRST_DAY)
}
