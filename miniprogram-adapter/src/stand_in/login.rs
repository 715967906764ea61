//! `GET /sns/jscode2session`.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{
    interface::{Interface, Received},
    world::World,
};
use crate::error::Code;

/// The answer is JSON that calls itself plain text, as WeChat's has been.
pub(super) const INTERFACE: Interface = Interface {
    path: "/sns/jscode2session",
    method: Method::GET,
    needs_token: false,
    content_type: "text/plain",
    shown: &["appid", "grant_type"],
    answer,
};

fn answer(world: &mut World, received: &Received) -> Result<Value, Code> {
    world.check_app(received.query("appid"), received.query("secret"))?;
    if received.query("grant_type") != Some("authorization_code") {
        return Err(Code::GrantType);
    }
    let identity = world.redeem_login_code(received.query("js_code").ok_or(Code::CodeMissing)?)?;
    let mut answer = json!({ "openid": identity.openid.expose(), "session_key": identity.session_key });
    if let Some(unionid) = identity.unionid {
        answer["unionid"] = json!(unionid.expose());
    }
    Ok(answer)
}
