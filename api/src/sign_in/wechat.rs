//! `POST /api/v1/sign-in/wechat`: a family signs in with the code of `wx.login`.

use domain::audit::Kind;
use std::net::IpAddr;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use miniprogram_adapter::{Class, Login};
use serde::Deserialize;
use utoipa::ToSchema;

use super::me::Me;
use super::{SignIn, device_name, open, store};
use crate::app::App;
use crate::audit::Event;
use crate::body::Body;
use crate::cache::{Counted, WINDOW};
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::problem::Code;
use crate::session::store::Holder;
use crate::session::{Public, User};

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WechatSignIn)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// What `wx.login` gave the phone: good once, for five minutes.
    code: String,
    /// What the list of sessions calls this device.
    #[schema(max_length = 100)]
    device: Option<String>,
}

/// Sign in as a family
///
/// A code sent again within a minute from the same address gives the same user, so a phone that lost the answer may repeat
/// it; from elsewhere it was used. An address that asks too often (60 times in a minute, unless the operator set another
/// number) waits.
#[utoipa::path(
    tag = "sign-in", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Signed in", body = SignIn),
        (status = 401, description = "WeChat does not know the code, or it was used (`wechat_code_refused`)"),
        (status = 429, description = "Too many sign-ins from this address in a minute (`too_many_requests`)"),
        (status = 503, description = "WeChat or the database does not answer (`wechat_unavailable`)"),
    ),
)]
#[post("/api/v1/sign-in/wechat")]
pub(crate) async fn sign_in_with_wechat(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { code, device } = body.parse()?;
    let device = device_name(device)?;
    refuse_flood(&app, from.address).await?;
    // A code that was seen elsewhere signs nobody in there.
    let login = app.wechat.login(&code, &from.address.to_string()).await;
    let Login { openid, unionid } = login.map_err(refused)?;

    let work = Work::without_key(&app).await?;
    let user = store::user_of_openid(&work.txn, &app.keys, openid.expose(), app.now()).await;
    let user = user.map_err(of_store)?;
    if let (None, Some(unionid)) = (&user.unionid, unionid) {
        store::keep_unionid(&work.txn, &app.keys, user.id, unionid.expose()).await.map_err(of_store)?;
    }
    let (session, tokens) = open(&app, &work.txn, Holder::User(user.id), &device).await?;
    let act = from.act;
    work.done(&app, Event::by_user(user.id, act, Kind::SignIn, Kind::SignIn.code()).on(session)).await?;
    Ok(HttpResponse::Ok().json(SignIn { tokens, me: Me::family(User { id: user.id, session, act }) }))
}

/// Every sign-in is a call to WeChat, and those are counted there.
async fn refuse_flood(app: &App, address: IpAddr) -> Result<(), ApiError> {
    let index = app.keys.blind("wechat_sign_in", &address.to_string());
    let most = u64::from(app.config.wechat.sign_ins_a_minute);
    if app.cache.is_too_much(Counted::WechatSignIns(&index), most).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    Ok(())
}

/// A code that is no good is the phone's to renew; everything else is between WeChat and us.
fn refused(err: miniprogram_adapter::Error) -> ApiError {
    if err.class() == Class::Client {
        return ApiError::told(Code::WechatCodeRefused);
    }
    tracing::warn!(class = ?err.class(), cause = %err, "a WeChat sign-in failed");
    ApiError::told(Code::WechatDown)
}

/// A database that is away stays what it is.
fn of_store(err: anyhow::Error) -> ApiError {
    err.downcast::<sea_orm::DbErr>().map_or_else(ApiError::Internal, ApiError::from)
}
