//! `GET /api/v1/usage/days`: the last days, one by one.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::scope::{self, Asked};
use super::{small, store};
use crate::access::Office;
use crate::access::office::ReadUsage;
use crate::app::App;
use crate::error::ApiError;
use crate::query::{self, Query};

/// Most days of a series: about a quarter.
const MOST_DAYS: u64 = 92;

/// Days of a series when nothing is asked for.
const DAYS: u64 = 30;

/// Which days are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// How many days, up to and including today: 1 to 92; 30 when left out.
    #[param(minimum = 1, maximum = 92)]
    days: Option<u64>,
}

/// The last days.
#[derive(Debug, Serialize, ToSchema)]
pub struct Series {
    /// Every day, the oldest first.
    items: Vec<Day>,
}

/// What a day saw.
#[derive(Debug, Serialize, ToSchema)]
pub struct Day {
    /// The day in China.
    day: NaiveDate,
    /// Handbooks first issued or reissued on it.
    issued: i64,
    /// Handbooks first used on it, whenever they were issued.
    used: i64,
}

/// Handbooks issued and first used on each of the last days
///
/// Those who may not read the lists are told the days of counties and of what is larger.
#[utoipa::path(
    tag = "usage",
    params(Asked, Question),
    responses(
        (status = 200, description = "The days", body = Series),
        (status = 403, description = "Not for this role, or outside the own region or institution"),
        (status = 404, description = "No such institution"),
        (status = 422, description = "No such region"),
    ),
)]
#[get("/api/v1/usage/days")]
pub(crate) async fn days(
    app: Data<App>,
    office: Office<ReadUsage>,
    asked: Query<Asked>,
    question: Query<Question>,
) -> Result<HttpResponse, ApiError> {
    let count = question.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&count) {
        return Err(query::out_of_range("days", 1, MOST_DAYS));
    }
    let today = app.today();
    let days: Vec<_> = (0..count).rev().filter_map(|ago| today.checked_sub_days(Days::new(ago))).collect();
    let extent = scope::of(app.db.read(), &office.staff, *asked).await?;
    small::must_be_told_by_day(&office.staff, &extent)?;
    let counted = store::days(app.db.read(), &extent, &days).await?;
    let item = |day| {
        let found = counted.iter().find(|row| row.day == day);
        Day { day, issued: found.map_or(0, |row| row.issued), used: found.map_or(0, |row| row.used) }
    };
    Ok(HttpResponse::Ok().json(Series { items: days.into_iter().map(item).collect() }))
}
