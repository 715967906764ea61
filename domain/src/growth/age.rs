//! Ages as growth standards count them, and the corrected age of children who were born early.

use chrono::NaiveDate;

use crate::calendar::age_in_months;

/// Days of a month, as WHO counts (365.25 / 12).
pub const DAYS_OF_A_MONTH: f64 = 30.4375;

/// Days of gestation of a term birth, from which a corrected age counts (40 weeks).
pub const TERM_DAYS: u32 = 280;

/// Born before this many days of gestation (37+0 weeks) is preterm.
pub const PRETERM_BELOW: u32 = 259;

/// A corrected age is used up to this chronological age, in completed months.
pub const CORRECTED_UNTIL_MONTHS: u32 = 24;

/// An age of a born child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    /// Days lived.
    pub days: u32,
    /// Months completed.
    pub months: u32,
}

impl Age {
    /// The age on a day; nothing before birth.
    pub fn on(day: NaiveDate, born_on: NaiveDate) -> Option<Self> {
        let days = u32::try_from((day - born_on).num_days()).ok()?;
        let months = u32::try_from(age_in_months(born_on, day)).unwrap_or(0);
        Some(Self { days, months })
    }

    /// The age of so many days, where no dates are known.
    pub fn of_days(days: u32) -> Self {
        Self { days, months: (f64::from(days) / DAYS_OF_A_MONTH) as u32 }
    }

    /// Months with their fraction, as WHO counts them.
    pub fn exact_months(self) -> f64 {
        f64::from(self.days) / DAYS_OF_A_MONTH
    }

    /// The age counted from term, for a child born after `gestational_days` before 37+0 weeks and not older than two years:
    /// days lived less the days that were missing to 40+0. Nothing for others, and before the day that was due.
    pub fn corrected(self, gestational_days: u32) -> Option<Self> {
        if gestational_days >= PRETERM_BELOW || self.months >= CORRECTED_UNTIL_MONTHS {
            return None;
        }
        self.days.checked_sub(TERM_DAYS - gestational_days).map(Self::of_days)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_completed_by_the_calendar_where_days_are_known() {
        let age = |born, on| Age::on(day(on), day(born));
        assert_eq!(age("2026-01-21", "2026-02-20"), Some(Age { days: 30, months: 0 }));
        assert_eq!(age("2024-11-21", "2026-11-21"), Some(Age { days: 730, months: 24 }));
        assert_eq!(Age::of_days(730).months, 23, "two years are 730.5 days");
        assert_eq!(Age::of_days(731).months, 24);
        assert_eq!(age("2026-11-21", "2026-11-20"), None);
    }

    #[test]
    fn only_who_was_born_before_37_weeks_has_a_corrected_age_and_until_two_years() {
        assert_eq!(Age::of_days(100).corrected(259), None);
        assert_eq!(Age::of_days(100).corrected(258), Some(Age::of_days(78)));
        assert_eq!(Age::of_days(21).corrected(258), None, "before the day that was due");
        assert_eq!(Age::of_days(22).corrected(258), Some(Age::of_days(0)));
        assert_eq!(Age::of_days(730).corrected(224), Some(Age::of_days(674)));
        assert_eq!(Age::of_days(731).corrected(224), None);
    }
}
