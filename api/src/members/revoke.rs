//! `DELETE /api/v1/handbooks/{handbook}/invitations/{invitation}`: an invitation that was sent to the wrong person, or that
//! nobody needs any more.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};
use domain::id::InvitationId;
use uuid::Uuid;

use super::store;
use crate::access::{Access, ManageMembers};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::problem::Code;

/// Revoke an open invitation
///
/// By any owner. From then on its code answers as one that never was.
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), ("invitation" = Uuid, Path)),
    responses((status = 204, description = "Revoked"))
)]
#[delete("/api/v1/handbooks/{handbook}/invitations/{invitation}")]
pub(crate) async fn revoke(
    app: Data<App>,
    access: Access<ManageMembers>,
    path: Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, ApiError> {
    let id = InvitationId(path.1);
    let work = Work::without_key(&app).await?;
    if store::revoke_invitation(&work.txn, access.handbook.id, id, app.now()).await? {
        work.done(&app, access.wrote().on(id)).await?;
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::told(Code::NotFound))
    }
}
