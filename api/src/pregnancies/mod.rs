//! Pregnancies of a handbook's woman: dates, outcome, births.

pub mod add_child;
pub mod dates;
pub mod outcome;
pub mod register;
pub mod store;
pub mod void_outcome;

use chrono::NaiveDate;
use domain::id::PregnancyId;
use domain::pregnancy::{Dates, DatesRefusal, Dating, FETUSES, Outcome, as_weeks};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::entities::pregnancy;
use crate::form::Form;

/// Dates of a pregnancy as a body gives them: the last period, the due date, or both.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedDates {
    /// First day of the last menstrual period.
    pub last_menstrual_period: Option<NaiveDate>,
    /// Due date; without it the one that the last period gives.
    pub due_date: Option<NaiveDate>,
    /// How the due date was found: `ultrasound` or `clinician` (left out: by a clinician).
    #[schema(value_type = Option<String>)]
    pub due_date_by: Option<Dating>,
}

impl TypedDates {
    /// The dates, or what is wrong with them.
    pub fn check(self, today: NaiveDate) -> Result<Dates, DatesRefusal> {
        let by = self.due_date_by.filter(|dating| *dating != Dating::Lmp).unwrap_or(Dating::Clinician);
        let dates = Dates::from(self.last_menstrual_period, self.due_date.map(|due| (due, by)), today)?;
        // A due date that says what the last period says was reckoned from it.
        let counted =
            self.last_menstrual_period.and_then(|period| Dates::from(Some(period), None, today).ok());
        Ok(counted
            .filter(|counted| counted.due_on == dates.due_on && self.due_date_by.is_none())
            .unwrap_or(dates))
    }
}

/// How many fetuses, one unless the form says otherwise.
pub fn check_fetuses(form: &mut Form, pointer: &str, fetuses: Option<i32>) -> i32 {
    form.within(pointer, fetuses, &FETUSES, ("胎", "fetuses"));
    fetuses.unwrap_or(1)
}

/// A pregnancy as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pregnancy {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: PregnancyId,
    /// First day of the last menstrual period, when it is known.
    pub last_menstrual_period: Option<NaiveDate>,
    /// Due date.
    pub due_date: NaiveDate,
    /// How the due date was found.
    #[schema(value_type = String)]
    pub due_date_by: Dating,
    /// Fetuses.
    pub fetuses: i32,
    /// Gestational age today, `37+6`; absent when the pregnancy has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gestational_age: Option<String>,
    /// How it ended.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended_on: Option<NaiveDate>,
    /// When the woman left the hospital.
    pub discharged_on: Option<NaiveDate>,
    /// Version, for `If-Match`.
    pub version: i32,
}

impl Pregnancy {
    /// A row as it is shown on a day.
    pub fn of(row: &pregnancy::Model, today: NaiveDate) -> Self {
        let days = Dates::gestational_days(row.due_on, today);
        Self {
            id: row.id,
            last_menstrual_period: row.last_period_on,
            due_date: row.due_on,
            due_date_by: row.dating,
            fetuses: row.fetuses,
            gestational_age: row.outcome.is_none().then(|| as_weeks(days)),
            outcome: row.outcome,
            ended_on: row.ended_on,
            discharged_on: row.discharged_on,
            version: row.version,
        }
    }
}
