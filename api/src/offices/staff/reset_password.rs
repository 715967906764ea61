//! `POST /api/v1/staff/{staff}/reset-password`: a new issued password for somebody who lost theirs.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, http::StatusCode, post};
use domain::access::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{new_password, of_manager, store};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::session::Staff;
use crate::session::store::{end_all_of_staff, scope_of};
use crate::sign_in::credentials::forget_wrong_tries;

/// Who needs a second factor loses it by somebody who answers for more: with a peer's password and factor one would act in
/// the peer's name.
fn may_take_second_factor(manager: &Staff, row: &staff::Model) -> Result<(), ApiError> {
    let is_guarded = row.roles.0.iter().any(|role| role.needs_second_factor());
    let is_above = manager.is(Role::SystemAdministrator) || !scope_of(row).covers_scope(manager.region);
    if is_guarded && !is_above { Err(ApiError::told(Code::SecondFactorByHigher)) } else { Ok(()) }
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ResetPassword)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The authenticator is lost too. That of an administrator of a county or above is taken away by the level above.
    #[serde(default)]
    remove_second_factor: bool,
}

/// An issued password.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedPassword {
    user_name: String,
    /// Shown now and never again, changed at the first sign-in.
    password: String,
}

/// Issue a new password
///
/// Every session of the staff member ends, and so does the waiting after wrong tries.
#[utoipa::path(
    tag = "staff",
    params(("staff" = Uuid, Path, description = "The staff member"), Once),
    request_body = Request,
    responses(
        (status = 200, description = "Issued", body = IssuedPassword),
        (status = 429, description = "Too many passwords are being hashed; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/staff/{staff}/reset-password")]
pub(crate) async fn reset_password(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    id: Path<String>,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let row = of_manager(app.db.read(), &office.staff, &id).await?;
    let Request { remove_second_factor } = body.parse()?;
    // Hashing takes its time, so it comes before the transaction.
    let password = new_password(&row.user_name);
    let hash = app.passwords.hash(password.clone()).await?;

    let work = match once.begin(&app, office.staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let row = of_manager(&work.txn, &office.staff, &id).await?;
    if row.left_on.is_some_and(|left_on| left_on <= app.today()) {
        return Err(ApiError::told(Code::StaffLeft));
    }
    if remove_second_factor {
        may_take_second_factor(&office.staff, &row)?;
    }
    store::issue_password(&work.txn, row.id, hash, remove_second_factor, (office.staff.id, app.now()))
        .await?;
    end_all_of_staff(&work.txn, row.id, None, app.now()).await?;
    forget_wrong_tries(&work.txn, &app, &row.user_name).await?;
    let issued = IssuedPassword { user_name: row.user_name, password };
    work.answer(&app, office.wrote().on(row.id), StatusCode::OK, &issued).await
}
