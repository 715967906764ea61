//! `PATCH /api/v1/regions/{region}`: another name. A code that changes is another region.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{LevelQuery, NAME_LENGTH, View, store};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{IfMatch, Work, etag};
use crate::query::Query;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RegionChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Official name.
    #[schema(min_length = 1, max_length = 100)]
    name_zh: String,
}

/// Rename a region
#[utoipa::path(
    tag = "regions",
    params(("region" = i64, Path, description = "Division code of 12 digits"), LevelQuery, IfMatch),
    request_body = Request,
    responses((status = 200, description = "Renamed", body = View)),
)]
#[patch("/api/v1/regions/{region}")]
pub(crate) async fn rename_region(
    app: Data<App>,
    office: Office<office::ManageRegions>,
    code: Path<String>,
    query: Query<LevelQuery>,
    seen: IfMatch,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { name_zh } = body.parse()?;
    let mut form = Form::default();
    let name_zh = form.line("/name_zh", &name_zh, NAME_LENGTH);
    form.done()?;

    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let row = store::by_path(txn, &code, query.level).await?;
    seen.check(row.version)?;
    let row = store::rename(txn, row, name_zh).await?;
    work.done(&app, office.wrote()).await?;
    Ok(HttpResponse::Ok().insert_header(etag(row.version)).json(View::from(row)))
}
