//! `GET /api/v1/handbooks/{handbook}/notices`: what the family was told.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::id::{NoticeId, RecordId};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use utoipa::ToSchema;

use super::{store, text_of};
use crate::access::{Access, ReadNotices};
use crate::access_log::store::institution_names;
use crate::app::App;
use crate::db::entities::notice;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Language;
use crate::query::Query;

/// Something that the family is told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Told {
    #[schema(value_type = Uuid)]
    id: NoticeId,
    /// Stable English word.
    kind: String,
    /// The same in a sentence, in the caller's language.
    text: String,
    /// The record that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    record: Option<RecordId>,
    raised_at: DateTime<Utc>,
    change_seq: i64,
}

/// What the family was told
///
/// The newest first.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path, description = "Handbook"), PageQuery),
    responses((status = 200, description = "A page", body = Page<Told>)),
)]
#[get("/api/v1/handbooks/{handbook}/notices")]
pub(crate) async fn newest(
    app: Data<App>,
    access: Access<ReadNotices>,
    language: Language,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (db, handbook, limit) = (app.db.read(), access.handbook.id, page.limit()?);
    let list = format!("notices/{handbook}");
    let rows = store::newest(db, handbook, page.after(&app.keys, &list)?, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |notice| notice.change_seq);
    Ok(HttpResponse::Ok().json(Page { items: told(db, rows, language).await?, next_cursor }))
}

/// Notices as they are sent.
pub(crate) async fn told(
    db: &impl ConnectionTrait,
    rows: Vec<notice::Model>,
    language: Language,
) -> Result<Vec<Told>, DbErr> {
    let names = institution_names(db, rows.iter().filter_map(|notice| notice.institution_id)).await?;
    let told = rows.into_iter().map(|notice| {
        let institution = notice.institution_id.and_then(|id| names.get(&id));
        Told {
            id: notice.id,
            text: text_of(&notice.kind, institution.map(String::as_str), language),
            kind: notice.kind,
            record: notice.record_id,
            raised_at: notice.raised_at,
            change_seq: notice.change_seq,
        }
    });
    Ok(told.collect())
}
