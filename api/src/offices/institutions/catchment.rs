//! `/api/v1/institutions/{institution}/catchment`: the regions whose people an institution manages. A handbook's
//! managing institution is found by it at issue.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, put};
use domain::place::{Region, RegionCode, RegionLevel};
use sea_orm::{ConnectionTrait, SqlErr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{of_manager, store, within};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{IfMatch, Work, etag};
use crate::offices::{RegionRef, regions};
use crate::problem::Code;

/// Most regions of one institution.
const MOST: usize = 500;

/// The regions that an institution manages.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catchment {
    /// Counties, towns or villages.
    #[schema(max_items = 500)]
    regions: Vec<RegionRef>,
}

/// Show the regions that an institution manages
#[utoipa::path(
    tag = "institutions",
    params(("institution" = Uuid, Path, description = "The institution")),
    responses((status = 200, description = "The regions", body = Catchment)),
)]
#[get("/api/v1/institutions/{institution}/catchment")]
pub(crate) async fn show_catchment(
    app: Data<App>,
    office: Office<office::ManageInstitutions>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let row = of_manager(app.db.read(), &office.staff, &id).await?;
    let regions = store::catchment_of(app.db.read(), row.id, MOST as u64).await?;
    let regions = regions.into_iter().map(RegionRef::from).collect();
    Ok(HttpResponse::Ok().insert_header(etag(row.version)).json(Catchment { regions }))
}

/// Set the regions that an institution manages
///
/// They replace those before. A region is managed by one institution: take it from the other first. Handbooks issued
/// before stay where they are.
#[utoipa::path(
    tag = "institutions",
    params(("institution" = Uuid, Path, description = "The institution"), IfMatch),
    request_body = Catchment,
    responses(
        (status = 200, description = "Set", body = Catchment),
        (status = 409, description = "Another institution manages a region (`catchment_taken`), or this one may not or has ended (`cannot_manage`, `institution_ended`)"),
    ),
)]
#[put("/api/v1/institutions/{institution}/catchment")]
pub(crate) async fn set_catchment(
    app: Data<App>,
    office: Office<office::ManageInstitutions>,
    id: Path<String>,
    seen: IfMatch,
    body: Body<Catchment>,
) -> Result<HttpResponse, ApiError> {
    let catchment = body.parse()?;
    let regions: Vec<Region> = catchment.regions.iter().copied().map(Region::from).collect();
    check_shape(&regions)?;
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let row = of_manager(txn, &office.staff, &id).await?;
    seen.check(row.version)?;
    if !store::raise_version(txn, &row).await? {
        return Err(ApiError::with(Code::Stale, "version", row.version + 1));
    }
    if row.ended_at.is_some() {
        return Err(ApiError::told(Code::InstitutionEnded));
    }
    if !regions.is_empty() && !row.classes.0.iter().any(|class| class.may_manage()) {
        return Err(ApiError::told(Code::CannotManage));
    }
    for region in &regions {
        within(office.staff.region, *region)?;
    }
    check_known(txn, &regions).await?;
    if let Some(taken) = store::taken_by_another(txn, row.id, &regions).await? {
        return Err(taken_problem(taken));
    }
    store::replace_catchment(txn, row.id, &regions).await.map_err(|err| {
        match (err.sql_err(), regions.first()) {
            // Another institution took one of them at the same moment.
            (Some(SqlErr::UniqueConstraintViolation(_)), Some(first)) => taken_problem(first.code),
            _ => err.into(),
        }
    })?;
    work.done(&app, office.wrote().on(row.id)).await?;
    Ok(HttpResponse::Ok().insert_header(etag(row.version + 1)).json(catchment))
}

fn check_shape(regions: &[Region]) -> Result<(), ApiError> {
    let mut form = Form::default();
    form.no_twice("/regions", regions);
    if regions.len() > MOST {
        form.refuse(
            "/regions",
            "too_many",
            format!("最多{MOST}个区划。"),
            format!("At most {MOST} regions."),
        );
    }
    for (at, region) in regions.iter().enumerate() {
        if region.level < RegionLevel::County {
            form.refuse(
                &format!("/regions/{at}/level"),
                "not_an_option",
                "只能选择县、乡镇或村级区划。",
                "Allowed are: county, town, village.",
            );
        }
    }
    form.done()
}

async fn check_known(db: &impl ConnectionTrait, asked: &[Region]) -> Result<(), ApiError> {
    let rows = regions::store::with_codes(db, asked.iter().map(|region| region.code)).await?;
    let is_known =
        |region: &Region| rows.iter().any(|row| row.code == region.code && row.level == region.level);
    match asked.iter().find(|region| !is_known(region)) {
        Some(unknown) => Err(ApiError::with(Code::UnknownRegion, "code", unknown.code)),
        None => Ok(()),
    }
}

fn taken_problem(code: RegionCode) -> ApiError {
    ApiError::with(Code::CatchmentTaken, "code", code)
}
