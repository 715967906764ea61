//! `GET /api/v1/staff/{staff}`: one staff member of the own scope.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{View, in_scope, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::etag;

/// Show a staff member
#[utoipa::path(
    tag = "staff",
    params(("staff" = Uuid, Path, description = "The staff member")),
    responses((status = 200, description = "The staff member", body = View)),
)]
#[get("/api/v1/staff/{staff}")]
pub(crate) async fn show_staff(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let row = in_scope(app.db.read(), &office.staff, &id).await?;
    Ok(HttpResponse::Ok().insert_header(etag(row.version)).json(view(&app.keys, row)?))
}
