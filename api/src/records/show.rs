//! `GET /api/v1/handbooks/{handbook}/records/{record}`: one record, with its ETag.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use domain::id::{HandbookId, RecordId};

use super::view::{self, Shown};
use super::{Reader, Speaks, store};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::etag;
use crate::problem::Code;

/// One record, with its version as ETag
#[utoipa::path(
    tag = "records",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path)),
    responses((status = 200, description = "The record", body = Shown, headers(("ETag" = String)))),
)]
#[get("/api/v1/handbooks/{handbook}/records/{record}")]
pub(crate) async fn show(
    app: Data<App>,
    reader: Reader,
    path: Path<(HandbookId, String)>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let id = id_in(&path.1)?;
    let row = store::one(&reader.db, reader.handbook.id, &reader.view, id).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let version = row.version;
    let shown = view::show(row, &app.catalogue, &app.keys, &reader.view, language);
    Ok(HttpResponse::Ok().insert_header(etag(version)).json(shown))
}

/// The id in an address; what is no id names nothing.
pub(crate) fn id_in<T: std::str::FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::told(Code::NotFound))
}

/// The id of the record in an address.
pub(crate) fn record_in(path: &Path<(HandbookId, String)>) -> Result<RecordId, ApiError> {
    id_in(&path.1)
}
