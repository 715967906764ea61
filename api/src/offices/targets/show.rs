//! `GET /api/v1/targets`: what a region is held against in a year.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::place::Scope;
use domain::usage::TargetIndicator;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Place, View, launched_in, of, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::error::ApiError;
use crate::offices::{RegionRef, regions};
use crate::problem::Code;
use crate::query::Query;

/// The targets of a region and year.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Targets {
    region: RegionRef,
    year: i32,
    /// The year in which the handbook was launched in the region, once it was.
    launched_in: Option<i32>,
    /// One per rate.
    targets: Vec<View>,
}

/// Show the targets of a year
///
/// A region sees its own targets, those of the regions inside it and those of the regions above it.
#[utoipa::path(
    tag = "targets",
    params(Place),
    responses(
        (status = 200, description = "The targets", body = Targets),
        (status = 422, description = "No such region (`unknown_region`)"),
    ),
)]
#[get("/api/v1/targets")]
pub(crate) async fn show_targets(
    app: Data<App>,
    office: Office<office::ReadUsage>,
    place: Query<Place>,
) -> Result<HttpResponse, ApiError> {
    place.check_year()?;
    let (region, own) = (place.region(), office.staff.region);
    if !own.covers(region) && !Scope::Region(region).covers_scope(own) {
        return Err(ApiError::told(Code::OutOfScope));
    }
    regions::store::known(app.db.read(), region).await?;
    let mut targets = Vec::new();
    for indicator in TargetIndicator::ALL {
        targets.push(view(*indicator, of(app.db.read(), region, place.year, *indicator).await?));
    }
    let launched_in = launched_in(app.db.read(), region).await?;
    let region = region.into();
    Ok(HttpResponse::Ok().json(Targets { region, year: place.year, launched_in, targets }))
}
