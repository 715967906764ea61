//! `GET /api/v1/institutions/{institution}`: one institution around the caller.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{View, region_of, store, views};
use crate::access::{Office, office};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::etag;
use crate::problem::Code;

/// Show an institution
#[utoipa::path(
    tag = "institutions",
    params(("institution" = Uuid, Path, description = "The institution")),
    responses((status = 200, description = "The institution, and whether it can issue", body = View)),
)]
#[get("/api/v1/institutions/{institution}")]
pub(crate) async fn show_institution(
    app: Data<App>,
    office: Office<office::ReadInstitutions>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let not_found = || ApiError::told(Code::NotFound);
    let row =
        store::find(app.db.read(), id.parse().map_err(|_| not_found())?).await?.ok_or_else(not_found)?;
    let is_own = office.staff.institution == Some(row.id);
    if !is_own && !office.staff.region.widened_to_county().covers(region_of(&row)) {
        return Err(not_found());
    }
    let version = row.version;
    let shown = views(app.db.read(), vec![row], app.today()).await?.pop();
    Ok(HttpResponse::Ok().insert_header(etag(version)).json(shown))
}
