//! The woman's body before the pregnancy, as her records tell.

use std::ops::{Range, RangeInclusive};

use chrono::{NaiveDate, TimeDelta};
use domain::calendar::{FIRST_DAY, day_in_china};
use domain::catalogue::Lifted;
use domain::pregnancy::Dates;
use domain::record::Subject;
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value as Json};

use super::Asked;
use super::known::{earlier, is_filled_from};
use crate::app::App;
use crate::db::entities::pregnancy;
use crate::error::ApiError;
use crate::records::store;

/// The woman's body before the pregnancy, as records tell.
#[derive(Default)]
pub(super) struct BodyBefore {
    pub(super) weight_g: Option<i64>,
    pub(super) height_mm: Option<i64>,
    pub(super) screening_result: Option<String>,
}

impl BodyBefore {
    /// Weight and height are only asked for where the weight of the woman is judged, the screening where a form prints it.
    pub(super) async fn load(
        app: &App,
        db: &impl ConnectionTrait,
        asked: &Asked<'_>,
        pregnancy: Option<&pregnancy::Model>,
    ) -> Result<Self, ApiError> {
        let mut body = Self::default();
        let Some(pregnancy) = pregnancy.filter(|_| asked.subject == Subject::Woman) else { return Ok(body) };
        if asked.kind.key == "weight" {
            let kinds = ["weight", "antenatal_first"];
            let days = days_before(pregnancy.due_on);
            let rows = store::earlier(db, earlier(asked, &kinds, &days)).await?;
            let lifted = store::lifted(&app.catalogue, &app.keys, &rows);
            body.weight_g = weight_before(&lifted, pregnancy.due_on);
            let until_then = [FIRST_DAY..=asked.occurred_on];
            let measured = store::latest_with(db, earlier(asked, &kinds, &until_then), &HEIGHTS).await?;
            body.height_mm = measured.and_then(|payload| height_mm(&payload));
        }
        if is_filled_from(asked.kind, |source| source == "pregnancy.screening_result") {
            let screening =
                store::latest_of_pregnancy(db, asked.handbook.id, pregnancy.id, "risk_screening").await?;
            body.screening_result =
                screening.and_then(|row| row.payload.get("result").and_then(Json::as_str).map(str::to_owned));
        }
        Ok(body)
    }
}

/// Weeks of gestation whose weights stand for that before the pregnancy: half a year before it, and its first 12 weeks.
const WEEKS: Range<i64> = -26..12;

/// The days of those weeks.
fn days_before(due_on: NaiveDate) -> [RangeInclusive<NaiveDate>; 1] {
    let first = due_on - TimeDelta::days(Dates::gestational_days(due_on, due_on));
    [first + TimeDelta::weeks(WEEKS.start)..=first + TimeDelta::weeks(WEEKS.end) - TimeDelta::days(1)]
}

/// The last weight before the pregnancy, within half a year; else the first of the first 12 weeks, which stands in for it
/// (WS/T 801-2022).
fn weight_before(lifted: &[Lifted], due_on: NaiveDate) -> Option<i64> {
    let weeks = |record: &Lifted| Dates::gestational_days(due_on, day_in_china(record.at)).div_euclid(7);
    let in_weeks = |range: Range<i64>| {
        let weighed = lifted.iter().filter(move |record| range.contains(&weeks(record)));
        weighed.filter_map(|record| Some((record.at, record.weight_g?)))
    };
    let before = in_weeks(WEEKS.start..0).max_by_key(|(at, _)| *at);
    let early = || in_weeks(0..WEEKS.end).min_by_key(|(at, _)| *at);
    before.or_else(early).map(|(_, grams)| grams)
}

/// Fields of weight entries and checkups that hold the height.
const HEIGHTS: [&str; 2] = ["height", "height_cm"];

fn height_mm(payload: &Map<String, Json>) -> Option<i64> {
    let centimetres = HEIGHTS.iter().find_map(|field| payload.get(*field))?.as_f64()?;
    // A height in the catalogue has one decimal and lies between 100 and 230 cm.
    Some((centimetres * 10.0).round() as i64)
}
