//! `POST /api/v1/handbooks/{handbook}/children/{child}/death`: a child has died. `POST …/death/void`: that was recorded in
//! error.
//!
//! Whatever speaks of the child stops in the transaction that records it: open danger signs are answered, and whoever plans
//! or congratulates reads `ended_on`. Nobody is told: the family knows.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::access::Action;
use domain::handbook::{CloseReason, State};
use domain::id::ChildId;
use domain::pregnancy::is_subject;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::access::{Access, ManagePregnancy, must_be_live};
use crate::alerts::store::{self as alerts, Ended};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::{child, handbook};
use crate::error::ApiError;
use crate::form::{Form, REASON};
use crate::handbooks::store::{self as handbooks, Act, hold, hold_live};
use crate::idempotency::{Attempt, Once};
use crate::members::store as members;
use crate::pregnancies::store as pregnancies;
use crate::problem::Code;

/// When a child died.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeathRequest {
    /// The day, from the birth to today.
    pub died_on: NaiveDate,
    /// Where it is known from; the medical report is a record of its own.
    pub note: Option<String>,
}

/// Why a death is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeathVoided {
    /// In words.
    pub reason: String,
}

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
    let mut form = Form::default();
    let note = form.optional_line("/note", request.note.as_deref(), REASON);
    form.done()?;

    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = hold_live(txn, access.handbook.id).await?;
    let row = one(txn, &held, path.1).await?;
    check_day(&row, request.died_on, app.today())?;
    let ended = store::end(txn, row.id, request.died_on).await?;
    let ended = ended.ok_or_else(|| ApiError::told(Code::ChildHasDied))?;
    alerts::end_of_subject(txn, &app.keys, held.id, Ended::Child(ended.id), staff.id, now).await?;
    let reason = note.unwrap_or_else(|| CloseReason::Death.code().to_owned());
    let act =
        Act { handbook: held.id, action: Action::ManagePregnancy, staff, reason: &reason, person: None };
    handbooks::keep_act(txn, &app.keys, act, now).await?;
    let state = settle(&app, txn, &held).await?;

    let answer = work.answer(&app, StatusCode::CREATED, &AfterDeath::of(&ended, state)).await?;
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
    let mut form = Form::default();
    let reason = form.line("/reason", &request.reason, REASON);
    form.done()?;

    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = hold(txn, access.handbook.id).await?;
    must_be_open_but_for_a_death(txn, &held).await?;
    let row = one(txn, &held, path.1).await?;
    let alive = store::revive(txn, row.id).await?.ok_or_else(|| ApiError::told(Code::NoDeath))?;
    let state = if held.state.is_live() { held.state } else { reopen(&app, txn, &held).await? };
    let act =
        Act { handbook: held.id, action: Action::ManagePregnancy, staff, reason: &reason, person: None };
    handbooks::keep_act(txn, &app.keys, act, app.now()).await?;

    let answer = work.answer(&app, StatusCode::OK, &AfterDeath::of(&alive, state)).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// A handbook that a recorded death closed was closed by no desk.
async fn must_be_open_but_for_a_death(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
) -> Result<(), ApiError> {
    let by_a_death = held.state == State::Closed
        && held.close_reason == Some(CloseReason::Death)
        && !handbooks::has_act(txn, held.id, Action::Close).await?;
    if by_a_death { Ok(()) } else { must_be_live(held) }
}

/// Opens a handbook again: its children take back their place as those who have one.
async fn reopen(app: &App, txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<State, ApiError> {
    let has_members = !members::live(txn, held.id).await?.is_empty();
    let state = if has_members { State::Claimed } else { State::Issued };
    handbooks::reopen(txn, held.id, state).await?;
    store::take_back_places(app, txn, held).await?;
    Ok(state)
}

async fn one(txn: &impl ConnectionTrait, held: &handbook::Model, id: Uuid) -> Result<child::Model, ApiError> {
    store::one(txn, held.id, ChildId(id)).await?.ok_or_else(|| ApiError::told(Code::NotFound))
}

fn check_day(row: &child::Model, died_on: NaiveDate, today: NaiveDate) -> Result<(), ApiError> {
    let born_on = row.born_on;
    if (born_on..=today).contains(&died_on) {
        return Ok(());
    }
    let zh = format!("死亡日期应在{born_on}至{today}之间。");
    let en = format!("The day of death lies between {born_on} and {today}.");
    Err(ApiError::field("/died_on", "out_of_range", zh, en))
}

/// A handbook closes when all its subjects do.
async fn settle(app: &App, txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<State, ApiError> {
    let children = store::of_handbook(txn, held.id).await?;
    let courses = pregnancies::courses(txn, held.id).await?;
    let is_anybody_left = children.iter().any(|child| child.ended_on.is_none())
        || is_subject(held.expecting_id.is_some(), &courses, app.today());
    if is_anybody_left {
        return Ok(held.state);
    }
    handbooks::close(txn, held.id, CloseReason::Death, app.now()).await?;
    Ok(State::Closed)
}
