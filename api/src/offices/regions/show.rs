//! `GET /api/v1/regions/{region}`: one region.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{LevelQuery, View, store};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::etag;
use crate::query::Query;
use crate::session::SignedIn;

/// Show a region
#[utoipa::path(
    tag = "regions",
    params(("region" = i64, Path, description = "Division code of 12 digits"), LevelQuery),
    responses((status = 200, description = "The region", body = View)),
)]
#[get("/api/v1/regions/{region}")]
pub(crate) async fn show_region(
    app: Data<App>,
    _: SignedIn,
    code: Path<String>,
    query: Query<LevelQuery>,
) -> Result<HttpResponse, ApiError> {
    let row = store::by_path(app.db.read(), &code, query.level).await?;
    Ok(HttpResponse::Ok().insert_header(etag(row.version)).json(View::from(row)))
}
