//! `GET /api/v1/regions`: the regions below one, or all of a level.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::place::{RegionCode, RegionLevel};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{View, store};
use crate::app::App;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::query::Query;
use crate::session::SignedIn;

#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Code of the region above.
    #[param(value_type = Option<i64>)]
    parent: Option<RegionCode>,
    /// Level of the regions; provinces when neither this nor `parent` is given.
    #[param(value_type = Option<String>)]
    level: Option<RegionLevel>,
}

/// List regions
#[utoipa::path(
    tag = "regions",
    params(Filter, PageQuery),
    responses((status = 200, description = "Regions by code", body = Page<View>)),
)]
#[get("/api/v1/regions")]
pub(crate) async fn list_regions(
    app: Data<App>,
    _: SignedIn,
    filter: Query<Filter>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let level = filter.level.or(filter.parent.is_none().then_some(RegionLevel::Province));
    let list = format!("regions:{:?}:{level:?}", filter.parent);
    let (limit, after) = (page.limit()?, page.after(&app.keys, &list)?);
    let rows = store::list(app.db.read(), filter.parent, level, after, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| (row.code, row.level));
    Ok(HttpResponse::Ok().json(Page { items: rows.into_iter().map(View::from).collect(), next_cursor }))
}
