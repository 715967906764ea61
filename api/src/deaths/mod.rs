//! Deaths of a handbook's subjects, recorded and taken back. That a pregnancy ends with the death of the woman is its
//! outcome, see `pregnancies`.
//!
//! Whatever speaks of the one who died stops in the transaction that records it: open danger signs are answered, and
//! whoever plans or congratulates reads the day. Nobody is told: the family knows.

pub mod child;
pub mod woman;

use chrono::NaiveDate;
use domain::access::Action;
use domain::handbook::CloseReason;
use domain::id::HandbookId;
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::alerts::store::{self as alerts, Ended};
use crate::app::App;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks::store::{self as handbooks, Act};
use crate::remark::Remark;
use crate::session::Staff;

/// When somebody died.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeathRequest {
    /// The day, not before the last sign of life that the handbook tells and not in the future.
    pub died_on: NaiveDate,
    /// Where it is known from; the medical report is a record of its own.
    pub note: Option<String>,
}

/// Why a death is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeathVoided {
    /// In words.
    pub reason: String,
}

impl DeathRequest {
    /// What is kept as the reason of the act.
    fn reason(&self) -> Result<Remark, ApiError> {
        let mut form = Form::default();
        let note = self.note.as_deref().filter(|note| !note.trim().is_empty());
        let reason = form.remark("/note", note.unwrap_or(CloseReason::Death.code()), &REMARK);
        form.done()?;
        Ok(reason)
    }
}

impl DeathVoided {
    fn reason(&self) -> Result<Remark, ApiError> {
        let mut form = Form::default();
        let reason = form.remark("/reason", &self.reason, &REMARK);
        form.done()?;
        Ok(reason)
    }
}

/// Nobody dies before a day on which they are known to have lived, or in the future.
fn check_day(lived_on: NaiveDate, died_on: NaiveDate, today: NaiveDate) -> Result<(), ApiError> {
    if (lived_on..=today).contains(&died_on) {
        return Ok(());
    }
    let zh = format!("死亡日期应在{lived_on}至{today}之间。");
    let en = format!("The day of death lies between {lived_on} and {today}.");
    Err(ApiError::field("/died_on", "out_of_range", zh, en))
}

/// Stops what waits for an answer about the one who died, and keeps who recorded the death and why.
async fn stop(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    ended: Ended,
    staff: &Staff,
    reason: &str,
) -> Result<(), ApiError> {
    alerts::end_of_subject(txn, &app.keys, handbook, ended, staff.id, app.now()).await?;
    keep_act(app, txn, handbook, staff, reason).await
}

async fn keep_act(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    staff: &Staff,
    reason: &str,
) -> Result<(), ApiError> {
    let act = Act { handbook, action: Action::ManagePregnancy, staff, reason, person: None };
    handbooks::keep_act(txn, &app.keys, act, app.now()).await
}
