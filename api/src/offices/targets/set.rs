//! `PUT /api/v1/targets`: what a region sets itself for a year.

use actix_web::web::Data;
use actix_web::{HttpResponse, put};
use domain::usage::TargetIndicator;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Place, View, of, store, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::idempotency::{IfMatch, Work, etag};
use crate::offices::{institutions, regions};
use crate::problem::Code;
use crate::query::Query;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewTarget)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Which rate.
    #[schema(value_type = String)]
    indicator: TargetIndicator,
    /// Per cent to reach, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    percent: i64,
}

/// Set a target of a year
///
/// `If-Match` carries the version of this target, 0 when the region has set none.
#[utoipa::path(
    tag = "targets",
    params(Place, IfMatch),
    request_body = Request,
    responses((status = 200, description = "Set", body = View)),
)]
#[put("/api/v1/targets")]
pub(crate) async fn set_target(
    app: Data<App>,
    office: Office<office::SetTargets>,
    place: Query<Place>,
    seen: IfMatch,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { indicator, percent } = body.parse()?;
    place.check_year()?;
    let percent = u8::try_from(percent).ok().filter(|percent| *percent <= 100).ok_or_else(|| {
        let (zh, en) = ("应为0至100（%）。", "0 to 100 per cent are allowed.");
        ApiError::field("/percent", "out_of_range", zh, en)
    })?;
    let region = place.region();
    institutions::within(office.staff.region, region)?;

    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    regions::store::known(txn, region).await?;
    seen.check(of(txn, region, place.year, indicator).await?.version)?;
    if !store::set(txn, region, place.year, indicator, percent, seen.0).await? {
        return Err(ApiError::with(Code::Stale, "version", seen.0 + 1));
    }
    let target = of(txn, region, place.year, indicator).await?;
    work.done(&app, office.wrote()).await?;
    Ok(HttpResponse::Ok().insert_header(etag(target.version)).json(view(indicator, target)))
}
