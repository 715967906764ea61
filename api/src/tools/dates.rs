//! `POST /api/v1/tools/pregnancy-dates`: the due date, the gestation and the trimester.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::pregnancy_dates::{EDITION, Known, Method, Refusal, Scan, reckon};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{between_days, refuse_flood};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::session::Public;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PregnancyDatesRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// First day of the last menstrual period.
    last_menstrual_period: Option<NaiveDate>,
    /// Days of her cycle, 21 to 45; 28 if left out.
    cycle_days: Option<i32>,
    /// A scan.
    ultrasound: Option<Ultrasound>,
    /// The day that is asked about.
    on: NaiveDate,
}

/// A scan of an embryo or fetus.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PregnancyScan)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ultrasound {
    /// The day of the scan.
    on: NaiveDate,
    /// The gestation that it found in days, 28 to 300.
    gestational_days: i32,
}

/// The dates of a pregnancy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PregnancyDates {
    /// `lmp`, `ultrasound` or `lmp_corrected`.
    #[schema(value_type = Option<String>)]
    method: Option<Method>,
    /// Due date; `null` where neither a period nor a scan is known.
    due_date: Option<NaiveDate>,
    /// Days of gestation on the day.
    gestational_days: Option<i64>,
    /// The same in weeks and days: `37+6`.
    gestational_age: Option<String>,
    /// 1 to 13+6 weeks, 2 to 27+6, 3 from 28+0.
    trimester: Option<u8>,
    /// Edition of the rules.
    edition: &'static str,
}

/// The dates of a pregnancy
///
/// By the last menstrual period, the cycle and a scan: before 14+0 weeks the scan goes before the period where both differ by more
/// than 5 days (before 9+0) or 7 days.
#[utoipa::path(
    operation_id = "pregnancy_dates", tag = "tools", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Counted", body = PregnancyDates),
        (status = 429, description = "Too many requests from this address in a minute (`too_many_requests`)"),
    ),
)]
#[post("/api/v1/tools/pregnancy-dates")]
pub(crate) async fn count(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    refuse_flood(&app, from).await?;
    let Request { last_menstrual_period, cycle_days, ultrasound, on } = body.parse()?;
    let scan = ultrasound.map(|scan| Scan { on: scan.on, gestational_days: scan.gestational_days });
    let known = Known { last_period_on: last_menstrual_period, cycle_days, scan };
    let found = match reckon(&known, on) {
        Ok(found) => Some(found),
        // What is missing gives nothing, and no refusal.
        Err(Refusal::Missing) => None,
        Err(refusal) => return Err(told(&refusal)),
    };
    Ok(HttpResponse::Ok().json(PregnancyDates {
        method: found.map(|found| found.method),
        due_date: found.map(|found| found.due_on),
        gestational_days: found.map(|found| found.gestational_days),
        gestational_age: found.map(|found| found.gestational_age()),
        trimester: found.map(|found| found.trimester),
        edition: EDITION,
    }))
}

fn told(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => ApiError::field(
            "/last_menstrual_period",
            "required",
            "需要末次月经或超声结果。",
            "The last menstrual period or a scan is needed.",
        ),
        Refusal::CycleAlone => ApiError::field(
            "/cycle_days",
            "not_for_this",
            "填写月经周期时须同时填写末次月经。",
            "A cycle is counted from a last menstrual period; give that, too.",
        ),
        Refusal::Day { field, earliest, latest, .. } => {
            let (zh, en) = between_days(*earliest, *latest);
            ApiError::field(&pointer(field), "out_of_range", zh, en)
        }
        Refusal::Number { field, least, most, .. } => ApiError::field(
            &pointer(field),
            "out_of_range",
            format!("应为{least}至{most}天。"),
            format!("Must be {least} to {most} days."),
        ),
        Refusal::NotBegun(begins_on) => ApiError::field(
            "/on",
            "out_of_range",
            format!("按此月经周期推算，妊娠自{begins_on}开始；查询日期不能早于该日。"),
            format!("By this cycle the pregnancy begins on {begins_on}; the day must not be before it."),
        ),
        Refusal::ShouldHaveEnded { due_on, latest } => ApiError::field(
            "/on",
            "should_have_ended",
            format!("预产期为{due_on}，妊娠应在{latest}前结束；请核对日期，或登记妊娠结局。"),
            format!(
                "Due on {due_on}, the pregnancy should have ended by {latest}; check the dates, or record how it ended."
            ),
        ),
    }
}

/// A JSON pointer of a field, which the rules call as the request does.
fn pointer(field: &str) -> String {
    format!("/{field}")
}
