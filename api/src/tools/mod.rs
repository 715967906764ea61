//! `POST /api/v1/tools/...`: Muzi's medicine for everybody to try: no sign-in, nothing stored, counted by address.
//!
//! What is missing gives a missing answer, never a guess; every answer names the edition of the rules that it used.

pub mod birth_size;
pub mod dates;
pub mod growth;
pub mod immunization;
pub mod visits;

use chrono::NaiveDate;

use crate::app::App;
use crate::cache::WINDOW;
use crate::error::ApiError;
use crate::problem::Code;
use crate::session::Public;

/// Refuses an address that asks too often. The tools stand on nothing but the processor, so each replica counts its own.
async fn refuse_flood(app: &App, from: Public) -> Result<(), ApiError> {
    let most = u64::from(app.config.requests_a_minute);
    if app.requests.is_too_much(format!("tools:{}", from.address), most).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    Ok(())
}

/// That a day lies outside a range, Chinese and English.
fn between_days(earliest: NaiveDate, latest: NaiveDate) -> (String, String) {
    (format!("应在{earliest}至{latest}之间。"), format!("Must lie between {earliest} and {latest}."))
}

/// A figure as it is told, with so many decimals; never minus nought.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale + 0.0
}
