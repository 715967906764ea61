//! A child whose growth leaves its own course: two levels of WS/T 423-2022 up or down within a year.
//!
//! Two of the five levels of WS/T 423-2022 (table 2) within 365 days are our own setting: the standard judges a measurement, not
//! a course.

use chrono::NaiveDate;

use super::Indicator;
use super::age::Age;
use super::china::{Assessment, Level};

/// Levels that a course crosses before it is told.
const LEVELS: usize = 2;

/// How far back measurements are compared, in days.
const WITHIN_DAYS: u32 = 365;

/// Which way a course went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// To a higher level.
    Up,
    /// To a lower level.
    Down,
}

/// A course that crossed levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// Of what.
    pub indicator: Indicator,
    /// Which way.
    pub course: Course,
    /// The day of the measurement from which it went.
    pub since: NaiveDate,
    /// The level then.
    pub from: Level,
    /// The level at the latest measurement.
    pub to: Level,
}

/// A measurement of a child as WS/T 423-2022 judges it.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The day.
    pub on: NaiveDate,
    /// The age on that day, the corrected one where that is used.
    pub age: Age,
    /// What the standard says.
    pub assessment: Assessment,
}

/// Whether the latest of these measurements left the course of one before it, by each indicator; of several the nearest counts.
/// Their order does not matter.
pub fn crossings(measurements: &[Judged]) -> Vec<Crossing> {
    let Some(latest) = measurements.iter().max_by_key(|one| one.on) else { return Vec::new() };
    Indicator::ALL.iter().filter_map(|of| crossing(*of, latest, measurements)).collect()
}

fn crossing(indicator: Indicator, latest: &Judged, all: &[Judged]) -> Option<Crossing> {
    let level = |one: &Judged| one.assessment.of(indicator).map(super::china::Band::level);
    let to = level(latest)?;
    let is_before =
        |one: &&Judged| one.on < latest.on && (latest.on - one.on).num_days() <= i64::from(WITHIN_DAYS);
    let crossed = all.iter().filter(is_before).filter_map(|one| {
        let from = level(one)?;
        (steps(from).abs_diff(steps(to)) >= LEVELS).then_some((one.on, from))
    });
    let (since, from) = crossed.max_by_key(|(on, _)| *on)?;
    let course = if to > from { Course::Up } else { Course::Down };
    Some(Crossing { indicator, course, since, from, to })
}

fn steps(level: Level) -> usize {
    Level::ALL.iter().position(|one| *one == level).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{Measured, china};
    use super::*;
    use crate::person::Sex;

    const BORN: &str = "2026-01-01";

    fn weighed(on: &str, kg: f64) -> Judged {
        let on: NaiveDate = on.parse().unwrap();
        let age = Age::on(on, BORN.parse().unwrap()).unwrap();
        let measured = Measured { weight_kg: Some(kg), ..Measured::default() };
        Judged { on, age, assessment: china::assess(Sex::Male, age, &measured) }
    }

    fn told(measurements: &[Judged]) -> Vec<(Course, Level, Level, String)> {
        let told = crossings(measurements).into_iter();
        told.map(|crossing| (crossing.course, crossing.from, crossing.to, crossing.since.to_string()))
            .collect()
    }

    #[test]
    fn two_levels_down_are_told_and_one_is_not() {
        // Boys of six months: 6.2 6.8 7.5 8.4 9.3 10.3 11.5 kg; of three months: 4.9 5.4 6.1 6.8 7.5 8.3 9.2 kg.
        let middle = weighed("2026-04-01", 6.8);
        assert_eq!(middle.assessment.weight_for_age.unwrap().level(), Level::Mid);
        let (mid_low, low) = (weighed("2026-07-01", 7.2), weighed("2026-07-01", 6.5));
        assert_eq!(mid_low.assessment.weight_for_age.unwrap().level(), Level::MidLow);
        assert_eq!(told(&[middle, mid_low]), []);
        let expected = [(Course::Down, Level::Mid, Level::Low, "2026-04-01".to_owned())];
        assert_eq!(told(&[middle, low]), expected);
        assert_eq!(told(&[low, middle]), expected, "in any order");
        let up = [(Course::Up, Level::Low, Level::Mid, "2026-04-01".to_owned())];
        assert_eq!(told(&[weighed("2026-04-01", 5.2), weighed("2026-07-01", 8.4)]), up);
    }

    #[test]
    fn the_nearest_course_counts_and_none_of_more_than_a_year_ago() {
        let (first, second) = (weighed("2026-04-01", 6.8), weighed("2026-05-01", 7.6));
        let low = weighed("2026-07-01", 6.5);
        assert_eq!(told(&[first, second, low])[0].3, "2026-05-01");
        let of_april = |day: &str| told(&[first, weighed(day, 6.5)]).len();
        assert_eq!((of_april("2027-04-01"), of_april("2027-04-02")), (1, 0));
        assert_eq!((told(&[]), told(&[low])), (vec![], vec![]));
    }
}
