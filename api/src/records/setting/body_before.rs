//! The woman's body before the pregnancy, as her records tell.

use chrono::NaiveDate;
use domain::calendar::day_in_china;
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
            let rows = store::earlier(db, earlier(asked, &kinds, None)).await?;
            let lifted = store::lifted(&app.catalogue, &app.keys, &rows);
            body.weight_g = weight_before(&lifted, pregnancy.due_on);
            body.height_mm = lifted.iter().find_map(|(_, payload)| height_mm(payload));
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

/// The last weight before the pregnancy, within half a year; else the first of the first 12 weeks, which stands in for it
/// (WS/T 801-2022).
fn weight_before(lifted: &[(Lifted, Map<String, Json>)], due_on: NaiveDate) -> Option<i64> {
    let weeks = |record: &Lifted| Dates::gestational_days(due_on, day_in_china(record.at)).div_euclid(7);
    let weights = || lifted.iter().filter_map(|(record, _)| Some((weeks(record), record.weight_g?)));
    let before = weights().filter(|(week, _)| (-26..0).contains(week)).max_by_key(|(week, _)| *week);
    let early = || weights().filter(|(week, _)| (0..12).contains(week)).min_by_key(|(week, _)| *week);
    before.or_else(early).map(|(_, grams)| grams)
}

fn height_mm(payload: &Map<String, Json>) -> Option<i64> {
    let centimetres = payload.get("height").or_else(|| payload.get("height_cm"))?.as_f64()?;
    // A height in the catalogue has one decimal and lies between 100 and 230 cm.
    Some((centimetres * 10.0).round() as i64)
}
