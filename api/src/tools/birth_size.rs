//! `POST /api/v1/tools/birth-size`: whether a newborn is small or large for its gestational age.

use std::ops::RangeInclusive;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::growth::birth_size::{EDITION, Measure, Size, size};
use domain::person::Sex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refuse_flood;
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::Form;
use crate::session::Public;

/// Completed weeks of gestation that a birth may have.
const POSSIBLE_WEEKS: RangeInclusive<i32> = 20..=44;

/// Grams that a newborn may weigh.
const GRAMS: RangeInclusive<f64> = 200.0..=8000.0;

/// Centimetres that a newborn may be long.
const LENGTH_CM: RangeInclusive<f64> = 20.0..=70.0;

/// Centimetres that a newborn's head may measure.
const HEAD_CM: RangeInclusive<f64> = 10.0..=60.0;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BirthSizeRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// `male` or `female`.
    #[schema(value_type = Option<String>)]
    sex: Option<Sex>,
    /// Completed weeks of gestation at birth, 20 to 44; the standard knows 24 to 42.
    gestational_weeks: Option<i32>,
    /// Grams.
    weight_g: Option<f64>,
    /// Centimetres.
    length_cm: Option<f64>,
    /// Centimetres.
    head_circumference_cm: Option<f64>,
}

/// Size at birth (WS/T 800-2022).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BirthSize {
    /// Edition of the rules.
    edition: &'static str,
    /// By weight; `null` where something is missing or the standard does not reach.
    weight: Option<Judged>,
    /// By length.
    length: Option<Judged>,
    /// By head circumference.
    head_circumference: Option<Judged>,
}

/// Size by one measure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BirthSizeOf)]
pub(crate) struct Judged {
    /// `sga`, `aga` or `lga`.
    #[schema(value_type = String)]
    class: Size,
    /// `<10`, `10..90` or `>90`.
    percentile_band: &'static str,
    /// The class in Chinese.
    label_zh: &'static str,
    /// The class in English.
    label_en: &'static str,
}

/// Size at birth for gestational age
///
/// By completed week of gestation, of singletons (WS/T 800-2022): small below the 10th percentile, large above the 90th.
#[utoipa::path(
    operation_id = "birth_size", tag = "tools", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Assessed", body = BirthSize),
        (status = 429, description = "Too many requests from this address in a minute (`too_many_requests`)"),
    ),
)]
#[post("/api/v1/tools/birth-size")]
pub(crate) async fn assess(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    refuse_flood(&app, from).await?;
    let request = body.parse()?;
    let mut form = Form::default();
    form.within("/gestational_weeks", request.gestational_weeks, &POSSIBLE_WEEKS, ("周", "weeks"));
    form.measure("/weight_g", request.weight_g, &GRAMS, "g");
    form.measure("/length_cm", request.length_cm, &LENGTH_CM, "cm");
    form.measure("/head_circumference_cm", request.head_circumference_cm, &HEAD_CM, "cm");
    form.done()?;
    let judged = |of: Measure, measured: Option<f64>| -> Option<Judged> {
        let weeks = u32::try_from(request.gestational_weeks?).ok()?;
        let class = size(of, request.sex?, weeks, measured?)?;
        let percentile_band = class.percentile_band();
        Some(Judged { class, percentile_band, label_zh: class.zh(), label_en: class.en() })
    };
    Ok(HttpResponse::Ok().json(BirthSize {
        edition: EDITION,
        weight: judged(Measure::Weight, request.weight_g),
        length: judged(Measure::Length, request.length_cm),
        head_circumference: judged(Measure::Head, request.head_circumference_cm),
    }))
}
