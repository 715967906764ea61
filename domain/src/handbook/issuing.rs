//! Rules of issuing a handbook (document 000): who may, to whom, and what is recorded.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};

use super::Group;
use crate::calendar::age_in_years;
use crate::word::words;

words! {
    /// What the handbook administrator explained while issuing (document 000, flow B4): the tick list.
    pub enum Explained {
        Content = "content", "手册内容", "what is in the handbook";
        Purpose = "purpose", "使用目的", "what it is for";
        Meaning = "meaning", "意义", "why it matters";
        Usage = "usage", "使用方法", "how to use it";
        BringAlong = "bring_along", "每次检查携带手册", "bring it to every check";
    }
}

words! {
    /// How a handbook came to be given.
    pub enum IssueKind {
        Issue = "issue", "发放", "issued for the first time";
        Reissue = "reissue", "补发", "given to a child who has none";
        Replace = "replace", "换发", "given instead of a lost or damaged one";
    }
}

impl IssueKind {
    /// A woman is issued her handbook; a child that has none is given one by reissue (document 000).
    pub fn of(group: Group) -> Self {
        match group {
            Group::Planning | Group::Pregnant => Self::Issue,
            Group::Child => Self::Reissue,
        }
    }
}

words! {
    /// Which rule a handbook administrator may set aside with a reason, to be reviewed by the county (document 000).
    pub enum Override {
        Issue = "issue", "3岁以上补发", "a handbook for a child of three years or more";
        Checkup = "checkup", "补录发放前检查", "a checkup dated before the day of issue";
    }
}

/// How long a printed slip with a one-time claim code is good.
pub const SLIP_LIFE: TimeDelta = TimeDelta::days(30);

/// Most days between the births of children who share a handbook: they are of one pregnancy. Twins seldom come more than
/// a day apart, but a second twin may stay for weeks; no further child of the same mother can be born within this time.
pub const ONE_BIRTH_DAYS: i64 = 140;

/// Why an issue is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefusal {
    /// The institution has no service point with a named, trained administrator (flow B9).
    #[error("the institution has no service point with a trained handbook administrator")]
    NoServicePoint,
    /// The county did not allow this institution to issue to this group.
    #[error("the institution may not issue to this group")]
    GroupNotAllowed(Group),
    /// In principle no handbook for a child of three years or more (document 000).
    #[error("a child of three years or more needs a reason of a handbook administrator")]
    ChildPastThree,
    /// A woman of this age cannot be issued a handbook without a check of the date.
    #[error("the birth date gives an age of {0} years; 10 to 60 are possible")]
    ImpossibleAge(i32),
    /// A child is 0 to 6 years old.
    #[error("a handbook is for children up to 6 years")]
    ChildPastSix,
    /// Each child has a handbook of its own; only children of one pregnancy share one.
    #[error("children of different pregnancies need a handbook each")]
    NotOneBirth,
}

/// What an institution must have before it can issue.
#[derive(Debug, Clone, Default)]
pub struct IssuingRight {
    /// The county named a service point here.
    pub service_point: bool,
    /// A staff member with the role of handbook administrator is named, trained and still works here.
    pub trained_administrator: bool,
    /// The groups that the county lets this institution issue to.
    pub groups: BTreeSet<Group>,
}

impl IssuingRight {
    /// May this institution issue to this group today?
    pub fn check(&self, group: Group) -> Result<(), IssueRefusal> {
        if !(self.service_point && self.trained_administrator) {
            Err(IssueRefusal::NoServicePoint)
        } else if !self.groups.contains(&group) {
            Err(IssueRefusal::GroupNotAllowed(group))
        } else {
            Ok(())
        }
    }
}

/// A woman to whom a planning or pregnancy handbook is issued is 10 to 60 years old.
pub fn check_woman(born_on: NaiveDate, today: NaiveDate) -> Result<(), IssueRefusal> {
    let age = age_in_years(born_on, today);
    if (10..=60).contains(&age) { Ok(()) } else { Err(IssueRefusal::ImpossibleAge(age)) }
}

/// Only children of one pregnancy share a handbook.
pub fn check_one_birth(born_on: impl Iterator<Item = NaiveDate> + Clone) -> Result<(), IssueRefusal> {
    match (born_on.clone().min(), born_on.max()) {
        (Some(first), Some(last)) if (last - first).num_days() > ONE_BIRTH_DAYS => {
            Err(IssueRefusal::NotOneBirth)
        }
        _ => Ok(()),
    }
}

/// A child is issued a handbook until the 7th birthday; from the third birthday on only with a reason (document 000).
pub fn check_child(
    born_on: NaiveDate,
    today: NaiveDate,
    override_reason: Option<&str>,
) -> Result<(), IssueRefusal> {
    match age_in_years(born_on, today) {
        age if age >= 7 => Err(IssueRefusal::ChildPastSix),
        age if age >= 3 && override_reason.is_none() => Err(IssueRefusal::ChildPastThree),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn an_institution_without_a_trained_administrator_cannot_issue() {
        let mut right =
            IssuingRight { service_point: true, trained_administrator: false, groups: [Group::Child].into() };
        assert_eq!(right.check(Group::Child), Err(IssueRefusal::NoServicePoint));
        right.trained_administrator = true;
        assert_eq!(right.check(Group::Child), Ok(()));
        assert_eq!(right.check(Group::Pregnant), Err(IssueRefusal::GroupNotAllowed(Group::Pregnant)));
    }

    #[test]
    fn twins_share_a_handbook_and_siblings_do_not() {
        let born = |days: &[&str]| days.iter().map(|text| day(text)).collect::<Vec<_>>();
        let check = |days: &[&str]| check_one_birth(born(days).into_iter());
        assert_eq!(check(&["2026-11-01", "2026-11-02"]), Ok(()));
        assert_eq!(check(&["2024-05-01", "2026-11-02"]), Err(IssueRefusal::NotOneBirth));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn from_the_third_birthday_a_child_needs_a_reason() {
        let born = day("2023-11-22");
        assert_eq!(check_child(born, day("2026-11-21"), None), Ok(()));
        assert_eq!(check_child(born, day("2026-11-22"), None), Err(IssueRefusal::ChildPastThree));
        assert_eq!(check_child(born, day("2026-11-22"), Some("水灾中遗失")), Ok(()));
        assert_eq!(check_child(born, day("2030-11-22"), Some("水灾中遗失")), Err(IssueRefusal::ChildPastSix));
    }
}
