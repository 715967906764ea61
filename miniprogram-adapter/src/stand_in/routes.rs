//! What the stand-in listens to: the control paths, and every other path as WeChat.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    web::{Bytes, Data, Json, ServiceConfig, get, post, scope, to},
};
use serde::Deserialize;
use serde_json::json;

use super::{Control, Fault, NoSuchFault, interface::Received, world::SharedWorld};

/// The header that harms one call.
const FAULT_HEADER: &str = "X-Standin-Fault";

pub(super) fn configure(config: &mut ServiceConfig) {
    let control = scope("/__standin")
        .route("/users", post().to(open_account))
        .route("/login-code", post().to(login_code))
        .route("/phone-code", post().to(phone_code))
        .route("/clock", post().to(advance))
        .route("/journal", get().to(journal))
        .route("/faults", post().to(set_fault))
        .route("/token/kill", post().to(kill_token))
        .route("/reset", post().to(reset));
    config.service(control).default_service(to(wechat));
}

async fn wechat(world: Data<SharedWorld>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let Ok(ordered) = ordered_fault(&request) else {
        return HttpResponse::BadRequest().body(NoSuchFault.to_string());
    };
    let received = Received::read(&request, &body);
    let (reply, fault) = world.lock().take(&received, ordered);
    match fault {
        Some(fault) => fault.harm(reply).await,
        None => reply.into(),
    }
}

fn ordered_fault(request: &HttpRequest) -> Result<Option<Fault>, NoSuchFault> {
    let Some(header) = request.headers().get(FAULT_HEADER) else { return Ok(None) };
    header.to_str().map_err(|_| NoSuchFault)?.parse().map(Some)
}

fn control(world: &Data<SharedWorld>) -> Control {
    Control::new(world.as_ref().clone())
}

#[derive(Deserialize)]
struct NewUser {
    user: String,
    #[serde(default = "yes")]
    unionid: bool,
}

fn yes() -> bool {
    true
}

async fn open_account(world: Data<SharedWorld>, Json(new): Json<NewUser>) -> impl Responder {
    let control = control(&world);
    let login = if new.unionid { control.user(&new.user) } else { control.user_without_unionid(&new.user) };
    Json(json!({
        "openid": login.openid.expose(),
        "unionid": login.unionid.as_ref().map(|unionid| unionid.expose()),
    }))
}

#[derive(Deserialize)]
struct WantsLogin {
    user: String,
    appid: Option<String>,
}

async fn login_code(world: Data<SharedWorld>, Json(wanted): Json<WantsLogin>) -> impl Responder {
    let code = match &wanted.appid {
        Some(app_id) => control(&world).login_code_of_app(app_id, &wanted.user),
        None => control(&world).login_code(&wanted.user),
    };
    Json(json!({ "code": code }))
}

#[derive(Deserialize)]
struct WantsPhone {
    user: String,
    phone: String,
    #[serde(default = "china")]
    country: String,
}

fn china() -> String {
    "86".to_owned()
}

async fn phone_code(world: Data<SharedWorld>, Json(wanted): Json<WantsPhone>) -> impl Responder {
    let code = control(&world).phone_code_abroad(&wanted.user, &wanted.country, &wanted.phone);
    Json(json!({ "code": code }))
}

#[derive(Deserialize)]
struct Advance {
    advance_s: u32,
}

async fn advance(world: Data<SharedWorld>, Json(by): Json<Advance>) -> impl Responder {
    control(&world).advance(by.advance_s);
    Json(json!({ "now": world.lock().now() }))
}

async fn journal(world: Data<SharedWorld>) -> impl Responder {
    Json(json!({ "calls": control(&world).journal() }))
}

#[derive(Deserialize)]
struct NewFault {
    path: String,
    next: u32,
    fault: Fault,
}

async fn set_fault(world: Data<SharedWorld>, Json(new): Json<NewFault>) -> impl Responder {
    control(&world).fault(&new.path, new.next, new.fault);
    HttpResponse::NoContent()
}

async fn kill_token(world: Data<SharedWorld>) -> impl Responder {
    control(&world).kill_token();
    HttpResponse::NoContent()
}

async fn reset(world: Data<SharedWorld>) -> impl Responder {
    control(&world).reset();
    HttpResponse::NoContent()
}
