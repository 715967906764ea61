//! `POST /api/v1/overrides/{override}/review`: the county says whether a rule was rightly set aside.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::id::OverrideId;
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::access::Office;
use crate::access::office::ReviewOverrides;
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::review::{Finding, Review, checked_note, must_be_independent};

/// A review that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewedOverride {
    #[schema(value_type = Uuid)]
    id: OverrideId,
    accepted: bool,
    reviewed_at: DateTime<Utc>,
}

/// Review a rule that was set aside
///
/// Once, and never by who set it aside, nor by an account that somebody had in hands together with theirs, or that is younger
/// (`reviewer_not_independent`).
#[utoipa::path(tag = "overrides",
    params(("override" = Uuid, Path, description = "Override"), Once),
    request_body = Review, responses(
    (status = 200, description = "Kept", body = ReviewedOverride),
    (status = 409, description = "Somebody reviewed it before (`already_reviewed`)"),
))]
#[post("/api/v1/overrides/{override}/review")]
pub(crate) async fn keep(
    app: Data<App>,
    office: Office<ReviewOverrides>,
    id: Path<String>,
    once: Once,
    body: Body<Review>,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id = id.parse().map_err(|_| missing())?;
    let staff = &office.staff;
    let found = store::one(app.db.read(), staff.county()?, id).await?.ok_or_else(missing)?;
    must_be_independent(app.db.read(), (staff.id, app.now()), (found.staff_id, found.made_at)).await?;
    let review = body.parse()?;
    let note = review.note()?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (reviewed_at, accepted) = (app.now(), review.accepted);
    let note = checked_note(&work.txn, found.handbook_id, note).await?;
    let finding = Finding { reviewer: staff.id, accepted, note };
    if !store::review(&work.txn, &app.keys, id, &finding, reviewed_at).await? {
        return Err(ApiError::told(Code::AlreadyReviewed));
    }
    work.answer(&app, office.wrote().on(id), StatusCode::OK, &ReviewedOverride { id, accepted, reviewed_at })
        .await
}
