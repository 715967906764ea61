//! Why a plan cannot be made: every field that is wrong, with what came, what is allowed and in which unit.

use std::ops::RangeInclusive;

use chrono::NaiveDate;

use crate::calendar::{FIRST_DAY, is_of_our_time};

/// One thing that is wrong. `field` is a path into the input with slashes: `delivered_on`, `done/0/code`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A day outside its range; both ends are allowed.
    #[error("{field}: {given} must lie between the days {earliest} and {latest}")]
    Day {
        /// Where.
        field: String,
        /// What came.
        given: NaiveDate,
        /// First possible day.
        earliest: NaiveDate,
        /// Last possible day.
        latest: NaiveDate,
    },
    /// A number outside its range; both ends are allowed.
    #[error("{field}: {given} {unit} must lie between {least} and {most} {unit}")]
    Number {
        /// Where.
        field: String,
        /// What came.
        given: i64,
        /// Least that is possible.
        least: i64,
        /// Most that is possible.
        most: i64,
        /// Unit of all three.
        unit: &'static str,
    },
    /// A day that would make a gestation of so many days; the pregnancy should have ended before, or could not yet.
    #[error("{field}: a gestation of {days} d must lie between {least} and {most} d")]
    Gestation {
        /// Where.
        field: String,
        /// Gestation on the day, in days.
        days: i64,
        /// Shortest that is possible.
        least: i64,
        /// Longest that is possible.
        most: i64,
    },
    /// The schedule has no such item.
    #[error("{field}: the schedule has no item `{code}`")]
    UnknownCode {
        /// Where.
        field: String,
        /// What came.
        code: String,
    },
    /// One field makes no sense without another.
    #[error("{field} needs {needs}")]
    Needs {
        /// Where.
        field: String,
        /// What is missing.
        needs: &'static str,
    },
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// A day, where it is given, must be of our time and in the range.
    pub(super) fn day(&mut self, field: &str, given: Option<NaiveDate>, range: RangeInclusive<NaiveDate>) {
        if let Some(given) = given
            && !(is_of_our_time(given) && range.contains(&given))
        {
            let (earliest, latest) = range.into_inner();
            let earliest = earliest.max(FIRST_DAY);
            self.0.push(Fault::Day { field: field.to_owned(), given, earliest, latest });
        }
    }

    /// A number, where it is given, must be in the range.
    pub(super) fn number(
        &mut self,
        field: &str,
        given: Option<i32>,
        range: RangeInclusive<i32>,
        unit: &'static str,
    ) {
        if let Some(given) = given.filter(|given| !range.contains(given)) {
            let (least, most) = range.into_inner();
            let (given, least, most) = (given.into(), least.into(), most.into());
            self.0.push(Fault::Number { field: field.to_owned(), given, least, most, unit });
        }
    }

    /// A gestation of so many days on the day of a field must be in the range.
    pub(super) fn gestation(&mut self, field: &str, days: i64, range: RangeInclusive<i64>) {
        if !range.contains(&days) {
            let (least, most) = range.into_inner();
            self.0.push(Fault::Gestation { field: field.to_owned(), days, least, most });
        }
    }

    /// Anything else.
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Nothing where there is no fault.
    pub(super) fn finish(self) -> Result<(), Vec<Fault>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
