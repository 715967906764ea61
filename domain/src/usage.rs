//! Issued, used, rate: the only definition. Dashboards, reports and exports all call this.
//!
//! - *Issued*: handbooks first issued or reissued in a period. A replacement is not an issue.
//! - *Used*: of those, the ones with at least one piece of evidence by the end of the period. Evidence is dated by its
//!   receipt and survives withdrawal and erasure.
//! - *Usage rate* = used / issued x 100 %, one decimal, nothing where nothing was issued (document 000, form R1).

use crate::calendar::Month;
use crate::handbook::Group;
use crate::institution::ReportColumn;
use crate::word::words;

words! {
    /// What shows that a handbook is in use.
    pub enum Evidence {
        Entry = "entry", "家庭自我记录", "a family entry";
        Scan = "scan", "扫码就诊", "a scan at an institution";
        Checkup = "checkup", "医务人员检查记录", "a clinician's checkup";
        FollowUp = "follow_up", "随访确认使用", "a follow-up that found it in use";
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

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { issued: self.issued + other.issued, used: self.used + other.used }
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

    #[test]
    fn usage_targets_grow_by_the_year() {
        let usage = [-1, 0, 1, 2, 9].map(|year| default_target_percent(TargetIndicator::HandbookUsage, year));
        assert_eq!(usage, [50, 50, 75, 100, 100]);
        assert_eq!(default_target_percent(TargetIndicator::NewbornVisit, 0), 100);
    }
}
