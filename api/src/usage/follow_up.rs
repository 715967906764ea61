//! `POST /api/v1/handbooks/{handbook}/usage-follow-up`: somebody asked whether the handbook is in use (flow B8).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::id::FollowUpId;
use domain::usage::{Evidence, Found};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{count, store};
use crate::access::{Access, FollowUpUsage};
use crate::app::App;
use crate::body::{Body, chosen_id};
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks::store::hold_to_write;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::records::setting::is_unborn;

/// What was found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Id of what this creates; an `Idempotency-Key` may stand in for it.
    #[serde(default, deserialize_with = "chosen_id")]
    id: Option<Uuid>,
    /// `used` (on paper, too), `not_used` or `lost`. Only `used` is evidence of use.
    #[schema(value_type = String, example = "used")]
    found: Found,
    /// Anything worth remembering, at most 500 characters.
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// A follow-up that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct FollowUp {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: FollowUpId,
    /// What was found.
    #[schema(value_type = String, example = "used")]
    found: Found,
    /// When it was received.
    found_at: DateTime<Utc>,
}

/// Say whether a handbook was found in use
///
/// A handbook found in use, on paper too, counts as used from the day on which the finding is received.
#[utoipa::path(
    tag = "usage",
    params(("handbook" = Uuid, Path, description = "The handbook"), Once),
    request_body = Request,
    responses(
        (status = 201, description = "Kept", body = FollowUp),
        (status = 409, description = "The handbook is closed or replaced, or the id is used already"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/usage-follow-up")]
pub(crate) async fn follow_up(
    app: Data<App>,
    access: Access<FollowUpUsage>,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { id, found, note } = body.parse()?;
    let mut form = Form::default();
    let note = form.optional_remark("/note", note.as_deref(), &REMARK);
    form.done()?;
    let staff = access.caller.staff()?;
    let work = match once.begin(&app, staff.id.0, id, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let id = FollowUpId(id.unwrap_or_else(Uuid::now_v7));
    let (held, now) = hold_to_write(&app, &work.txn, access.handbook.id).await?;
    access.judge_again(&work.txn, &held).await?;
    let unborn = is_unborn(&work.txn, &held).await?;
    let note = note.map(|note| note.checked(unborn)).transpose()?;
    let new = store::NewFollowUp { id, handbook: held.id, found, note: note.as_deref(), found_at: now };
    if !store::keep_follow_up(&work.txn, &app.keys, staff, new).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    if found == Found::Used {
        count::evidence(&work.txn, &held, Evidence::FollowUp, now).await?;
    }
    work.answer(&app, access.wrote().on(id), StatusCode::CREATED, &FollowUp { id, found, found_at: now })
        .await
}
