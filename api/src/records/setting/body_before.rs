//! The woman's body before the pregnancy, as her records tell.

use domain::calendar::FIRST_DAY;
use domain::catalogue::weight_before;
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
            let days = [weight_before::days(pregnancy.due_on)];
            let rows = store::earlier(db, earlier(asked, &kinds, &days)).await?;
            let lifted = store::lifted(&app.catalogue, &app.keys, &rows);
            body.weight_g = weight_before::grams(&lifted, pregnancy.due_on);
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

/// Fields of weight entries and checkups that hold the height.
const HEIGHTS: [&str; 2] = ["height", "height_cm"];

fn height_mm(payload: &Map<String, Json>) -> Option<i64> {
    let centimetres = HEIGHTS.iter().find_map(|field| payload.get(*field))?.as_f64()?;
    // A height in the catalogue has one decimal and lies between 100 and 230 cm.
    Some((centimetres * 10.0).round() as i64)
}
