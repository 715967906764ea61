//! `DELETE /api/v1/handbooks/{handbook}/entries/{record}`: the family takes an entry back.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};
use domain::id::HandbookId;
use domain::record::RecordState;

use super::to_change;
use crate::access::{Access, WriteEntry};
use crate::app::App;
use crate::db::entities::PhotoIds;
use crate::error::ApiError;
use crate::idempotency::{IfMatch, Work};
use crate::photos::store as photos;
use crate::records::Me;
use crate::records::show::record_in;
use crate::records::store::{self, Replaced};

/// Withdraw an entry
///
/// It leaves the timeline and its photos are dropped; that the handbook was used stays counted.
#[utoipa::path(
    tag = "entries",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 409, description = "Withdrawn before, or the handbook is closed"),
    ),
)]
#[delete("/api/v1/handbooks/{handbook}/entries/{record}")]
pub(crate) async fn withdraw(
    app: Data<App>,
    access: Access<WriteEntry>,
    path: Path<(HandbookId, String)>,
    seen: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (record_in(&path)?, app.now());
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let (user, _, old) = to_change(&app, txn, &access, id, seen).await?;
    let mut new = old.clone();
    new.state = RecordState::Withdrawn;
    new.photos = PhotoIds::default();
    let replaced = Replaced { by: Me::Family(user.id), reason: None, at: now };
    store::replace(txn, &old, new, replaced).await?;
    photos::drop_of_record(txn, id, &old.photos.0, now).await?;
    work.done(&app, access.wrote().record(id)).await?;
    app.live.changed(access.handbook.id).await;
    Ok(HttpResponse::NoContent().finish())
}
