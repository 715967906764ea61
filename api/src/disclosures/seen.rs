//! `POST /api/v1/exports/{export}/seen`: whoever looks after an account has seen what it was given.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::id::DisclosureId;
use serde::Serialize;
use utoipa::ToSchema;

use super::list::of_another;
use super::store;
use crate::access::{Office, office};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;

/// That it was seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Seen {
    #[schema(value_type = Uuid)]
    id: DisclosureId,
    seen_at: DateTime<Utc>,
}

/// Mark what an account was given as seen
///
/// By who may decide on it, and never by who asked: an export of any size, or an account that ran into its limit of a day.
#[utoipa::path(
    tag = "exports",
    params(("export" = Uuid, Path, description = "What was asked for"), Once),
    responses(
        (status = 200, description = "Kept", body = Seen),
        (status = 403, description = "It is the caller's own (`own_disclosure`), or the role does not look after others"),
        (status = 409, description = "Somebody marked it before (`already_seen`)"),
    ),
)]
#[post("/api/v1/exports/{export}/seen")]
pub(crate) async fn mark_seen(
    app: Data<App>,
    office: Office<office::DecideDisclosure>,
    id: Path<String>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    let staff = &office.staff;
    let id = of_another(&app, staff, &id).await?.id;
    let work = match once.begin(&app, staff.id.0, None, b"").await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let seen_at = app.now();
    if !store::mark_seen(&work.txn, id, staff.id, seen_at).await? {
        return Err(ApiError::told(Code::AlreadySeen));
    }
    work.answer(&app, office.wrote().on(id), StatusCode::OK, &Seen { id, seen_at }).await
}
