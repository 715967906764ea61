//! `POST /api/v1/regions`: a new region.

use actix_web::web::Data;
use actix_web::{HttpResponse, http::StatusCode, post};
use domain::place::{PlaceRefusal, Region, RegionCode, RegionLevel};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{NAME_LENGTH, View, check, refuse, store};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{Attempt, Once};
use crate::problem::{Code, Word};

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewRegion)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Division code of 12 digits, zeros below its level.
    #[schema(value_type = i64)]
    code: RegionCode,
    /// `province`, `city`, `county`, `town` or `village`.
    #[schema(value_type = String)]
    level: RegionLevel,
    /// Official name.
    #[schema(min_length = 1, max_length = 100)]
    name_zh: String,
    /// Code of the region above; left out for a province.
    #[schema(value_type = Option<i64>)]
    parent_code: Option<RegionCode>,
}

/// Add a region
#[utoipa::path(
    tag = "regions",
    params(Once),
    request_body = Request,
    responses((status = 201, description = "Added", body = View)),
)]
#[post("/api/v1/regions")]
pub(crate) async fn add_region(
    app: Data<App>,
    office: Office<office::ManageRegions>,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let Request { code, level, name_zh, parent_code } = body.parse()?;
    let region = Region { code, level };
    let mut form = Form::default();
    let name_zh = form.line("/name_zh", &name_zh, NAME_LENGTH);
    check(&mut form, region, parent_code);

    let work = match once.begin(&app, office.staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    if form.is_right() && !store::has_place(&work.txn, region, parent_code).await? {
        refuse(&mut form, PlaceRefusal::ParentNotAbove);
    }
    form.done()?;
    if !store::insert(&work.txn, region, &name_zh, parent_code).await? {
        let level = Word::Each { zh: level.zh().to_owned(), en: level.en().to_owned() };
        let words = vec![("code", Word::Same(code.to_string())), ("level", level)];
        return Err(ApiError::Told(Code::RegionExists, words));
    }
    work.answer(&app, office.wrote(), StatusCode::CREATED, &View { code, level, name_zh, parent_code }).await
}
