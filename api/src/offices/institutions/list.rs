//! `GET /api/v1/institutions`: the institutions around the caller.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::institution::AgencyClass;
use domain::place::Scope;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{View, store, views, within};
use crate::access::{Office, office};
use crate::app::App;
use crate::db::entities::institution;
use crate::error::ApiError;
use crate::offices::RegionQuery;
use crate::page::{Page, PageQuery, cut};
use crate::query::Query;

/// Rows looked at for one page. A filter that fits few of them gives a shorter page and a cursor, never a long search.
const LOOKED_AT: u64 = 1000;

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Agency class.
    #[param(value_type = Option<String>)]
    class: Option<AgencyClass>,
    /// Part of the name.
    name: Option<String>,
}

/// List institutions
///
/// Those of the own scope; whoever works in a town or village sees the county. Under a filter a page may be short and
/// still have a `next_cursor`.
#[utoipa::path(
    tag = "institutions",
    params(RegionQuery, Filter, PageQuery),
    responses((status = 200, description = "Live institutions by region", body = Page<View>)),
)]
#[get("/api/v1/institutions")]
pub(crate) async fn list_institutions(
    app: Data<App>,
    office: Office<office::ReadInstitutions>,
    region: Query<RegionQuery>,
    filter: Query<Filter>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let own = office.staff.region.widened_to_county();
    let scope = match region.region()? {
        Some(region) => within(own, region).map(|()| Scope::Region(region))?,
        None => own,
    };
    let list = format!("institutions:{scope:?}:{:?}:{:?}", filter.class, filter.name);
    let limit = page.limit()?;
    let rows = store::in_scope(app.db.read(), scope, page.after(&app.keys, &list)?, LOOKED_AT + 1).await?;
    let position = |row: &institution::Model| (row.region_code, row.id);
    let (rows, beyond) = cut(&app.keys, rows, LOOKED_AT, &list, position);
    let fitting = rows.into_iter().filter(|row| filter.fits(row)).collect();
    let (rows, more) = cut(&app.keys, fitting, limit, &list, position);
    let items = views(app.db.read(), rows, app.today()).await?;
    Ok(HttpResponse::Ok().json(Page { items, next_cursor: more.or(beyond) }))
}

impl Filter {
    fn fits(&self, row: &institution::Model) -> bool {
        self.class.is_none_or(|class| row.classes.0.contains(&class))
            && self.name.as_deref().is_none_or(|part| row.name.contains(part))
    }
}
