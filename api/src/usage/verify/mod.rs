//! `muzi stats verify`: counts everything again from what caused it, and tells every difference.
//!
//! Issues and evidence are read handbook by handbook, a page at a time, in one snapshot; what is held in memory is one
//! place's counters or one month's roll-up, however many handbooks there are.

mod store;

use std::collections::BTreeMap;
use std::fmt::Display;

use chrono::NaiveDate;
use domain::calendar::{Month, day_in_china};
use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::institution::ReportColumn;
use domain::place::{Region, RegionCode};
use domain::usage::Evidence;
use sea_orm::{ConnectionTrait, DbErr};

use super::count::NOT_USED;
use super::roll_up::LEVELS;
use crate::db::Db;

/// Something that is kept and does not equal what it was counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: What,
    /// Which one: ids, codes and months, never a person.
    pub which: String,
    /// What is kept.
    pub kept: String,
    /// What was counted.
    pub counted: String,
}

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A handbook has a record, visit or follow-up without evidence of that kind, or with later evidence.
    Evidence,
    /// The first use of a handbook is not its earliest evidence.
    FirstUse,
    /// The month of an issue is not that of its instant.
    IssueMonth,
    /// A counter.
    Counter,
    /// A day of the series.
    Day,
    /// A row of the roll-up.
    RollUp,
}

impl Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Evidence => "evidence",
            Self::FirstUse => "first use",
            Self::IssueMonth => "issue month",
            Self::Counter => "counter",
            Self::Day => "day",
            Self::RollUp => "roll-up",
        })
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Issues that were counted again.
    pub issues: u64,
    /// Differences that were told.
    pub differences: u64,
}

/// Counts again, everywhere or inside a region, and tells each difference as it is found.
pub async fn verify(
    db: &Db,
    region: Option<Region>,
    tell: &mut impl FnMut(Difference),
) -> Result<Verified, DbErr> {
    let mut verified = Verified::default();
    let mut count = |difference| {
        verified.differences += 1;
        tell(difference);
    };
    let snapshot = db.snapshot().await?;
    let mut issues = 0;
    for place in store::places(&snapshot, region).await? {
        issues += verify_place(&snapshot, place, &mut count).await?;
    }
    verify_roll_up(&snapshot, region, &mut count).await?;
    verified.issues = issues;
    Ok(verified)
}

/// Which counter: institution, group, column, month of issue, month of first use.
type CounterKey = (InstitutionId, Group, ReportColumn, Month, Month);

/// Which row of the day series, and issued and first used on it.
type DayKey = (NaiveDate, InstitutionId, Group);

/// What was counted again in one place.
#[derive(Debug, Default)]
struct Recount {
    counters: BTreeMap<CounterKey, i64>,
    days: BTreeMap<DayKey, (i64, i64)>,
}

impl Recount {
    fn add(&mut self, issue: &store::Issue) {
        let counter = |used_in| {
            (issue.institution_id, issue.issued_group, issue.report_column, issue.issued_in, used_in)
        };
        let day = |at| (day_in_china(at), issue.institution_id, issue.issued_group);
        *self.counters.entry(counter(NOT_USED)).or_default() += 1;
        self.days.entry(day(issue.issued_at)).or_default().0 += 1;
        if let Some(first) = issue.first_use() {
            *self.counters.entry(counter(Month::of(day_in_china(first)))).or_default() += 1;
            self.days.entry(day(first)).or_default().1 += 1;
        }
    }
}

/// Verifies what was issued by institutions of one place and says how many issues that was.
async fn verify_place(
    db: &impl ConnectionTrait,
    place: RegionCode,
    tell: &mut impl FnMut(Difference),
) -> Result<u64, DbErr> {
    let (mut recount, mut issues, mut after) = (Recount::default(), 0, None);
    loop {
        let page = store::issues(db, place, after).await?;
        for issue in &page {
            verify_issue(issue, tell);
            recount.add(issue);
        }
        issues += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == store::PAGE => after = Some((last.issued_in, last.id)),
            _ => break,
        }
    }
    let counters = store::counters(db, place).await?;
    compare(
        What::Counter,
        &counters,
        &recount.counters,
        tell,
        |(institution, group, column, issued, used)| {
            format!("{place} {institution} {group} {column} issued {issued} used {}", used_in(*used))
        },
    );
    let days = store::days(db, place).await?;
    compare(What::Day, &shown(&days), &shown(&recount.days), tell, |(day, institution, group)| {
        format!("{place} {institution} {group} {day}")
    });
    Ok(issues)
}

fn shown(days: &BTreeMap<DayKey, (i64, i64)>) -> BTreeMap<DayKey, String> {
    days.iter().map(|(key, (issued, used))| (*key, format!("issued {issued}, used {used}"))).collect()
}

/// A month of first use as it is told.
fn used_in(month: Month) -> String {
    if month == NOT_USED { "or not".to_owned() } else { month.to_string() }
}

/// What caused evidence must have left it, and the earliest evidence is the first use.
fn verify_issue(issue: &store::Issue, tell: &mut impl FnMut(Difference)) {
    let handbook = issue.handbook_id;
    let month = Month::of(day_in_china(issue.issued_at));
    if month != issue.issued_in {
        tell(Difference {
            what: What::IssueMonth,
            which: handbook.to_string(),
            kept: issue.issued_in.to_string(),
            counted: month.to_string(),
        });
    }
    for &kind in Evidence::ALL {
        let Some(caused) = issue.causes.get(&kind) else { continue };
        let kept = issue.evidence.get(&kind);
        if kept.is_none_or(|kept| kept > caused) {
            tell(Difference {
                what: What::Evidence,
                which: format!("{handbook} {kind}"),
                kept: or_none(kept),
                counted: caused.to_string(),
            });
        }
    }
    let first = issue.first_use();
    if first != issue.first_used_at {
        tell(Difference {
            what: What::FirstUse,
            which: handbook.to_string(),
            kept: or_none(issue.first_used_at.as_ref()),
            counted: or_none(first.as_ref()),
        });
    }
}

/// The roll-up of each month is the sum of what its counters say is in it.
async fn verify_roll_up(
    db: &impl ConnectionTrait,
    region: Option<Region>,
    tell: &mut impl FnMut(Difference),
) -> Result<(), DbErr> {
    for month in store::counted_months(db).await? {
        // A region's own roll-up holds what is outside a smaller one.
        for level in LEVELS.into_iter().filter(|level| region.is_none_or(|region| region.level <= *level)) {
            let counted = store::summed(db, level, region, month).await?;
            let kept = store::rolled_up(db, level, region, month).await?;
            compare(What::RollUp, &kept, &counted, tell, |(code, group, column, issued, used)| {
                format!("{level} {code} {group} {column} issued {issued} used {}", used_in(*used))
            });
        }
    }
    Ok(())
}

/// Tells what stands in one map and not, or otherwise, in the other.
fn compare<K: Ord, V: PartialEq + Display>(
    what: What,
    kept: &BTreeMap<K, V>,
    counted: &BTreeMap<K, V>,
    tell: &mut impl FnMut(Difference),
    which: impl Fn(&K) -> String,
) {
    let missing = counted.keys().filter(|key| !kept.contains_key(key));
    for key in kept.keys().chain(missing) {
        let (kept, counted) = (kept.get(key), counted.get(key));
        if kept != counted {
            tell(Difference { what, which: which(key), kept: or_none(kept), counted: or_none(counted) });
        }
    }
}

fn or_none(value: Option<&impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_what_is_missing_and_what_is_too_much_is_told() {
        let map = |pairs: &[(i32, i64)]| pairs.iter().copied().collect::<BTreeMap<_, _>>();
        let mut told = Vec::new();
        compare(
            What::Counter,
            &map(&[(1, 5), (2, 1), (3, 7)]),
            &map(&[(1, 5), (2, 2), (4, 9)]),
            &mut |difference| told.push((difference.which, difference.kept, difference.counted)),
            ToString::to_string,
        );
        let expected = [("2", "1", "2"), ("3", "7", "none"), ("4", "none", "9")];
        assert_eq!(told, expected.map(|(which, kept, counted)| (which.into(), kept.into(), counted.into())));
    }
}
