//! Signing in and out: families by WeChat, staff by user name, password and one-time code; refresh, sessions, password
//! and second factor of one's own. What a signed-in caller may do is `access`; what a session is, `session`.

pub mod credentials;
pub mod me;
pub mod password;
pub mod refresh;
pub mod sessions;
pub mod sign_out;
pub mod staff;
mod store;
pub mod totp;
pub mod wechat;

use domain::id::SessionId;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ApiError;
use crate::keys::{new_token, sha256};
use crate::session::store::{self as sessions_store, Holder};
use crate::session::token::LIFE;
use me::Me;

/// Longest name of a device.
const DEVICE_LENGTH: usize = 100;

/// What a client needs to go on: both tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: i64,
    /// Gives the next pair of tokens, once.
    refresh_token: String,
}

/// The answer to a sign-in: tokens, and who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignIn {
    #[serde(flatten)]
    tokens: Tokens,
    /// Who is signed in, and what they have to do first.
    me: Me,
}

/// Opens a session and gives its first tokens.
async fn open(
    app: &App,
    db: &impl ConnectionTrait,
    holder: Holder,
    device: &str,
) -> Result<(SessionId, Tokens), ApiError> {
    let refresh_token = new_token();
    let hash = sha256(refresh_token.as_bytes());
    let session = sessions_store::open(db, holder, device, hash, app.now()).await?;
    Ok((session, tokens(app, session, refresh_token)?))
}

/// A pair of tokens of a session.
fn tokens(app: &App, session: SessionId, refresh_token: String) -> Result<Tokens, ApiError> {
    let access_token = app.tokens.sign(session, app.now()).map_err(ApiError::Internal)?;
    Ok(Tokens { access_token, token_type: "Bearer", expires_in: LIFE.num_seconds(), refresh_token })
}

/// The name that a client gives its device, as the list of sessions shows it.
fn device_name(device: Option<String>) -> Result<String, ApiError> {
    let name = device.unwrap_or_default();
    if name.chars().count() > DEVICE_LENGTH || name.chars().any(char::is_control) {
        return Err(ApiError::field(
            "/device",
            "out_of_range",
            format!("设备名称最多{DEVICE_LENGTH}个字符，不含控制字符。"),
            format!("A device name has at most {DEVICE_LENGTH} characters and no control characters."),
        ));
    }
    Ok(name)
}
