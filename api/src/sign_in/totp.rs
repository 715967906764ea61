//! `/api/v1/staff/me/totp`: one-time codes of an authenticator (RFC 6238) as a second factor.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, post};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;

use super::credentials::{Outcome, Throttle, prove, prove_first_code, prove_password};
use super::password::wrong_password;
use super::store;
use crate::app::App;
use crate::body::Body;
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::keys::{Place, places, random};
use crate::offices;
use crate::problem::Code;
use crate::session::store::{end_all_of_staff, has_second_factor};
use crate::session::{AnyStaff, Staff};

/// What is done here, in the audit log; the operation says which of it.
const SECOND_FACTOR: &str = "second_factor";

/// Who the authenticator says the codes are for.
const ISSUER: &str = "Muzi";

#[derive(Deserialize, ToSchema)]
#[schema(as = BeginTotp)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginRequest {
    /// The password, so that nobody sets up a factor at a desk left open.
    #[schema(format = Password)]
    password: String,
}

/// What an authenticator takes in.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpBegun {
    /// The secret in base32, for typing.
    secret: String,
    /// The same as a link, for a QR code.
    otpauth_url: String,
}

/// Begin to set up one-time codes
///
/// The secret is shown once; it is asked for at sign-in only after its first code was confirmed. Beginning again
/// replaces a secret that was not.
#[utoipa::path(
    tag = "sign-in",
    request_body = BeginRequest,
    responses(
        (status = 200, description = "The secret", body = TotpBegun),
        (status = 409, description = "One is set already (`second_factor_set`)"),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/staff/me/totp")]
pub(crate) async fn begin_totp(
    app: Data<App>,
    caller: AnyStaff,
    body: Body<BeginRequest>,
) -> Result<HttpResponse, ApiError> {
    let row = own_row(&app, &caller.0).await?;
    let BeginRequest { password } = body.parse()?;
    if !prove_password(&app, &Throttle::of_own(&app, &row, caller.0.act), &row, password).await? {
        return Err(wrong_password("/password"));
    }
    let secret: [u8; 20] = random();
    let totp = authenticator(&secret, &row.user_name)?;
    let sealed = app.keys.seal_bytes(place(&row), &secret).map_err(ApiError::internal)?;
    let work = Work::without_key(&app).await?;
    if !store::begin_totp(&work.txn, row.id, sealed).await? {
        return Err(ApiError::told(Code::SecondFactorSet));
    }
    work.done(&app, caller.0.wrote(SECOND_FACTOR)).await?;
    let otpauth_url = totp.to_url().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().json(TotpBegun { secret: totp.secret().to_base32(), otpauth_url }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ConfirmTotp)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmRequest {
    /// The six digits that the authenticator shows.
    code: String,
}

/// Confirm the first one-time code
///
/// From now on sign-in asks for a code. Every other session of the staff member ends.
#[utoipa::path(
    tag = "sign-in",
    request_body = ConfirmRequest,
    responses(
        (status = 204, description = "The second factor is set"),
        (status = 409, description = "One is set already (`second_factor_set`), or none was begun (`second_factor_not_begun`)"),
        (status = 429, description = "Too many wrong codes; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/staff/me/totp/confirm")]
pub(crate) async fn confirm_totp(
    app: Data<App>,
    caller: AnyStaff,
    body: Body<ConfirmRequest>,
) -> Result<HttpResponse, ApiError> {
    let row = own_row(&app, &caller.0).await?;
    let ConfirmRequest { code } = body.parse()?;
    if has_second_factor(&row) {
        return Err(ApiError::told(Code::SecondFactorSet));
    }
    let sealed = row.totp.as_deref().ok_or_else(|| ApiError::told(Code::SecondFactorNotBegun))?;
    let step = prove_first_code(&app, &Throttle::of_own(&app, &row, caller.0.act), &row, &code).await?;
    let step = step.ok_or_else(|| {
        ApiError::field("/code", "wrong", "动态口令不正确。", "The one-time code is not right.")
    })?;

    let work = Work::without_key(&app).await?;
    if !store::confirm_totp(&work.txn, row.id, sealed, step).await? {
        return Err(ApiError::told(Code::Conflict));
    }
    end_all_of_staff(&work.txn, row.id, Some(caller.0.session), app.now()).await?;
    work.done(&app, caller.0.wrote(SECOND_FACTOR)).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RemoveTotp)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveRequest {
    /// The password.
    #[schema(format = Password)]
    password: String,
    /// A code of the authenticator that is removed.
    code: String,
}

/// Remove the second factor
///
/// Every other session of the staff member ends.
#[utoipa::path(
    tag = "sign-in",
    request_body = RemoveRequest,
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "None is set (`second_factor_not_begun`)"),
        (status = 429, description = "Too many wrong tries; `Retry-After` says when to come again"),
    ),
)]
#[delete("/api/v1/staff/me/totp")]
pub(crate) async fn remove_totp(
    app: Data<App>,
    caller: AnyStaff,
    body: Body<RemoveRequest>,
) -> Result<HttpResponse, ApiError> {
    let row = own_row(&app, &caller.0).await?;
    let RemoveRequest { password, code } = body.parse()?;
    if !has_second_factor(&row) {
        return Err(ApiError::told(Code::SecondFactorNotBegun));
    }
    match prove(&app, &Throttle::of_own(&app, &row, caller.0.act), Some(&row), password, Some(&code)).await? {
        Outcome::Proved => {}
        Outcome::Wrong | Outcome::CodeNeeded => {
            return Err(ApiError::field(
                "/password",
                "wrong",
                "密码或动态口令不正确。",
                "The password or the one-time code is not right.",
            ));
        }
    }
    let work = Work::without_key(&app).await?;
    store::remove_totp(&work.txn, row.id).await?;
    end_all_of_staff(&work.txn, row.id, Some(caller.0.session), app.now()).await?;
    work.done(&app, caller.0.wrote(SECOND_FACTOR)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The time step of a code of this staff member's secret, if it is one of now, just before or just after.
pub(super) fn step_of(app: &App, row: &staff::Model, code: &str) -> Result<Option<i64>, ApiError> {
    let Some(sealed) = &row.totp else { return Ok(None) };
    let secret = app.keys.open_bytes(place(row), sealed).map_err(ApiError::internal)?;
    let now = u64::try_from(app.now().timestamp()).unwrap_or(0);
    let step = authenticator(&secret, &row.user_name)?.check(code.trim(), now);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

fn authenticator(secret: &[u8], user_name: &str) -> Result<Totp, ApiError> {
    let builder = Builder::new().with_secret(Secret::from(secret)).with_skew(1);
    let builder = builder.with_issuer(Some(ISSUER)).with_account_name(user_name);
    builder.build().map_err(ApiError::internal)
}

fn place(row: &staff::Model) -> Place {
    Place::new(places::STAFF_TOTP, row.id.0)
}

async fn own_row(app: &App, caller: &Staff) -> Result<staff::Model, ApiError> {
    caller.check_own_password()?;
    let row = offices::staff::store::find(app.db.read(), caller.id).await?;
    row.ok_or_else(|| ApiError::told(Code::NotSignedIn))
}
