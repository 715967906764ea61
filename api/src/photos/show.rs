//! `GET …/photos/{photo}` and `DELETE …/photos/{photo}`: look at a photo, or drop one that hangs on nothing.

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get};
use domain::id::{HandbookId, PhotoId};

use super::add::file_place;
use super::store;
use crate::access::{Access, WriteEntry};
use crate::app::App;
use crate::db::entities::photo;
use crate::error::ApiError;
use crate::idempotency::{Work, has_seen};
use crate::problem::Code;
use crate::records::show::id_in;
use crate::records::{Reader, store as records};

/// A photo
///
/// Staff see the photos of what they may read, and none that hangs on a private entry or on nothing.
#[utoipa::path(
    tag = "photos",
    params(("handbook" = uuid::Uuid, Path), ("photo" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The photo", content(("image/jpeg"), ("image/png")), headers(("ETag" = String))),
        (status = 304, description = "As it was (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/handbooks/{handbook}/photos/{photo}")]
pub(crate) async fn show(
    app: Data<App>,
    reader: Reader,
    path: Path<(HandbookId, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id: PhotoId = id_in(&path.1)?;
    let not_found = || ApiError::told(Code::NotFound);
    let row = store::of_handbook(&reader.db, reader.handbook.id, id).await?.ok_or_else(not_found)?;
    if !may_see(&reader, &row).await? {
        return Err(not_found());
    }
    reader.db.release().await;
    // A photo never changes, but who may see it does: a browser keeps it and asks each time, also for who comes next to the
    // same desk.
    let fresh = (header::CACHE_CONTROL, "private, no-cache");
    let etag = format!("\"{id}\"");
    if has_seen(&request, &etag) {
        let mut seen = HttpResponse::NotModified();
        return Ok(seen.insert_header(fresh).insert_header((header::ETAG, etag)).finish());
    }
    let sealed = app.photos.get(&id.to_string()).await.map_err(ApiError::Unavailable)?;
    let bytes = app.keys.open_bytes(file_place(id), &sealed).map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .content_type(row.content_type)
        .insert_header(fresh)
        .insert_header((header::VARY, "Authorization"))
        .insert_header((header::ETAG, etag))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(bytes))
}

async fn may_see(reader: &Reader, photo: &photo::Model) -> Result<bool, ApiError> {
    let Some(record) = photo.record_id else { return Ok(reader.view.is_family()) };
    let seen = records::one(&reader.db, reader.handbook.id, &reader.view, record).await?;
    Ok(seen.is_some())
}

/// Drop an own photo that hangs on nothing
#[utoipa::path(
    tag = "photos",
    params(("handbook" = uuid::Uuid, Path), ("photo" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "Dropped"),
        (status = 409, description = "It hangs on an entry (`photo_in_use`)"),
    ),
)]
#[delete("/api/v1/handbooks/{handbook}/photos/{photo}")]
pub(crate) async fn drop_photo(
    app: Data<App>,
    access: Access<WriteEntry>,
    path: Path<(HandbookId, String)>,
) -> Result<HttpResponse, ApiError> {
    let id: PhotoId = id_in(&path.1)?;
    let (user, handbook) = (access.caller.family()?.id, access.handbook.id);
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    if !store::drop_unattached(txn, handbook, user, id, app.now()).await? {
        let hangs = store::of_handbook(txn, handbook, id).await?.is_some_and(|row| row.record_id.is_some());
        return Err(ApiError::told(if hangs { Code::PhotoHangs } else { Code::NotFound }));
    }
    work.done(&app, access.wrote().on(id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
