//! `GET /api/v1/staff`: the staff of the own scope.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::id::InstitutionId;
use domain::place::{RegionCode, Scope};
use serde::Deserialize;
use utoipa::IntoParams;

use super::store::{self, Shown};
use super::{View, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::offices::{RegionQuery, institutions};
use crate::page::{Page, PageQuery, cut};
use crate::query::Query;
use crate::session::store::scope_of;

#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only those of this institution.
    #[param(value_type = Option<Uuid>)]
    institution: Option<InstitutionId>,
    /// Those who have left too.
    #[serde(default)]
    include_left: bool,
}

/// List staff
#[utoipa::path(
    tag = "staff",
    params(RegionQuery, Filter, PageQuery),
    responses((status = 200, description = "Staff of the own scope", body = Page<View>)),
)]
#[get("/api/v1/staff")]
pub(crate) async fn list_staff(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    region: Query<RegionQuery>,
    filter: Query<Filter>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let own = office.staff.region;
    let scope = match region.region()? {
        Some(region) => institutions::within(own, region).map(|()| Scope::Region(region))?,
        None => own,
    };
    let list = format!("staff:{scope:?}:{:?}:{}", filter.institution, filter.include_left);
    let limit = page.limit()?;
    let shown =
        Shown { institution: filter.institution, working_on: (!filter.include_left).then(|| app.today()) };
    let rows = store::in_scope(app.db.read(), scope, shown, page.after(&app.keys, &list)?, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, position);
    // A city without counties shares its codes with its county: the range alone does not tell them apart.
    let rows = rows.into_iter().filter(|row| own.covers_scope(scope_of(row)));
    let items = rows.map(|row| view(&app.keys, row)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// Whoever has no region stands in a list by id alone.
fn position(row: &staff::Model) -> (Option<RegionCode>, domain::id::StaffId) {
    (row.region_code, row.id)
}
