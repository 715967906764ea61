//! `POST /api/v1/handbooks/{handbook}/code`: the code that the family's phone shows at the desk.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::handbook::code::link;
use serde::Serialize;
use utoipa::ToSchema;

use super::picture::{Medium, Picture};
use super::store;
use crate::access::{Access, ShowCode, must_be_live};
use crate::app::App;
use crate::cache::{Counted, WINDOW};
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::keys::new_token;
use crate::members::store as members;
use crate::problem::Code;
use crate::session::User;

/// Codes that one user may make a minute: far more than a phone that renews each five, far fewer than a flood.
const A_MINUTE: u64 = 30;

/// A code to show for five minutes, good for one scan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownCode {
    /// What the picture says.
    url: String,
    /// Until when it can be scanned.
    expires_at: DateTime<Utc>,
    /// The picture as an SVG document.
    svg: String,
    /// The picture as a PNG file in base64.
    png: String,
}

/// Make the code that the phone shows at the desk
///
/// Valid for five minutes and one scan. An older one that is still valid stays so.
#[utoipa::path(
    tag = "codes",
    params(("handbook" = uuid::Uuid, Path, description = "Handbook"), Once),
    responses(
        (status = 201, description = "The code", body = ShownCode),
        (status = 409, description = "The handbook is closed (`handbook_closed`)"),
        (status = 429, description = "Too many codes; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/code")]
pub(crate) async fn show(
    app: Data<App>,
    access: Access<ShowCode>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    let user = access.caller.family()?;
    must_be_live(&access.handbook)?;
    refuse_flood(&app, user).await?;
    // Drawn before the transaction begins, which others wait for.
    let token = new_token();
    let url = link(&app.config.public_url, &token);
    let picture = Picture::of(&url, Medium::Screen)?;
    let (svg, png) = (picture.svg(), STANDARD.encode(picture.png()?));
    let work = match once.begin(&app, user.id.0, None, &[]).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let member = members::of_user_in(&work.txn, access.handbook.id, user.id).await?;
    let member = member.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let hash = app.keys.blind("code", &token);
    let expires_at = store::keep(&work.txn, access.handbook.id, member.id, hash, app.now()).await?;
    let shown = ShownCode { svg, png, url, expires_at };
    work.answer(&app, access.wrote(), StatusCode::CREATED, &shown).await
}

async fn refuse_flood(app: &App, user: User) -> Result<(), ApiError> {
    if app.cache.is_too_much(Counted::Codes(user.id), A_MINUTE).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    Ok(())
}
