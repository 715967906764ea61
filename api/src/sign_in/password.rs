//! `POST /api/v1/staff/me/password`: a password of one's own.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::credential::{PasswordRefusal, check_password};
use serde::Deserialize;
use utoipa::ToSchema;

use super::credentials::{Throttle, prove_password};
use super::store;
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::offices;
use crate::problem::Code;
use crate::session::AnyStaff;
use crate::session::store::end_all_of_staff;

#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePassword)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The password so far.
    #[schema(format = Password)]
    old_password: String,
    /// The new one.
    #[schema(format = Password, min_length = 10, max_length = 128)]
    new_password: String,
}

/// Change one's password
///
/// Every other session of the staff member ends.
#[utoipa::path(
    tag = "sign-in",
    request_body = Request,
    responses(
        (status = 204, description = "Changed"),
        (status = 409, description = "Changed at the same moment"),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/staff/me/password")]
pub(crate) async fn change_password(
    app: Data<App>,
    caller: AnyStaff,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let AnyStaff(caller) = caller;
    let Request { old_password, new_password } = body.parse()?;
    let row = offices::staff::store::find(app.db.read(), caller.id).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotSignedIn))?;
    check_password(&new_password, &row.user_name)?;
    if old_password == new_password {
        return Err(PasswordRefusal::Unchanged.into());
    }
    if !prove_password(&app, &Throttle::of_own(&app, &row, caller.act), &row, old_password).await? {
        return Err(wrong_password("/old_password"));
    }
    let hash = app.passwords.hash(new_password).await?;

    let work = Work::without_key(&app).await?;
    if !store::set_password(&work.txn, &row, hash).await? {
        return Err(ApiError::told(Code::Conflict));
    }
    end_all_of_staff(&work.txn, caller.id, Some(caller.session), app.now()).await?;
    work.done(&app, caller.wrote("change_password")).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The caller is signed in, so a wrong password is a wrong field and no 401.
pub(super) fn wrong_password(pointer: &str) -> ApiError {
    ApiError::field(pointer, "wrong", "密码不正确。", "The password is not right.")
}
