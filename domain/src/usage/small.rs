//! Small counts: what is told of places below the county to those who see counts alone.
//!
//! One handbook issued in a village this week is a pregnancy that the village can name. Whoever may read the lists (a
//! desk, a township office, the county's MCH) sees them anyway; whoever sees counts alone is told no count of 1 to 4 of a
//! town or an institution of a county, and none from which it could be worked out (GB/T 39725; PIPL article 4).
//!
//! A line of a table is told or withheld whole. What is withheld of a table is together no small count either, so that
//! the sum minus what is told says nothing. Periods are single quarters that are over: two periods that overlap, or the
//! same one asked today and tomorrow, would say by their difference what was withheld.

use super::{Breakdown, Period};
use crate::access::{OfficeAction, Role, may_in_office};
use crate::calendar::Month;

/// The smallest count that is told.
pub const LEAST_TOLD: i64 = 5;

/// Why lines are withheld, in Chinese and English; stands in every answer that withholds some.
pub const WITHHELD: (&str, &str) = (
    "县以下（乡镇、机构）的数字对无名单权限的人员按单个已结束的季度提供；1至4的数字，以及可据以推算出该数字的数字，不予显示（以“＊”表示）；村级及累计数不提供。",
    "Below the county (towns, institutions), those who may not read the lists are told single quarters that are over; counts of 1 to 4, and counts from which these could be worked out, are withheld (printed as ＊), as are villages and cumulative counts.",
);

/// How a withheld count is printed.
pub const AS_PRINTED: &str = "＊";

/// How much of a line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Nothing but that the line exists.
    Nothing,
    /// Issued and used of all groups together.
    Total,
    /// Every count.
    All,
}

/// Whether staff with these roles are told small counts: those who may read the list of handbooks that nobody uses.
pub fn sees_small_counts(roles: &[Role]) -> bool {
    may_in_office(roles, OfficeAction::ReadUnused)
}

/// Whether a period is told of places below the county to those who see counts alone, in the month `now`.
pub fn is_told(period: Period, now: Month) -> bool {
    period.is_a_quarter() && period.last < now
}

/// How much is told of each line of a table of which `whole` is told of the sum.
pub fn told(lines: &[Breakdown], whole: Told) -> Vec<Told> {
    let no_total = withheld(lines, whole < Told::Total, &vec![false; lines.len()], has_small_total);
    let no_parts = withheld(lines, whole < Told::All, &no_total, has_small_count);
    let told = |(no_total, no_parts)| match (no_total, no_parts) {
        (true, _) => Told::Nothing,
        (_, true) => Told::Total,
        _ => Told::All,
    };
    no_total.into_iter().zip(no_parts).map(told).collect()
}

/// Which lines are withheld: those that are `already`, small ones, and then the next smallest until all that are withheld
/// are together not small. Where the sum is not told, none is but those where nothing was issued.
fn withheld(
    lines: &[Breakdown],
    is_sum_withheld: bool,
    already: &[bool],
    is_small: fn(&Breakdown) -> bool,
) -> Vec<bool> {
    let is_empty = |line: &Breakdown| line.total().issued == 0;
    if is_sum_withheld {
        return lines.iter().map(|line| !is_empty(line)).collect();
    }
    let mut withheld: Vec<_> =
        lines.iter().zip(already).map(|(line, already)| *already || is_small(line)).collect();
    let mut together = Breakdown::default();
    lines.iter().zip(&withheld).filter(|(_, withheld)| **withheld).for_each(|(line, _)| together += line);
    while is_small(&together) {
        let left = lines.iter().enumerate().filter(|(at, line)| !withheld[*at] && !is_empty(line));
        let Some((next, line)) = left.min_by_key(|(_, line)| line.total().issued) else { break };
        withheld[next] = true;
        together += line;
    }
    withheld
}

fn is_small(count: i64) -> bool {
    (1..LEAST_TOLD).contains(&count)
}

fn has_small_total(line: &Breakdown) -> bool {
    let total = line.total();
    is_small(total.issued) || is_small(total.used)
}

fn has_small_count(line: &Breakdown) -> bool {
    has_small_total(line) || line.counts().any(is_small)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::handbook::Group;
    use crate::institution::ReportColumn;
    use crate::usage::Cell;

    const QUARTER: Period = Period { first: Month(24_309), last: Month(24_311) };

    fn line(groups: &[(Group, i64, i64)]) -> Breakdown {
        let mut line = Breakdown::default();
        for &(group, issued, used) in groups {
            let cell = Cell {
                group,
                column: ReportColumn::Midwifery,
                issued_in: QUARTER.first,
                used_in: None,
                count: issued,
            };
            line.add(&cell, QUARTER);
            line.add(&Cell { used_in: Some(QUARTER.last), count: used, ..cell }, QUARTER);
        }
        line
    }

    fn pregnant(issued: i64, used: i64) -> Breakdown {
        line(&[(Group::Pregnant, issued, used)])
    }

    #[test]
    fn counts_of_one_to_four_are_withheld_and_none_and_five_are_told() {
        let told_of =
            |issued, used| told(&[pregnant(issued, used), pregnant(4, 0), pregnant(4, 0)], Told::All)[0];
        assert_eq!(told_of(0, 0), Told::All);
        assert_eq!(told_of(1, 0), Told::Nothing);
        assert_eq!(told_of(4, 0), Told::Nothing);
        assert_eq!(told_of(5, 0), Told::All);
        assert_eq!(told_of(9, 4), Told::Nothing);
        assert_eq!(told_of(9, 5), Told::All);
    }

    #[test]
    fn one_small_line_takes_the_next_smallest_with_it() {
        let lines = [pregnant(40, 20), pregnant(3, 0), pregnant(10, 8), pregnant(0, 0)];
        assert_eq!(told(&lines, Told::All), [Told::All, Told::Nothing, Told::Nothing, Told::All]);
    }

    #[test]
    fn a_small_group_withholds_the_groups_but_not_the_total() {
        let mixed = line(&[(Group::Pregnant, 30, 20), (Group::Planning, 2, 0)]);
        let lines = [mixed, pregnant(50, 30), line(&[(Group::Child, 60, 40)])];
        // Two planning handbooks alone are a small count even with another line's groups: every line is needed.
        assert_eq!(told(&lines, Told::All), [Told::Total; 3]);
        assert_eq!(
            told(&lines, Told::Total),
            [Told::Total; 3],
            "where the groups of the sum are not told, none are"
        );
        assert_eq!(told(&lines, Told::Nothing), [Told::Nothing; 3]);
    }

    #[test]
    fn only_quarters_that_are_over_are_told() {
        assert!(is_told(QUARTER, Month(QUARTER.last.0 + 1)));
        assert!(!is_told(QUARTER, QUARTER.last), "its last month is not over");
        let month = Period { first: QUARTER.last, last: QUARTER.last };
        let half = Period { first: Month(QUARTER.first.0 - 3), last: QUARTER.last };
        assert!(!is_told(month, Month(i32::MAX)) && !is_told(half, Month(i32::MAX)));
    }

    #[test]
    fn who_may_read_the_lists_is_told_small_counts() {
        for role in Role::ALL {
            let counts_alone = matches!(
                role,
                Role::CityMch | Role::ProvinceMch | Role::HealthAuthority | Role::SystemAdministrator
            );
            if may_in_office(&[*role], OfficeAction::ReadUsage) {
                assert_eq!(sees_small_counts(&[*role]), !counts_alone, "{role:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_withheld_is_never_the_difference_of_what_is_told(
            counts in proptest::collection::vec((0..12i64, 0..12i64, 0..12i64), 1..12),
        ) {
            let lines: Vec<_> = counts
                .iter()
                .map(|&(pregnant, child, used)| {
                    line(&[(Group::Pregnant, pregnant, used.min(pregnant)), (Group::Child, child, used.min(child))])
                })
                .collect();
            let told = told(&lines, Told::All);
            let mut whole = Breakdown::default();
            lines.iter().for_each(|line| whole += line);
            for (least, is_small) in
                [(Told::Total, has_small_total as fn(&Breakdown) -> bool), (Told::All, has_small_count)]
            {
                let shown: Vec<_> = lines.iter().zip(&told).filter(|(_, told)| **told >= least).map(|(line, _)| line).collect();
                prop_assert!(shown.iter().all(|line| !is_small(line)));
                let rest = whole.without(shown.iter().copied());
                let nothing_left = shown.iter().all(|line| line.total().issued == 0);
                prop_assert!(!is_small(&rest) || nothing_left, "{rest:?} of {lines:?} is worked out from {told:?}");
            }
        }
    }
}
