//! `POST /api/v1/sign-out`: ends the session that asks.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::audit::Kind;

use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::session::{AnyCaller, store};

/// Sign out
///
/// The session ends with both of its tokens; the next request with either is refused.
#[utoipa::path(tag = "sign-in", responses((status = 204, description = "Signed out")))]
#[post("/api/v1/sign-out")]
pub(crate) async fn sign_out(app: Data<App>, caller: AnyCaller) -> Result<HttpResponse, ApiError> {
    let AnyCaller(caller) = caller;
    let work = Work::without_key(&app).await?;
    store::end(&work.txn, caller.session(), app.now()).await?;
    work.done(&app, caller.event(Kind::Write, "sign_out").on(caller.session())).await?;
    Ok(HttpResponse::NoContent().finish())
}
