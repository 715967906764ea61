//! `GET /api/v1/unused-handbooks`: whose handbooks nobody uses, to be followed up village by village (flow B8).

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::NaiveDate;
use domain::access::{Action, OfficeAction, Role, Tie, may_in_office};
use domain::handbook::{Group, State};
use domain::id::{HandbookId, InstitutionId};
use domain::place::{Region, RegionCode, RegionLevel};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store;
use crate::access::{Office, log, office};
use crate::app::App;
use crate::db::entities::handbook;
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::{Line, Which, printed, yes};
use crate::error::ApiError;
use crate::page::{Page, PageQuery};
use crate::problem::{Code, Language};
use crate::query::{self, Query};
use crate::session::Staff;
use crate::visits::store::masked;

/// Whose handbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Of the families that live in a region.
    Region(Region),
    /// Of the families that an institution manages.
    Institution(InstitutionId),
}

impl Extent {
    /// As a cursor and an approval name it.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Region(Region { code, level }) => format!("{level}/{code}"),
            Self::Institution(id) => id.to_string(),
        }
    }
}

/// Of which region.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnusedQuery {
    /// 12-digit code of a region inside the own one; left out, all of it.
    #[param(value_type = Option<i64>, example = 510_903_203_000_i64)]
    region: Option<RegionCode>,
    /// Level of the region, where one code stands at two levels; left out, the wider one.
    #[param(value_type = Option<String>)]
    level: Option<RegionLevel>,
}

/// A handbook that nobody uses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unused {
    #[schema(value_type = Uuid)]
    handbook: HandbookId,
    /// The handbook's number as printed.
    number: String,
    /// Name of the woman, or of a child where there is no woman, masked.
    name: String,
    /// To whom it was issued.
    #[schema(value_type = String)]
    group: Group,
    issued_on: NaiveDate,
    /// Where the family lives.
    #[schema(value_type = i64)]
    region: RegionCode,
    /// Whether a family has claimed it.
    is_claimed: bool,
}

impl Unused {
    /// As it stands in a file.
    pub(crate) fn line(&self, language: Language) -> Line {
        vec![
            self.number.clone(),
            self.name.clone(),
            language.of(self.group.zh(), self.group.en()).to_owned(),
            self.issued_on.to_string(),
            self.region.to_string(),
            yes(self.is_claimed, language),
        ]
    }
}

/// Handbooks that nobody uses
///
/// Live ones without any evidence of use: for a handbook administrator those that the own institution manages, for villages,
/// towns and the county MCH those of families of the own region. By region, then by age; names masked. Beyond 200 lines a
/// second person approves first (`approval_needed`).
#[utoipa::path(
    tag = "usage",
    operation_id = "unused",
    params(UnusedQuery, PageQuery),
    responses(
        (status = 200, description = "A page", body = Page<Unused>),
        (status = 422, description = "There is no such region"),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/unused-handbooks")]
pub(crate) async fn list(
    app: Data<App>,
    office: Office<office::ReadUnused>,
    wanted: Query<UnusedQuery>,
    page_query: Query<PageQuery>,
) -> Result<Json<Page<Unused>>, ApiError> {
    let staff = &office.staff;
    if wanted.level.is_some() && wanted.region.is_none() {
        return Err(query::required_with("region", "level"));
    }
    let extent = extent(app.db.read(), staff, wanted.region, wanted.level).await?;
    let reading = Reading::begin(&app, staff, &Which::Unused(extent), &page_query).await?;
    let rows = store::unused(app.db.read(), extent, reading.after, reading.wanted()).await?;
    let (rows, next_cursor) = reading.give(rows, position, |row| row.id).await?;
    Ok(Json(Page { items: listed(&app, staff, rows).await?, next_cursor }))
}

/// Whose handbooks a staff member follows up: those of a region inside the own one, or those that the institution manages.
pub(crate) async fn extent(
    db: &impl ConnectionTrait,
    staff: &Staff,
    code: Option<RegionCode>,
    level: Option<RegionLevel>,
) -> Result<Extent, ApiError> {
    let reads = |role: &Role| role.is_regional() && may_in_office(&[*role], OfficeAction::ReadUnused);
    let is_regional = staff.roles.iter().any(reads);
    let out_of_scope = || ApiError::told(Code::OutOfScope);
    let Some(code) = code else {
        if is_regional {
            return staff.region.region().map(Extent::Region).ok_or_else(out_of_scope);
        }
        return staff.institution().map(Extent::Institution);
    };
    let known = store::regions_with_code(db, code).await?;
    let found = known.into_iter().find(|known| level.is_none_or(|level| known.region.level == level));
    let found = found.ok_or_else(|| ApiError::with(Code::UnknownRegion, "code", code))?;
    if is_regional && staff.region.covers(found.region) {
        Ok(Extent::Region(found.region))
    } else {
        Err(out_of_scope())
    }
}

/// Where the next page begins after this row.
pub(crate) fn position(row: &handbook::Model) -> (RegionCode, HandbookId) {
    (row.region_code, row.id)
}

/// Handbooks as they stand in the list; that they were read is logged first.
pub(crate) async fn listed(
    app: &App,
    staff: &Staff,
    rows: Vec<handbook::Model>,
) -> Result<Vec<Unused>, ApiError> {
    let reads: Vec<_> = rows.iter().map(|row| read_of(staff, row)).collect();
    log::write(app, staff, &reads).await?;
    let names = masked(app.db.read(), &app.keys, rows.iter().map(|row| row.id)).await?;
    let listed = rows.into_iter().map(|row| Unused {
        handbook: row.id,
        number: printed(&row.number),
        name: names.get(&row.id).map(|masked| masked.name.clone()).unwrap_or_default(),
        group: row.issued_group,
        issued_on: row.issued_on,
        region: row.region_code,
        is_claimed: row.state == State::Claimed,
    });
    Ok(listed.collect())
}

fn read_of(staff: &Staff, row: &handbook::Model) -> log::Read {
    let tie = if staff.institution == Some(row.managing_id) { Tie::Managing } else { Tie::InRegion };
    log::Read { handbook: row.id, action: Action::FollowUpUsage, tie: Some(tie), visit: None }
}
