//! The woman's weight before the pregnancy, which the weight gained is counted from.

use std::ops::{Range, RangeInclusive};

use chrono::{NaiveDate, TimeDelta};

use super::lift::Lifted;
use crate::calendar::day_in_china;
use crate::pregnancy::Dates;

/// Weeks of gestation whose weights stand for that before the pregnancy: half a year before it, and its first 12 weeks.
const WEEKS: Range<i64> = -26..12;

/// The days of those weeks, of a pregnancy that is due on a day.
pub fn days(due_on: NaiveDate) -> RangeInclusive<NaiveDate> {
    let first = due_on - TimeDelta::days(Dates::gestational_days(due_on, due_on));
    first + TimeDelta::weeks(WEEKS.start)..=first + TimeDelta::weeks(WEEKS.end) - TimeDelta::days(1)
}

/// In grams: the last weight before the pregnancy, within half a year; else the first of the first 12 weeks, which stands
/// in for it (WS/T 801-2022).
pub fn grams(lifted: &[Lifted], due_on: NaiveDate) -> Option<i64> {
    let weeks = |record: &Lifted| Dates::gestational_days(due_on, day_in_china(record.at)).div_euclid(7);
    let in_weeks = |range: Range<i64>| {
        let weighed = lifted.iter().filter(move |record| range.contains(&weeks(record)));
        weighed.filter_map(|record| Some((record.at, record.weight_g?)))
    };
    let before = in_weeks(WEEKS.start..0).max_by_key(|(at, _)| *at);
    let early = || in_weeks(0..WEEKS.end).min_by_key(|(at, _)| *at);
    before.or_else(early).map(|(_, grams)| grams)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted from a last period on 2026-03-01.
    fn due_on() -> NaiveDate {
        "2026-12-06".parse().unwrap()
    }

    fn weighed(at: &str, grams: i64) -> Lifted {
        Lifted { at: format!("{at}+08:00").parse().unwrap(), weight_g: Some(grams), ..Lifted::default() }
    }

    #[test]
    fn the_last_weight_before_counts_else_the_first_of_the_first_twelve_weeks() {
        let (early, late) = (weighed("2025-08-31T08:00:00", 50_000), weighed("2026-02-28T23:59:59", 52_000));
        let (first, last) = (weighed("2026-03-01T00:00:00", 53_000), weighed("2026-05-23T23:59:59", 54_000));
        for (lifted, expected) in [
            (vec![], None),
            (vec![early.clone()], Some(50_000)),
            (vec![weighed("2025-08-30T23:59:59", 49_000)], None),
            (vec![first.clone(), late.clone(), early], Some(52_000)),
            (vec![last.clone(), first], Some(53_000)),
            (vec![last], Some(54_000)),
            (vec![weighed("2026-05-24T00:00:00", 55_000)], None),
            (vec![Lifted { weight_g: None, ..late }], None),
        ] {
            assert_eq!(grams(&lifted, due_on()), expected, "{lifted:?}");
        }
    }

    #[test]
    fn of_two_weights_of_a_day_the_instant_decides() {
        let (morning, evening) =
            (weighed("2026-02-20T07:00:00", 51_000), weighed("2026-02-20T21:00:00", 52_000));
        assert_eq!(grams(&[evening, morning], due_on()), Some(52_000));
    }

    #[test]
    fn the_days_are_those_whose_weights_count() {
        assert_eq!(days(due_on()), "2025-08-31".parse().unwrap()..="2026-05-23".parse().unwrap());
    }
}
