//! `PUT /api/v1/handbooks/{handbook}/entries/{record}/private`: the family hides an entry from clinicians, or shows it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, put};
use domain::id::HandbookId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::to_change;
use crate::access::{Access, WriteEntry};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::Body;
use crate::consents::store::sharing;
use crate::error::ApiError;
use crate::idempotency::{IfMatch, Work};
use crate::records::Me;
use crate::records::show::record_in;
use crate::records::store::{self, Content, Replaced};
use crate::records::written::AfterChange;

/// Whether an entry is hidden from clinicians.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    /// Hidden.
    private: bool,
}

/// Hide an entry from clinicians, or show it
///
/// It still counts as usage. A danger sign in an entry that is shown again is told to the managing institution.
#[utoipa::path(
    tag = "entries",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), IfMatch),
    request_body = Hidden,
    responses(
        (status = 200, description = "Done", body = AfterChange),
        (status = 409, description = "It was withdrawn (`record_ended`), or the handbook is closed (`handbook_closed`)"),
    ),
)]
#[put("/api/v1/handbooks/{handbook}/entries/{record}/private")]
pub(crate) async fn hide(
    app: Data<App>,
    access: Access<WriteEntry>,
    path: Path<(HandbookId, String)>,
    seen: IfMatch,
    body: Body<Hidden>,
) -> Result<HttpResponse, ApiError> {
    let id = record_in(&path)?;
    let Hidden { private } = body.parse()?;
    let work = Work::without_key(&app).await?;
    let (user, held, old) = to_change(&app, &work.txn, &access, id, seen).await?;
    let mut new = old.clone();
    new.is_private = private;
    let replaced = Replaced { by: Me::Family(user.id), reason: None, at: app.now() };
    let version = store::replace(&work.txn, &old, new, replaced).await?;
    let is_seen = sharing(&held).shows(old.child_id.is_some());
    if old.is_private && !private && is_seen {
        let warnings = Content::of_row(&app.keys, &old).map_err(ApiError::Internal)?.warnings;
        alerts::raise_again(&app, &work.txn, &held, &old, &warnings).await?;
    }
    let answer =
        work.answer(&app, access.wrote().record(id), StatusCode::OK, &AfterChange { id, version }).await?;
    app.live.changed(access.handbook.id).await;
    Ok(answer)
}
