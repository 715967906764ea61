//! `GET /s/{code}`: what a phone shows when a code is scanned outside WeChat, and WeChat's own verification file.
//!
//! The page is the same for every code, good, used or made up: it looks nothing up, so nothing can be learnt from it.

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::keys::sha256;
use crate::session::Public;

const PAGE: &str = include_str!("../../templates/landing.html");
const STYLE: &str = include_str!("../../templates/landing.css");

/// Where a scanned code leads outside WeChat
///
/// A page that says how to go on, the same for every code. `/s/NAME.txt` is the file by which WeChat checks that these
/// links are ours.
#[utoipa::path(
    tag = "codes", security(()),
    params(("code" = String, Path, description = "What the QR code says after `/s/`")),
    responses(
        (status = 200, description = "The page, or WeChat's verification file", content((String = "text/html"), (String = "text/plain"))),
    ),
)]
#[get("/s/{code}")]
pub(crate) async fn land(app: Data<App>, _: Public, code: Path<String>) -> HttpResponse {
    match &app.config.wechat.verification {
        Some(file) if file.name == *code => {
            HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(file.content.clone())
        }
        _ => page(),
    }
}

fn page() -> HttpResponse {
    let style = STANDARD.encode(sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header(("x-robots-tag", "noindex, nofollow"))
        .body(PAGE.replace("{style}", STYLE))
}
