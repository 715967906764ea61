//! `POST /api/v1/institutions/{institution}/end`: an institution that is no more.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, http::StatusCode, post};

use super::{View, of_manager, store, views};
use crate::access::{Office, office};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;

/// End an institution
///
/// Refused while staff work there or it answers for regions or handbooks: somebody else must do so first.
#[utoipa::path(
    tag = "institutions",
    params(("institution" = Uuid, Path, description = "The institution"), Once),
    responses((status = 200, description = "Ended", body = View)),
)]
#[post("/api/v1/institutions/{institution}/end")]
pub(crate) async fn end_institution(
    app: Data<App>,
    office: Office<office::ManageInstitutions>,
    id: Path<String>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    of_manager(app.db.read(), &office.staff, &id).await?;
    let work = match once.begin(&app, office.staff.id.0, None, &[]).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let row = of_manager(&work.txn, &office.staff, &id).await?;
    if !store::hold(&work.txn, row.id).await? {
        return Err(ApiError::told(Code::InstitutionEnded));
    }
    if let Some((zh, en)) = store::used_by(&work.txn, row.id, app.today()).await? {
        return Err(ApiError::with_each(Code::InUse, "reason", zh, en));
    }
    store::end(&work.txn, row.id, app.now()).await?;
    let row = of_manager(&work.txn, &office.staff, &id).await?;
    let did = office.wrote().on(row.id);
    let ended = views(&work.txn, vec![row], app.today()).await?.pop();
    work.answer(&app, did, StatusCode::OK, &ended).await
}
