//! `GET /api/v1/handbooks/{handbook}/members`: who of the family is in the handbook.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::id::MemberId;

use super::{Member, store};
use crate::access::{Access, ReadMembers};
use crate::app::App;
use crate::error::ApiError;
use crate::page::{self, Page, PageQuery};
use crate::query::Query;

/// Members of a handbook
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), PageQuery),
    responses((status = 200, description = "A page", body = Page<Member>)),
)]
#[get("/api/v1/handbooks/{handbook}/members")]
pub(crate) async fn list(
    app: Data<App>,
    access: Access<ReadMembers>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let me = access.caller.family()?.id;
    let (limit, list) = (query.limit()?, format!("members/{}", access.handbook.id));
    let after: Option<MemberId> = query.after(&app.keys, &list)?;
    let rows = store::page(app.db.read(), access.handbook.id, after, limit + 1).await?;
    let (rows, next_cursor) = page::cut(&app.keys, rows, limit, &list, |row| row.id);
    let items = rows.iter().map(|row| Member::of(row, me)).collect();
    Ok(HttpResponse::Ok().json(Page::<Member> { items, next_cursor }))
}
