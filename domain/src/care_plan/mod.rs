//! What is due for a woman around a pregnancy and for a child of 0 to 6 years, and what the rates of care count.
//!
//! The schedules are data in `domain/data/care_plan`. Vaccinations stand in the immunisation programme, tasks of an
//! institution that are about no one person (the weekly list of red cases) in the reports.
//!
//! An item opens with the first day of the norm's window (`opens_on`), is due by its last (`due_on`) and overdue from
//! the day after (`overdue_on`); what is usual in practice is information beside it. Something done before or after
//! its window is done, with its true day: what that is worth, the [`indicator`]s say.

pub mod child;
pub mod edition;
pub mod fault;
pub mod indicator;
pub mod moment;
pub mod pregnancy;
mod schedule;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;

pub use self::child::Child;
pub use self::edition::{Edition, NoEdition, Rule};
pub use self::fault::Fault;
use self::fault::Faults;
pub use self::pregnancy::Pregnancy;
use crate::calendar::{FIRST_DAY, is_of_our_time};
use crate::word::words;

words! {
    /// How an item stands on a day.
    pub enum Status {
        Done = "done", "已完成", "done";
        Upcoming = "upcoming", "未到期", "not open yet, or nobody knows yet when or whether it will be";
        Due = "due", "应完成", "open and not yet overdue";
        Overdue = "overdue", "逾期", "its window is over, and it can still be made up";
        Missed = "missed", "已错过", "the time in which it could be made up is over";
        NotApplicable = "not_applicable", "不适用", "not for this subject, or it never opened";
        Stopped = "stopped", "已停止", "nobody is reminded any more: a loss or a death";
    }
}

/// Whose plan it is.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A woman, by one pregnancy.
    Pregnancy(Pregnancy<'a>),
    /// One child; twins have a plan each.
    Child(Child),
}

/// Something that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done<'a> {
    /// Code of the item.
    pub code: &'a str,
    /// The day on which it was done.
    pub on: NaiveDate,
}

/// One item of a plan. Days are missing where what they are counted from is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// What it is: code, names, institutions, form, source.
    pub rule: &'static Rule,
    /// Which one of a series it is, from 1.
    pub number: u32,
    /// First day of the norm's window.
    pub opens_on: Option<NaiveDate>,
    /// Last day of the norm's window.
    pub due_on: Option<NaiveDate>,
    /// The day after it.
    pub overdue_on: Option<NaiveDate>,
    /// Last day on which it can be made up, where the schedule sets one.
    pub until_on: Option<NaiveDate>,
    /// First day of what is usual in practice.
    pub practice_opens_on: Option<NaiveDate>,
    /// Last day of what is usual in practice.
    pub practice_due_on: Option<NaiveDate>,
    /// How it stands.
    pub status: Status,
    /// The day on which it was done first.
    pub done_on: Option<NaiveDate>,
}

impl Edition {
    /// The plan of a subject on a day, in the order of the schedule. `done` may stand in any order; of what was done
    /// twice the first time counts, except in a series.
    ///
    /// # Errors
    ///
    /// Every field that is wrong: a day outside 1900 to 2100 or after `on`, an end before the beginning, an
    /// impossible gestation, something done before the subject was there, an unknown code.
    pub fn plan(
        &'static self,
        subject: &Subject<'_>,
        on: NaiveDate,
        done: &[Done<'_>],
    ) -> Result<Vec<Item>, Vec<Fault>> {
        let mut faults = Faults::default();
        faults.day("on", Some(on), FIRST_DAY..=LAST_DAY);
        subject.check(on, &mut faults);
        let rules = match subject {
            Subject::Pregnancy(_) => &self.pregnancy,
            Subject::Child(_) => &self.child,
        };
        let done = places(subject, rules, on, done, &mut faults);
        faults.finish()?;
        let frame = match subject {
            Subject::Pregnancy(pregnancy) => pregnancy.frame(on),
            Subject::Child(child) => {
                let is_done = |code: &str| {
                    done.iter().any(|(at, _)| rules.get(*at).is_some_and(|rule| rule.code == code))
                };
                child.frame(on, is_done)
            }
        };
        Ok(schedule::items(rules, &frame, &done))
    }
}

impl Subject<'_> {
    fn check(&self, on: NaiveDate, faults: &mut Faults) {
        match self {
            Self::Pregnancy(pregnancy) => pregnancy.check(on, faults),
            Self::Child(child) => child.check(on, faults),
        }
    }

    /// The first day on which an item can have been done.
    fn earliest(&self, rule: &Rule) -> NaiveDate {
        match self {
            Self::Pregnancy(pregnancy) => pregnancy.earliest(rule),
            Self::Child(child) => child.born_on,
        }
    }
}

/// What was done by the place of its item in the schedule, in order and without repeats.
fn places(
    subject: &Subject<'_>,
    rules: &[Rule],
    on: NaiveDate,
    done: &[Done<'_>],
    faults: &mut Faults,
) -> Vec<(usize, NaiveDate)> {
    let mut places = Vec::with_capacity(done.len());
    for (index, one) in done.iter().enumerate() {
        let Some((at, rule)) = rules.iter().enumerate().find(|(_, rule)| rule.code == one.code) else {
            let (field, code) = (format!("done/{index}/code"), one.code.to_owned());
            faults.push(Fault::UnknownCode { field, code });
            continue;
        };
        let possible = subject.earliest(rule)..=on;
        if !possible.contains(&one.on) || !is_of_our_time(one.on) {
            faults.day(&format!("done/{index}/on"), Some(one.on), possible);
        }
        places.push((at, one.on));
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// The last day that a handbook can speak of.
pub(crate) const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2100, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// Whether any of several facts holds: yes with one that does, no only where all are known not to.
fn any_of(facts: &[Option<bool>]) -> Option<bool> {
    if facts.contains(&Some(true)) {
        Some(true)
    } else if facts.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// Whether all of several facts hold: no with one that does not, yes only where all are known to.
fn all_of(facts: &[Option<bool>]) -> Option<bool> {
    any_of(&facts.iter().map(|fact| fact.map(|holds| !holds)).collect::<Vec<_>>()).map(|fails| !fails)
}
