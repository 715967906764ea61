//! `POST /api/v1/handbooks/{handbook}/printed-code/revoke`: the old cover is void, here is the new one.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::printed::{PrintedCode, as_data};
use super::store;
use crate::access::{Access, PrintCode, must_be_live};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::problem::Code;

/// Revoke the printed code and make the next
///
/// Every earlier print is void at once; the family is told.
#[utoipa::path(
    tag = "codes",
    params(("handbook" = uuid::Uuid, Path, description = "Handbook"), Once),
    responses(
        (status = 201, description = "The new code", body = PrintedCode),
        (status = 409, description = "The handbook is closed (`handbook_closed`), or was reprinted too often (`prints_used_up`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/printed-code/revoke")]
pub(crate) async fn revoke(
    app: Data<App>,
    access: Access<PrintCode>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    let handbook = &access.handbook;
    must_be_live(handbook)?;
    let work = match once.begin(&app, access.caller.actor(), None, &[]).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let serial = store::next_serial(&work.txn, handbook.id).await?;
    let serial = serial.ok_or_else(|| ApiError::told(Code::PrintsUsedUp))?;
    let institution = access.caller.staff()?.institution;
    notices::store::tell(&work.txn, handbook.id, Kind::CodeReprinted, institution, None, app.now()).await?;
    let answer =
        work.answer(&app, access.wrote(), StatusCode::CREATED, &as_data(&app, handbook, serial)?).await?;
    app.live.changed(handbook.id).await;
    Ok(answer)
}
