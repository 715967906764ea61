//! Issued, used, rate: the only definition. Dashboards, reports and exports all call this.
//!
//! - *Issued*: handbooks first issued or reissued in a period. A replacement is not an issue.
//! - *Used*: of those, the ones with at least one piece of evidence by the end of the period. Evidence is dated by its
//!   receipt and survives withdrawal and erasure.
//! - *Usage rate* = used / issued x 100 %, one decimal, nothing where nothing was issued (document 000, form R1).

use std::collections::BTreeMap;

use crate::calendar::Month;
use crate::handbook::Group;
use crate::institution::ReportColumn;
use crate::word::words;

pub mod small;

words! {
    /// What shows that a handbook is in use.
    pub enum Evidence {
        Entry = "entry", "家庭自我记录", "a family entry";
        Scan = "scan", "扫码就诊", "a scan at an institution";
        Checkup = "checkup", "医务人员检查记录", "a clinician's checkup";
        FollowUp = "follow_up", "随访确认使用", "a follow-up that found it in use";
    }
}

words! {
    /// What a usage follow-up found (network flow B8).
    pub enum Found {
        Used = "used", "在用", "in use";
        NotUsed = "not_used", "未用", "not in use";
        Lost = "lost", "遗失", "lost";
    }
}

/// The definition as it stands in every answer, in Chinese and English.
pub const DEFINITION: (&str, &str) = (
    "使用数：期内首次发放或补发的手册中，截至期末至少有一条使用证据（家庭自我记录、扫码就诊、医务人员检查记录或随访确认使用）的手册数；证据按系统收到的日期计，撤回或删除记录不影响计数；换发不计为发放。使用率＝使用数÷发放总数×100%，保留一位小数，发放总数为0时不计算。",
    "Used: of the handbooks first issued or reissued in the period, those with at least one piece of usage evidence (family entry, scan, checkup, or follow-up that found it in use) by the end of the period; evidence is dated by its receipt and survives withdrawal; a replacement is not an issue. Usage rate = used / issued x 100 %, one decimal, none where nothing was issued.",
);

/// One cell of the counters: handbooks of one group and column, issued in one month, first used in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// To whom the handbooks were issued.
    pub group: Group,
    /// ReportColumn of the report.
    pub column: ReportColumn,
    /// Month of issue.
    pub issued_in: Month,
    /// Month of first use; `None` counts every issued handbook.
    pub used_in: Option<Month>,
    /// How many handbooks.
    pub count: i64,
}

/// Issued and used handbooks of one group, column, institution or region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Issued in the period.
    pub issued: i64,
    /// Of those, used by the end of the period.
    pub used: i64,
}

impl Tally {
    /// The tally of the cells for handbooks issued from `first` to `last`, used by the end of `last`.
    pub fn of<'a>(cells: impl IntoIterator<Item = &'a Cell>, first: Month, last: Month) -> Self {
        let mut tally = Self::default();
        for cell in cells {
            tally.add(cell, first, last);
        }
        tally
    }

    /// Counts one cell if it belongs to the period.
    pub fn add(&mut self, cell: &Cell, first: Month, last: Month) {
        if !(first..=last).contains(&cell.issued_in) {
            return;
        }
        match cell.used_in {
            None => self.issued += cell.count,
            Some(used_in) if used_in <= last => self.used += cell.count,
            Some(_) => {}
        }
    }

    /// Usage rate in tenths of a per cent, rounded half up; `None` where nothing was issued.
    pub fn rate_per_mille(self) -> Option<i64> {
        (self.issued > 0).then(|| (self.used * 2000 + self.issued) / (self.issued * 2))
    }

    /// The rate as printed: `66.7`, or `—` where nothing was issued.
    pub fn rate_as_printed(self) -> String {
        self.rate_per_mille().map_or_else(|| "—".to_owned(), |rate| format!("{}.{}", rate / 10, rate % 10))
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), std::ops::Add::add)
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { issued: self.issued + other.issued, used: self.used + other.used }
    }
}

/// What a report of one region, institution or period is drawn from: a tally per group and column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breakdown(BTreeMap<(Group, ReportColumn), Tally>);

impl Breakdown {
    /// The tallies of the cells for a period.
    pub fn of<'a>(cells: impl IntoIterator<Item = &'a Cell>, period: Period) -> Self {
        let mut breakdown = Self::default();
        for cell in cells {
            breakdown.add(cell, period);
        }
        breakdown
    }

    /// Counts one cell if it belongs to the period.
    pub fn add(&mut self, cell: &Cell, period: Period) {
        self.0.entry((cell.group, cell.column)).or_default().add(cell, period.first, period.last);
    }

    /// The tally of one column of a group.
    pub fn column(&self, group: Group, column: ReportColumn) -> Tally {
        self.0.get(&(group, column)).copied().unwrap_or_default()
    }

    /// The tally of a group.
    pub fn group(&self, group: Group) -> Tally {
        self.0.iter().filter(|((of, _), _)| *of == group).map(|(_, tally)| *tally).sum()
    }

    /// The tally of all three groups.
    pub fn total(&self) -> Tally {
        self.0.values().copied().sum()
    }

    /// Every count of it as it is printed: issued and used of the groups, and issued by each kind of institution.
    pub fn counts(&self) -> impl Iterator<Item = i64> {
        let groups =
            Group::ALL.iter().map(|group| self.group(*group)).flat_map(|tally| [tally.issued, tally.used]);
        groups.chain(self.0.values().map(|tally| tally.issued))
    }

    /// What is left after `parts` are taken away: what a region's own institutions did beside those of its parts.
    pub fn without<'a>(&self, parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut rest = self.clone();
        for (key, part) in parts.into_iter().flat_map(|part| &part.0) {
            let tally = rest.0.entry(*key).or_default();
            *tally = Tally { issued: tally.issued - part.issued, used: tally.used - part.used };
        }
        rest
    }
}

impl std::ops::AddAssign<&Self> for Breakdown {
    fn add_assign(&mut self, other: &Self) {
        for (key, tally) in &other.0 {
            *self.0.entry(*key).or_default() += *tally;
        }
    }
}

/// Most months of one report: ten years.
pub const LONGEST_PERIOD: i32 = 120;

/// The months of a report, both edges included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First month.
    pub first: Month,
    /// Last month.
    pub last: Month,
}

/// Why a period is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodRefusal {
    /// It ends before it begins.
    #[error("the period ends before it begins")]
    Backwards,
    /// More months than [`LONGEST_PERIOD`].
    #[error("a period has at most {LONGEST_PERIOD} months")]
    TooLong,
}

impl Period {
    /// The months from `first` to `last`.
    pub fn new(first: Month, last: Month) -> Result<Self, PeriodRefusal> {
        match last.0 - first.0 {
            ..0 => Err(PeriodRefusal::Backwards),
            months if months >= LONGEST_PERIOD => Err(PeriodRefusal::TooLong),
            _ => Ok(Self { first, last }),
        }
    }

    /// The quarters of the period; the first and the last are cut to it.
    pub fn quarters(self) -> impl Iterator<Item = Period> {
        let starts = (self.first.start_of_quarter().0..=self.last.0).step_by(3).map(Month);
        starts.map(move |start| Period {
            first: start.max(self.first),
            last: start.end_of_quarter().min(self.last),
        })
    }

    /// Whether the period is one whole quarter, as the quarterly report has it.
    pub fn is_a_quarter(self) -> bool {
        self.first == self.first.start_of_quarter() && self.last == self.first.end_of_quarter()
    }
}

words! {
    /// Rates that a region sets a yearly target for (documents 000 and 001).
    pub enum TargetIndicator {
        HandbookUsage = "handbook_usage", "母子健康手册使用率", "handbook usage rate";
        EarlyRegistration = "early_registration", "早孕建册率", "early registration rate";
        PostnatalVisit = "postnatal_visit", "产后访视率", "postnatal visit rate";
        NewbornVisit = "newborn_visit", "新生儿访视率", "newborn visit rate";
        ChildManagement = "child_management", "儿童健康管理率", "child management rate";
    }
}

/// The target of a year when the region set none: usage 50 % in the first year of the programme there, then 75, then 100
/// (document 000: 2017 不低于50%，2018 递增25%，2019 全面应用); the four other rates 100 % (document 001).
pub fn default_target_percent(indicator: TargetIndicator, years_since_launch: i32) -> u8 {
    match (indicator, years_since_launch) {
        (TargetIndicator::HandbookUsage, ..=0) => 50,
        (TargetIndicator::HandbookUsage, 1) => 75,
        _ => 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn cell(issued_in: &str, used_in: Option<&str>, count: i64) -> Cell {
        let (group, column) = (Group::Pregnant, ReportColumn::Midwifery);
        Cell { group, column, issued_in: month(issued_in), used_in: used_in.map(month), count }
    }

    #[test]
    fn used_counts_only_handbooks_issued_in_the_period_and_used_by_its_end() {
        let cells = [
            cell("2026-01", None, 10),
            cell("2026-01", Some("2026-01"), 2),
            cell("2026-01", Some("2026-04"), 5),
            cell("2026-03", None, 4),
            cell("2026-03", Some("2026-03"), 4),
            cell("2025-12", None, 7),
            cell("2025-12", Some("2026-02"), 7),
        ];
        let quarter = Tally::of(&cells, month("2026-01"), month("2026-03"));
        assert_eq!(quarter, Tally { issued: 14, used: 6 });
        assert_eq!(quarter.rate_as_printed(), "42.9");
        let half = Tally::of(&cells, month("2026-01"), month("2026-06"));
        assert_eq!((half, half.rate_as_printed().as_str()), (Tally { issued: 14, used: 11 }, "78.6"));
    }

    #[test]
    fn a_rate_has_one_decimal_and_none_where_nothing_was_issued() {
        assert_eq!(Tally { issued: 0, used: 0 }.rate_as_printed(), "—");
        assert_eq!(Tally { issued: 3, used: 2 }.rate_as_printed(), "66.7");
        assert_eq!(Tally { issued: 2000, used: 1 }.rate_as_printed(), "0.1", "half a tenth is rounded up");
        assert_eq!(Tally { issued: 7, used: 7 }.rate_as_printed(), "100.0");
    }

    fn period(first: &str, last: &str) -> Period {
        Period::new(month(first), month(last)).unwrap()
    }

    #[test]
    fn a_breakdown_adds_up_by_group_and_leaves_a_rest() {
        let planning =
            Cell { group: Group::Planning, column: ReportColumn::Other, ..cell("2026-01", None, 3) };
        let cells = [cell("2026-01", None, 10), cell("2026-02", Some("2026-02"), 4), planning];
        let whole = Breakdown::of(&cells, period("2026-01", "2026-03"));
        assert_eq!(whole.group(Group::Pregnant), Tally { issued: 10, used: 4 });
        assert_eq!(whole.column(Group::Planning, ReportColumn::Other), Tally { issued: 3, used: 0 });
        assert_eq!(
            (whole.group(Group::Child), whole.total()),
            (Tally::default(), Tally { issued: 13, used: 4 })
        );
        let part = Breakdown::of(&cells[1..], period("2026-01", "2026-03"));
        assert_eq!(whole.without([&part]).total(), Tally { issued: 10, used: 0 });
    }

    #[test]
    fn a_period_has_up_to_ten_years_and_is_cut_into_quarters() {
        assert_eq!(Period::new(month("2026-02"), month("2026-01")), Err(PeriodRefusal::Backwards));
        assert_eq!(Period::new(month("2016-01"), month("2026-01")), Err(PeriodRefusal::TooLong));
        assert!(Period::new(month("2016-02"), month("2026-01")).is_ok());
        let quarters: Vec<_> = period("2025-11", "2026-04").quarters().collect();
        let expected =
            [period("2025-11", "2025-12"), period("2026-01", "2026-03"), period("2026-04", "2026-04")];
        assert_eq!(quarters, expected);
        assert!(expected[1].is_a_quarter() && !expected[0].is_a_quarter() && !expected[2].is_a_quarter());
    }

    #[test]
    fn usage_targets_grow_by_the_year() {
        let usage = [-1, 0, 1, 2, 9].map(|year| default_target_percent(TargetIndicator::HandbookUsage, year));
        assert_eq!(usage, [50, 50, 75, 100, 100]);
        assert_eq!(default_target_percent(TargetIndicator::NewbornVisit, 0), 100);
    }
}
