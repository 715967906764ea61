//! `DELETE /api/v1/regions/{region}`: a region that nothing depends on.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};
use sea_orm::SqlErr;

use super::{LevelQuery, store};
use crate::access::{Office, office};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::{IfMatch, Work};
use crate::problem::Code;
use crate::query::Query;

/// Remove a region
///
/// Refused while regions below it, institutions, staff, catchments, targets or handbooks name it.
#[utoipa::path(
    tag = "regions",
    params(("region" = i64, Path, description = "Division code of 12 digits"), LevelQuery, IfMatch),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "Something stands in it (`in_use`)"),
    ),
)]
#[delete("/api/v1/regions/{region}")]
pub(crate) async fn remove_region(
    app: Data<App>,
    office: Office<office::ManageRegions>,
    code: Path<String>,
    query: Query<LevelQuery>,
    seen: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let row = store::by_path(txn, &code, query.level).await?;
    seen.check(row.version)?;
    if let Some((zh, en)) = store::used_by(txn, &row).await? {
        return Err(ApiError::with_each(Code::InUse, "reason", zh, en));
    }
    // Whoever came to depend on it meanwhile holds it by a foreign key.
    match store::delete(txn, &row).await {
        Ok(true) => {}
        Ok(false) => return Err(ApiError::with(Code::Stale, "version", row.version + 1)),
        Err(err) if matches!(err.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))) => {
            return Err(ApiError::with_each(Code::InUse, "reason", "机构或人员", "institutions or staff"));
        }
        Err(err) => return Err(err.into()),
    }
    work.done(&app, office.wrote()).await?;
    Ok(HttpResponse::NoContent().finish())
}
