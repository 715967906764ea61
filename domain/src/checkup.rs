//! `admit`: may this checkup join this handbook now.

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar::day_in_china;

/// Why a checkup is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckupRefusal {
    /// Dated after today in China.
    #[error("{0} is in the future")]
    InTheFuture(NaiveDate),
    /// Dated before the handbook was issued and no reason was given (document 000: no back-filling in principle).
    #[error("{0} is before the day of issue {1}")]
    BeforeIssue(NaiveDate, NaiveDate),
    /// Dated before the child was born.
    #[error("{0} is before the birth {1}")]
    BeforeBirth(NaiveDate, NaiveDate),
    /// Dated after the subject died.
    #[error("{0} is after the death {1}")]
    AfterDeath(NaiveDate, NaiveDate),
    /// Late results belong to the visit: dated before it.
    #[error("{0} is before the visit of {1}")]
    BeforeVisit(NaiveDate, NaiveDate),
}

/// The days that a checkup is held against.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The day the handbook was issued.
    pub issued_on: NaiveDate,
    /// The day the subject was born, if it is a child.
    pub born_on: Option<NaiveDate>,
    /// The day of the visit, if only its late results may be added.
    pub visited_on: Option<NaiveDate>,
    /// A dose transcribed from the vaccination certificate may be older than the handbook.
    pub transcribed: bool,
}

/// Results that come after the visit to which they belong: laboratory, ultrasound and the screenings of a newborn.
const LATE_RESULT_KINDS: [&str; 5] = [
    "laboratory_result",
    "ultrasound",
    "newborn_screening_heel",
    "newborn_screening_hearing",
    "newborn_screening_heart",
];

/// May a kind still be added after the visit, without reading history?
pub fn is_late_result(kind: &str) -> bool {
    LATE_RESULT_KINDS.contains(&kind)
}

/// May a checkup of this day join? `override_reason` is a handbook administrator's word for a day before the issue.
pub fn admit(
    occurred_on: NaiveDate,
    bounds: Bounds,
    override_reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), CheckupRefusal> {
    if occurred_on > day_in_china(now) {
        return Err(CheckupRefusal::InTheFuture(occurred_on));
    }
    if let Some(born_on) = bounds.born_on.filter(|born_on| occurred_on < *born_on) {
        return Err(CheckupRefusal::BeforeBirth(occurred_on, born_on));
    }
    if let Some(visited_on) = bounds.visited_on.filter(|visited_on| occurred_on < *visited_on) {
        return Err(CheckupRefusal::BeforeVisit(occurred_on, visited_on));
    }
    if occurred_on < bounds.issued_on && override_reason.is_none() && !bounds.transcribed {
        return Err(CheckupRefusal::BeforeIssue(occurred_on, bounds.issued_on));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_checkup_before_issue_needs_a_reason_unless_it_is_transcribed() {
        let now = "2026-11-21T16:30:00Z".parse().unwrap();
        let bounds =
            Bounds { issued_on: day("2026-11-10"), born_on: None, visited_on: None, transcribed: false };
        let early = day("2026-11-09");
        assert_eq!(
            admit(early, bounds, None, now),
            Err(CheckupRefusal::BeforeIssue(early, day("2026-11-10")))
        );
        assert_eq!(admit(early, bounds, Some("外院已检查"), now), Ok(()));
        assert_eq!(admit(early, Bounds { transcribed: true, ..bounds }, None, now), Ok(()));
        assert_eq!(
            admit(day("2026-11-22"), bounds, None, now),
            Ok(()),
            "half past midnight in China is the 22nd"
        );
        assert_eq!(
            admit(day("2026-11-23"), bounds, None, now),
            Err(CheckupRefusal::InTheFuture(day("2026-11-23")))
        );
    }

    #[test]
    fn no_reason_reaches_back_before_birth() {
        let now = "2026-11-21T02:00:00Z".parse().unwrap();
        let bounds = Bounds {
            issued_on: day("2026-03-01"),
            born_on: Some(day("2026-10-01")),
            visited_on: None,
            transcribed: true,
        };
        let refusal = admit(day("2026-09-30"), bounds, Some("x"), now);
        assert_eq!(refusal, Err(CheckupRefusal::BeforeBirth(day("2026-09-30"), day("2026-10-01"))));
    }
}
