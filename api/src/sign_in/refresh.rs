//! `POST /api/v1/sign-in/refresh`: the next pair of tokens.
//!
//! A refresh token works once. A second use means that somebody else has it, so it ends the session with every token of
//! its line, and that holds for two uses at the same moment too. A phone that lost the answer may send the same request
//! again within [`REPEATED`] if it carries the same `Idempotency-Key`, which a thief of the token alone does not know:
//! it then gets the first answer, and nothing is used twice.

use actix_web::web::Data;
use actix_web::{HttpResponse, http::StatusCode, post};
use chrono::{DateTime, TimeDelta, Utc};
use domain::audit::Kind;
use domain::id::SessionId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Tokens, tokens};
use crate::app::App;
use crate::body::Body;
use crate::cache::{Counted, WINDOW};
use crate::db::entities::refresh_token;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once, Work};
use crate::keys::{new_token, sha256};
use crate::problem::Code;
use crate::session::{Public, store};

/// What is done here, in the audit log.
const REFRESH: &str = "refresh";

/// How long after its use a request may be repeated under its key.
const REPEATED: TimeDelta = TimeDelta::seconds(20);

/// Most refreshes of an account in a minute: each writes a token and an event, and an access token lasts a quarter of an
/// hour, so that not even somebody with many devices comes near.
const A_MINUTE: u64 = 30;

#[derive(Deserialize, ToSchema)]
#[schema(as = Refresh)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The refresh token of the answer before.
    refresh_token: String,
}

/// Get the next pair of tokens
///
/// Each refresh token works once; using one twice ends the session. Under one `Idempotency-Key` the same request may
/// be repeated for 20 seconds and gives the same answer.
#[utoipa::path(
    tag = "sign-in", security(()),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "To repeat the request, should its answer be lost"),
    ),
    request_body = Request,
    responses(
        (status = 200, description = "The next pair of tokens", body = Tokens),
        (status = 401, description = "The token was used, or the sign-in has ended (`refresh_refused`)"),
        (status = 429, description = "Too many refreshes of the account in a minute (`too_many_requests`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/sign-in/refresh")]
pub(crate) async fn refresh(
    app: Data<App>,
    from: Public,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { refresh_token } = body.parse()?;
    let hash = sha256(refresh_token.as_bytes());
    let token = store::refresh_token(app.db.read(), &hash).await?.ok_or_else(refused)?;
    let session = token.session_id;
    let holder =
        store::caller(app.db.read(), session, app.now()).await?.ok_or_else(refused)?.acting(from.act);
    // A token that was used long ago ends its session, and that must not wait: a thief who refreshes without end would keep
    // the owner from ending it.
    if may_be_repeated(&token, app.now()) {
        refuse_flood(&app, session).await?;
    }
    let work = if once.has_key() {
        match once.begin(&app, session.0, None, body.bytes()).await? {
            Attempt::Answered(answer) if may_be_repeated(&token, app.now()) => return Ok(answer),
            Attempt::Answered(_) => Work::without_key(&app).await?,
            Attempt::New(work) => work,
        }
    } else {
        Work::without_key(&app).await?
    };
    if !store::use_refresh(&work.txn, &hash, app.now()).await? {
        store::end(&work.txn, session, app.now()).await?;
        work.done(&app, holder.event(Kind::Refused, REFRESH).on(session)).await?;
        return Err(refused());
    }
    let next = new_token();
    store::keep_refresh(&work.txn, session, sha256(next.as_bytes()), app.now()).await?;
    store::forget_used(&work.txn, session, app.now()).await?;
    store::prolong(&work.txn, session, app.now()).await?;
    let answer = tokens(&app, session, next)?;
    work.answer(&app, holder.event(Kind::SignIn, REFRESH).on(session), StatusCode::OK, &answer).await
}

async fn refuse_flood(app: &App, session: SessionId) -> Result<(), ApiError> {
    if app.cache.is_too_much(Counted::Refreshes(session.0), A_MINUTE).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    Ok(())
}

fn may_be_repeated(token: &refresh_token::Model, now: DateTime<Utc>) -> bool {
    token.used_at.is_none_or(|used_at| now - used_at <= REPEATED)
}

fn refused() -> ApiError {
    ApiError::told(Code::RefreshRefused)
}
