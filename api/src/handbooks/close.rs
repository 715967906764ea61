//! `POST /api/v1/handbooks/{handbook}/close`: nothing is added to it any more; its family can go on reading.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::access::Action;
use domain::handbook::{CloseReason, State, may_close};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, Act};
use crate::access::{Access, Close};
use crate::alerts::store::{self as alerts, Ended};
use crate::app::App;
use crate::body::Body;
use crate::children::store as children;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::pregnancies::store as pregnancies;
use crate::problem::Code;
use crate::records::setting::is_unborn;

/// Why it is closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {
    /// `child_past_six`, `moved_away`, `merged` or `death`.
    #[schema(value_type = String)]
    pub reason: CloseReason,
    /// More about it.
    pub note: Option<String>,
}

/// A closed handbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Closed {
    /// `closed`.
    #[schema(value_type = String)]
    pub state: State,
    /// Why.
    #[schema(value_type = String)]
    pub reason: CloseReason,
    /// Version of the handbook now.
    pub version: i32,
}

/// Close a handbook
///
/// With the reason `death` nobody of it lives any more: the danger signs that nobody has answered are answered by it.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = CloseRequest,
    responses((status = 200, description = "Closed", body = Closed)),
)]
#[post("/api/v1/handbooks/{handbook}/close")]
pub(crate) async fn close(
    app: Data<App>,
    access: Access<Close>,
    once: Once,
    body: Body<CloseRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let note = form.optional_remark("/note", request.note.as_deref(), &REMARK);
    form.done()?;

    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = store::hold_as(txn, &access).await?;
    let unborn = is_unborn(txn, &held).await?;
    let note = note.map(|note| note.checked(unborn)).transpose()?;
    let reason = note.unwrap_or_else(|| request.reason.code().to_owned());
    let born: Vec<_> = children::of_handbook(txn, held.id).await?.iter().map(|child| child.born_on).collect();
    let pregnancies = pregnancies::of_handbook(txn, held.id).await?;
    let is_pregnant = pregnancies.iter().any(|pregnancy| pregnancy.outcome.is_none());
    may_close(request.reason, &born, is_pregnant, app.today())?;
    if !store::close(txn, held.id, request.reason, now).await? {
        return Err(ApiError::told(Code::HandbookClosed));
    }
    // Which day and whose death it was, nobody said here: the children keep their rows as they are.
    if request.reason == CloseReason::Death {
        alerts::end_of_subject(txn, &app.keys, held.id, Ended::Everybody, staff.id, now).await?;
    }
    let act = Act { handbook: held.id, action: Action::Close, staff, reason: &reason, person: None };
    store::keep_act(txn, &app.keys, act, now).await?;

    let closed = Closed { state: State::Closed, reason: request.reason, version: held.version + 1 };
    let answer = work.answer(&app, access.wrote(), StatusCode::OK, &closed).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}
