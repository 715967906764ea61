//! `/healthz`, `/readyz`: for whoever watches over the process.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use crate::app::App;
use crate::error::ApiError;
use crate::session::Public;

/// The process is alive
#[utoipa::path(tag = "operations", security(()), responses((status = 200, description = "Alive")))]
#[get("/healthz")]
pub(crate) async fn healthz(_: Public) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "alive" }))
}

/// The process can answer: its database does, it has the key that seals, and it is not stopping
#[utoipa::path(
    tag = "operations", security(()),
    responses((status = 200, description = "Ready"), (status = 503, description = "Not ready")),
)]
#[get("/readyz")]
pub(crate) async fn readyz(app: Data<App>, _: Public) -> Result<HttpResponse, ApiError> {
    if *app.stopping.borrow() {
        return Err(ApiError::Unavailable(anyhow::anyhow!("the process is stopping")));
    }
    if app.keys.is_behind() {
        return Err(ApiError::Unavailable(anyhow::anyhow!(
            "another data key seals than this process was given"
        )));
    }
    app.db.ping().await.map_err(|err| ApiError::Unavailable(err.into()))?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "ready", "demo": app.config.demo })))
}
