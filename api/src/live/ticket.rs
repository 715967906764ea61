//! `POST /api/v1/handbooks/{handbook}/live-ticket`: what opens a stream. A browser's `EventSource` sends no header, and
//! an access token has no place in an address.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::access::{Access, Watch};
use crate::app::App;
use crate::cache::{Counted, WINDOW};
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::keys::new_token;
use crate::problem::Code;

/// Most tickets of a caller in a minute: a stream lasts longer than one.
const A_MINUTE: u64 = 60;

/// A ticket for one stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ticket {
    ticket: String,
    /// Address of the stream on this server.
    url: String,
    /// Seconds in which it must be used.
    expires_in: i64,
}

/// A ticket for the live updates of a handbook
///
/// Good for one stream.
#[utoipa::path(
    tag = "live",
    params(("handbook" = uuid::Uuid, Path, description = "Handbook"), Once),
    responses((status = 201, description = "The ticket", body = Ticket)),
)]
#[post("/api/v1/handbooks/{handbook}/live-ticket")]
pub(crate) async fn give(
    app: Data<App>,
    access: Access<Watch>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    if app.cache.is_too_much(Counted::Tickets(access.caller.actor()), A_MINUTE).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    let work = match once.begin(&app, access.caller.actor(), None, &[]).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let ticket = new_token();
    let hash = app.keys.blind("live_ticket", &ticket);
    let session = access.caller.session();
    store::keep_ticket(&work.txn, hash, session, access.handbook.id, app.now()).await?;
    let url = format!("/api/v1/live?ticket={ticket}");
    let ticket = Ticket { ticket, url, expires_in: store::TICKET_LIFE.num_seconds() };
    work.answer(&app, access.wrote(), StatusCode::CREATED, &ticket).await
}
