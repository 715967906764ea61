//! `POST /api/v1/sign-in/staff`: staff sign in with user name, password and, where one is set, a one-time code.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::audit::Kind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::credentials::{Outcome, Throttle, prove};
use super::me::Me;
use super::{SignIn, device_name, open, store};
use crate::app::App;
use crate::audit::Event;
use crate::body::Body;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::problem::Code;
use crate::session::Public;
use crate::session::store::Holder;

#[derive(Deserialize, ToSchema)]
#[schema(as = StaffSignIn)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// User name; case and surrounding spaces do not matter.
    user_name: String,
    /// Password.
    #[schema(format = Password)]
    password: String,
    /// Six digits of the authenticator, where a second factor is set.
    totp: Option<String>,
    /// What the list of sessions calls this device.
    #[schema(max_length = 100)]
    device: Option<String>,
}

/// Sign in as staff
///
/// After five wrong tries the account waits a minute, doubling to at most an hour; so does an address after fifty.
#[utoipa::path(
    tag = "sign-in", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Signed in; `me` says what must be done first", body = SignIn),
        (status = 401, description = "Wrong (`wrong_credentials`), or a one-time code is needed (`totp_required`)"),
        (status = 429, description = "Too many wrong tries (`too_many_tries`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/sign-in/staff")]
pub(crate) async fn sign_in_as_staff(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { user_name, password, totp, device } = body.parse()?;
    let device = device_name(device)?;
    let user_name = user_name.trim().to_lowercase();
    let known = store::working_staff(app.db.read(), &user_name, app.today()).await?;
    let throttle = Throttle::at_sign_in(&app, &user_name, from, known.as_ref());
    let outcome = prove(&app, &throttle, known.as_ref(), password, totp.as_deref()).await?;
    let staff = match (outcome, known) {
        (Outcome::Proved, Some(staff)) => staff,
        (Outcome::CodeNeeded, _) => return Err(ApiError::told(Code::CodeNeeded)),
        (Outcome::Proved | Outcome::Wrong, _) => return Err(ApiError::told(Code::WrongCredentials)),
    };

    let work = Work::without_key(&app).await?;
    // What was proved was read before the wait for a place to hash.
    if !store::still_proves(&work.txn, &staff, app.today()).await? {
        return Err(ApiError::told(Code::WrongCredentials));
    }
    let (session, tokens) = open(&app, &work.txn, Holder::Staff(staff.id), &device).await?;
    let who = (staff.id, staff.institution_id);
    work.done(&app, Event::by_staff(who, from.act, Kind::SignIn, Kind::SignIn.code()).on(session)).await?;
    Ok(HttpResponse::Ok().json(SignIn { tokens, me: Me::staff(&app, staff, session).await? }))
}
