//! A family's request to correct a clinician's record: its states, and by when it is answered.

use chrono::{Days, NaiveDate};
use serde::Deserialize;

use crate::word::words;

words! {
    /// Where a request stands.
    pub enum RequestState {
        Open = "open", "待答复", "open";
        Corrected = "corrected", "已更正", "corrected";
        Refused = "refused", "未采纳", "refused with a reason";
    }
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerRefusal {
    /// A correction names the version that corrects, and there is none such.
    #[error("version {named} is not a version after {asked_about} of the record, which is at {current}")]
    NotANewerVersion {
        /// The version that was named.
        named: i32,
        /// The version that the family asked about.
        asked_about: i32,
        /// The version at which the record is.
        current: i32,
    },
}

/// A record is corrected by a version that exists and is newer than the one that the family asked about.
pub fn corrects(named: i32, asked_about: i32, current: i32) -> Result<(), AnswerRefusal> {
    if named > asked_about && named <= current {
        Ok(())
    } else {
        Err(AnswerRefusal::NotANewerVersion { named, asked_about, current })
    }
}

/// How long an answer may take, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// Days.
    pub days: u64,
    /// Document and article, or that it is our own setting.
    pub source: String,
}

impl Deadline {
    /// The deadline in force.
    pub fn in_force() -> Result<Self, toml::de::Error> {
        toml::from_str(include_str!("../data/corrections.toml"))
    }

    /// The last day on which an answer is in time.
    pub fn due_on(&self, asked_on: NaiveDate) -> NaiveDate {
        asked_on.checked_add_days(Days::new(self.days)).unwrap_or(NaiveDate::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_names_a_version_that_came_after() {
        assert_eq!(corrects(2, 1, 2), Ok(()));
        assert_eq!(corrects(2, 1, 3), Ok(()));
        for wrong in [(1, 1, 2), (0, 1, 2), (3, 1, 2), (-1, 1, 1)] {
            assert!(corrects(wrong.0, wrong.1, wrong.2).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_is_due_on_the_fifteenth_day_and_the_number_says_whose_it_is() {
        let deadline = Deadline::in_force().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(deadline.due_on(day("2026-11-22")), day("2026-12-07"));
        assert!(deadline.source.contains("own setting"));
    }
}
