//! The dates of a pregnancy from a last menstrual period, a cycle and a scan: the due date, the gestation and the
//! trimester.
//!
//! Naegele's rule counts 280 days from the last period for a cycle of 28 days; a longer cycle moves the due date by
//! as many days. A scan before 14+0 weeks goes before the period where both differ by more than 5 days (before 9+0)
//! or 7 days (孕前和孕期保健指南 2018; the limits as ACOG's committee opinion 700 gives them). What counts is the gestation
//! that the scan itself found. A later scan goes before nothing, and stands alone where no period is known.

use std::ops::RangeInclusive;

use chrono::{Days, NaiveDate};

use crate::calendar::{FIRST_DAY, is_of_our_time};
use crate::care_plan::LAST_DAY;
use crate::pregnancy::{Dates, TERM_DAYS, as_weeks};
use crate::word::words;

/// The edition of these rules.
pub const EDITION: &str = "csog-2018";

words! {
    /// How the due date was found.
    pub enum Method {
        Lmp = "lmp", "末次月经", "last menstrual period";
        Ultrasound = "ultrasound", "超声", "ultrasound";
        LmpCorrected = "lmp_corrected", "末次月经（按月经周期校正）", "last menstrual period, corrected by the cycle";
    }
}

/// A scan of an embryo or fetus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// The day of the scan.
    pub on: NaiveDate,
    /// The gestation that it found, in days.
    pub gestational_days: i32,
}

/// What is known; a scan or a last menstrual period is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// First day of the last menstrual period.
    pub last_period_on: Option<NaiveDate>,
    /// Days of her cycle; 28 where nothing is said.
    pub cycle_days: Option<i32>,
    /// A scan, best the first one.
    pub scan: Option<Scan>,
}

/// The dates of a pregnancy on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reckoned {
    /// How they were found.
    pub method: Method,
    /// Due date.
    pub due_on: NaiveDate,
    /// Days of gestation.
    pub gestational_days: i64,
    /// 1 to 13+6 weeks, 2 to 27+6, 3 from 28+0.
    pub trimester: u8,
}

impl Reckoned {
    /// Weeks and days of gestation: `37+6`.
    pub fn gestational_age(&self) -> String {
        as_weeks(self.gestational_days)
    }
}

/// Why dates are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither a last menstrual period nor a scan.
    #[error("last_menstrual_period or ultrasound is needed")]
    Missing,
    /// A cycle without a period to count it from.
    #[error("cycle_days needs last_menstrual_period")]
    CycleAlone,
    /// A day outside its range; both ends are allowed.
    #[error("{field}: {given} must lie between the days {earliest} and {latest}")]
    Day {
        /// Where.
        field: &'static str,
        /// What came.
        given: NaiveDate,
        /// First possible day.
        earliest: NaiveDate,
        /// Last possible day.
        latest: NaiveDate,
    },
    /// A number of days outside its range; both ends are allowed.
    #[error("{field}: {given} d must lie between {least} and {most} d")]
    Number {
        /// Where.
        field: &'static str,
        /// What came, in days.
        given: i32,
        /// Least, in days.
        least: i32,
        /// Most, in days.
        most: i32,
    },
    /// By the length of the cycle the pregnancy had not begun on the day.
    #[error("on: counted by a cycle of this length the pregnancy begins on {0}")]
    NotBegun(NaiveDate),
    /// More than three weeks after the due date.
    #[error("on: the pregnancy was due on {due_on} and should have ended by {latest}; record how it ended")]
    ShouldHaveEnded {
        /// Due date.
        due_on: NaiveDate,
        /// Last possible day.
        latest: NaiveDate,
    },
}

/// Days of a cycle with which a due date can be counted.
pub const CYCLE_DAYS: RangeInclusive<i32> = 21..=45;

/// Days of gestation that a scan can find.
pub const SCAN_DAYS: RangeInclusive<i32> = 28..=300;

/// The cycle of Naegele's rule, in days.
const USUAL_CYCLE: i32 = 28;

/// Days after the due date by which a pregnancy has ended.
const AFTER_TERM_DAYS: u64 = 21;

/// Gestation of a scan, in days, from which it does not go before the period (14+0).
const SCAN_WINS_BELOW: i32 = 14 * 7;

/// Gestation of a scan, in days, from which the wider limit holds (9+0).
const VERY_EARLY_BELOW: i32 = 9 * 7;

/// First day of the second and of the third trimester (14+0, 28+0).
const TRIMESTERS: [i64; 2] = [14 * 7, 28 * 7];

/// The dates of a pregnancy on a day.
///
/// # Errors
///
/// Nothing to count from; a day outside 1900 to 2100, in the future, or before the period; a cycle or a gestation
/// outside its range; a pregnancy that must have ended.
pub fn reckon(known: &Known, on: NaiveDate) -> Result<Reckoned, Refusal> {
    check(known, on)?;
    let by_period = known.last_period_on.map(|period| {
        let cycle = known.cycle_days.unwrap_or(USUAL_CYCLE);
        let method = if cycle == USUAL_CYCLE { Method::Lmp } else { Method::LmpCorrected };
        (method, later(period, i64::from(cycle - USUAL_CYCLE) + TERM_DAYS as i64))
    });
    let by_scan = known.scan.map(|scan| {
        let left = TERM_DAYS as i64 - i64::from(scan.gestational_days);
        (Method::Ultrasound, later(scan.on, left))
    });
    let scan_wins = known.scan.zip(by_scan).zip(by_period).map(|((scan, by_scan), by_period)| {
        let limit = if scan.gestational_days < VERY_EARLY_BELOW { 5 } else { 7 };
        let differs_by = (by_scan.1 - by_period.1).num_days().abs();
        scan.gestational_days < SCAN_WINS_BELOW && differs_by > limit
    });
    let found = if scan_wins == Some(true) { by_scan } else { by_period.or(by_scan) };
    let (method, due_on) = found.ok_or(Refusal::Missing)?;
    let gestational_days = Dates::gestational_days(due_on, on);
    if gestational_days < 0 {
        return Err(Refusal::NotBegun(later(due_on, -(TERM_DAYS as i64))));
    }
    let latest = later(due_on, AFTER_TERM_DAYS as i64);
    if on > latest {
        return Err(Refusal::ShouldHaveEnded { due_on, latest });
    }
    let trimester = 1 + TRIMESTERS.iter().map(|first| u8::from(gestational_days >= *first)).sum::<u8>();
    Ok(Reckoned { method, due_on, gestational_days, trimester })
}

fn check(known: &Known, on: NaiveDate) -> Result<(), Refusal> {
    if known.cycle_days.is_some() && known.last_period_on.is_none() {
        return Err(Refusal::CycleAlone);
    }
    if known.last_period_on.is_none() && known.scan.is_none() {
        return Err(Refusal::Missing);
    }
    check_day("on", on, LAST_DAY)?;
    known.last_period_on.map_or(Ok(()), |period| check_day("last_menstrual_period", period, on))?;
    known.cycle_days.map_or(Ok(()), |days| check_number("cycle_days", days, CYCLE_DAYS))?;
    let Some(scan) = known.scan else { return Ok(()) };
    check_day("ultrasound/on", scan.on, on)?;
    check_number("ultrasound/gestational_days", scan.gestational_days, SCAN_DAYS)
}

fn check_day(field: &'static str, given: NaiveDate, latest: NaiveDate) -> Result<(), Refusal> {
    if is_of_our_time(given) && given <= latest {
        Ok(())
    } else {
        Err(Refusal::Day { field, given, earliest: FIRST_DAY, latest })
    }
}

fn check_number(field: &'static str, given: i32, range: RangeInclusive<i32>) -> Result<(), Refusal> {
    if range.contains(&given) {
        Ok(())
    } else {
        Err(Refusal::Number { field, given, least: *range.start(), most: *range.end() })
    }
}

/// The day so many days later, or earlier where they are negative.
fn later(day: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(by) } else { day.checked_add_days(by) };
    moved.unwrap_or(day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn period(on: &str) -> Known {
        Known { last_period_on: Some(day(on)), ..Known::default() }
    }

    fn scan(on: &str, gestational_days: i32) -> Option<Scan> {
        Some(Scan { on: day(on), gestational_days })
    }

    #[test]
    fn a_period_gives_the_due_date_280_days_later() {
        let reckoned = reckon(&period("2026-03-01"), day("2026-11-21")).unwrap();
        let expected =
            Reckoned { method: Method::Lmp, due_on: day("2026-12-06"), gestational_days: 265, trimester: 3 };
        assert_eq!((reckoned, reckoned.gestational_age()), (expected, "37+6".to_owned()));
        let usual = Known { cycle_days: Some(28), ..period("2026-03-01") };
        assert_eq!(reckon(&usual, day("2026-11-21")), Ok(expected));
    }

    #[test]
    fn a_longer_or_shorter_cycle_moves_the_due_date() {
        for (cycle, due) in [(21, "2026-11-29"), (27, "2026-12-05"), (29, "2026-12-07"), (45, "2026-12-23")] {
            let known = Known { cycle_days: Some(cycle), ..period("2026-03-01") };
            let reckoned = reckon(&known, day("2026-09-01")).unwrap();
            assert_eq!((reckoned.method, reckoned.due_on), (Method::LmpCorrected, day(due)), "{cycle}");
        }
        for cycle in [20, 46, 0, -1, i32::MAX, i32::MIN] {
            let known = Known { cycle_days: Some(cycle), ..period("2026-03-01") };
            let refusal = Refusal::Number { field: "cycle_days", given: cycle, least: 21, most: 45 };
            assert_eq!(reckon(&known, day("2026-09-01")), Err(refusal));
        }
    }

    #[test]
    fn a_scan_alone_counts_at_any_gestation() {
        let known = |days| Known { scan: scan("2026-05-10", days), ..Known::default() };
        let reckoned = reckon(&known(70), day("2026-11-21")).unwrap();
        assert_eq!((reckoned.method, reckoned.due_on), (Method::Ultrasound, day("2026-12-06")));
        assert_eq!(reckoned.gestational_age(), "37+6");
        assert!(
            reckon(&known(28), day("2026-05-10")).is_ok() && reckon(&known(300), day("2026-05-10")).is_ok()
        );
        for days in [27, 301, i32::MIN] {
            let refusal =
                Refusal::Number { field: "ultrasound/gestational_days", given: days, least: 28, most: 300 };
            assert_eq!(reckon(&known(days), day("2026-05-10")), Err(refusal));
        }
    }

    #[test]
    fn an_early_scan_wins_where_it_differs_by_more_than_5_or_7_days() {
        // The scan is on the day on which the period gives `by_period` days.
        for (by_period, by_scan, wins) in [
            (60, 55, false),
            (61, 55, true),
            (50, 55, false),
            (49, 55, true),
            (67, 62, false),
            (68, 62, true),
            (69, 63, false),
            (70, 63, false),
            (71, 63, true),
            (56, 63, false),
            (55, 63, true),
            (105, 97, true),
            (104, 97, false),
            (89, 97, true),
            (106, 98, false),
            (80, 98, false),
            (160, 140, false),
        ] {
            let on = later(day("2026-03-01"), by_period);
            let scan = Some(Scan { on, gestational_days: by_scan });
            let reckoned = reckon(&Known { scan, ..period("2026-03-01") }, on).unwrap();
            let (method, days) =
                if wins { (Method::Ultrasound, by_scan.into()) } else { (Method::Lmp, by_period) };
            assert_eq!((reckoned.method, reckoned.gestational_days), (method, days), "{by_period} {by_scan}");
        }
    }

    #[test]
    fn a_scan_is_held_against_the_period_as_the_cycle_corrects_it() {
        let on = day("2026-04-26"); // 8+0 by the period alone, 7+0 with a cycle of 35 days.
        let known = Known { scan: scan("2026-04-26", 49), cycle_days: Some(35), ..period("2026-03-01") };
        assert_eq!(reckon(&known, on).unwrap().method, Method::LmpCorrected);
        let without = Known { cycle_days: None, ..known };
        assert_eq!(reckon(&without, on).unwrap().method, Method::Ultrasound);
    }

    #[test]
    fn trimesters_end_at_13_weeks_6_and_27_weeks_6() {
        for (days, trimester) in [(0, 1), (97, 1), (98, 2), (195, 2), (196, 3), (301, 3)] {
            let on = later(day("2026-03-01"), days);
            assert_eq!(reckon(&period("2026-03-01"), on).unwrap().trimester, trimester, "{days}");
        }
    }

    #[test]
    fn a_pregnancy_has_ended_three_weeks_after_the_due_date() {
        assert!(reckon(&period("2026-03-01"), day("2026-12-27")).is_ok());
        let refusal = Refusal::ShouldHaveEnded { due_on: day("2026-12-06"), latest: day("2026-12-27") };
        assert_eq!(reckon(&period("2026-03-01"), day("2026-12-28")), Err(refusal));
    }

    #[test]
    fn days_out_of_range_name_their_field() {
        let field = |known: &Known, on: &str| match reckon(known, day(on)) {
            Err(Refusal::Day { field, .. }) => Some(field),
            _ => None,
        };
        assert_eq!(field(&period("2026-03-01"), "2026-02-28"), Some("last_menstrual_period"));
        assert_eq!(field(&period("2026-03-01"), "2026-03-01"), None);
        assert_eq!(field(&period("1899-12-31"), "1900-01-01"), Some("last_menstrual_period"));
        assert_eq!(field(&period("2100-12-31"), "2101-01-01"), Some("on"));
        let late = Known { scan: scan("2026-05-10", 70), ..Known::default() };
        assert_eq!(field(&late, "2026-05-09"), Some("ultrasound/on"));
    }

    #[test]
    fn something_to_count_from_is_needed() {
        assert_eq!(reckon(&Known::default(), day("2026-03-01")), Err(Refusal::Missing));
        let cycle = Known { cycle_days: Some(30), scan: scan("2026-05-10", 70), last_period_on: None };
        assert_eq!(reckon(&cycle, day("2026-05-10")), Err(Refusal::CycleAlone));
        let long = Known { cycle_days: Some(35), ..period("2026-03-01") };
        assert_eq!(reckon(&long, day("2026-03-07")), Err(Refusal::NotBegun(day("2026-03-08"))));
        assert_eq!(reckon(&long, day("2026-03-08")).unwrap().gestational_days, 0);
    }

    fn any_day() -> impl Strategy<Value = NaiveDate> {
        (-1000..80_000i64).prop_map(|days| later(day("1900-01-01"), days))
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_reckoned_fits_together(
            start in any_day(), since in -30..330i64, cycle in proptest::option::of(15..50i32),
            has_period: bool, scan_after in -10..330i64, scan_days in proptest::option::of(0..330i32),
        ) {
            let on = later(start, since);
            let scan = scan_days.map(|gestational_days| Scan { on: later(start, scan_after), gestational_days });
            let known = Known { last_period_on: has_period.then_some(start), cycle_days: cycle, scan };
            if let Ok(reckoned) = reckon(&known, on) {
                prop_assert!((0..=301).contains(&reckoned.gestational_days));
                prop_assert_eq!((reckoned.due_on - on).num_days(), 280 - reckoned.gestational_days);
                prop_assert!((1..=3).contains(&reckoned.trimester));
                prop_assert!(has_period || reckoned.method == Method::Ultrasound);
            }
        }
    }
}
