//! Plans of women and children.

mod child;
mod every_plan;
mod faults;
mod woman;

use super::child::{PretermRisk, Screened};
use super::edition::Condition;
use super::pregnancy::{End, Event, Region};
use super::*;
use crate::pregnancy::Outcome;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn days_after(day: NaiveDate, days: i64) -> NaiveDate {
    day + chrono::TimeDelta::days(days)
}

fn edition() -> &'static Edition {
    Edition::named("nephsp-3").unwrap()
}

/// What a plan says of a code that it has once.
fn one(items: &[Item], code: &str) -> Item {
    let of_code: Vec<_> = items.iter().filter(|item| item.rule.code == code).collect();
    assert_eq!(of_code.len(), 1, "{code}");
    *of_code[0]
}

fn of_woman(pregnancy: Pregnancy<'_>, on: NaiveDate, done: &[Done<'_>]) -> Vec<Item> {
    edition().plan(&Subject::Pregnancy(pregnancy), on, done).unwrap()
}

fn of_child(child: Child, on: NaiveDate, done: &[Done<'_>]) -> Vec<Item> {
    edition().plan(&Subject::Child(child), on, done).unwrap()
}

fn woman(pregnancy: Pregnancy<'_>, on: &str, code: &str) -> Status {
    one(&of_woman(pregnancy, day(on), &[]), code).status
}

fn child(child: Child, on: &str, code: &str) -> Status {
    one(&of_child(child, day(on), &[]), code).status
}

/// Counted from 2026-03-01: 12+6 is 2026-05-30, the due date 2026-12-06.
fn pregnant() -> Pregnancy<'static> {
    Pregnancy { last_period_on: Some(day("2026-03-01")), ..Pregnancy::default() }
}

fn gestation(weeks: i64, days: i64) -> NaiveDate {
    days_after(day("2026-03-01"), weeks * 7 + days)
}

fn ended(on: &str, outcome: Outcome) -> Pregnancy<'static> {
    Pregnancy { ended: Some(End { on: day(on), outcome }), ..pregnant() }
}

/// Born on the last day of August, so that months clamp.
fn born() -> Child {
    Child { discharged_on: Some(day("2026-09-03")), ..Child::born_on(day("2026-08-31")) }
}

#[test]
fn a_death_stops_everything_that_was_not_done() {
    let died = Pregnancy { died_on: Some(day("2026-11-25")), ..ended("2026-11-20", Outcome::LiveBirth) };
    let done = [Done { code: "ANC1", on: day("2026-05-02") }];
    let items = of_woman(died, day("2026-12-01"), &done);
    assert_eq!(one(&items, "ANC1").status, Status::Done);
    let still_asked = items
        .iter()
        .filter(|item| !matches!(item.status, Status::Done | Status::Stopped | Status::NotApplicable));
    assert_eq!(still_asked.count(), 0);
    let gone = Child { died_on: Some(day("2026-10-01")), ..born() };
    let items = of_child(gone, day("2026-12-01"), &[Done { code: "nb_home", on: day("2026-09-05") }]);
    assert_eq!(one(&items, "nb_home").status, Status::Done);
    assert_eq!(one(&items, "m1").status, Status::Stopped);
    assert_eq!(one(&items, "y6").status, Status::Stopped);
}

#[test]
fn what_is_not_known_has_no_days_and_stays_upcoming() {
    let items = of_woman(Pregnancy::default(), day("2026-11-21"), &[]);
    for code in ["ANC1", "ANC5", "PPV", "PP42", "DLV", "EPF"] {
        let item = one(&items, code);
        assert_eq!((item.status, item.opens_on, item.due_on), (Status::Upcoming, None, None), "{code}");
    }
    let unknown = Child::born_on(day("2026-08-31"));
    let items = of_child(unknown, day("2026-11-21"), &[]);
    for code in ["nb_home", "nb_home_hr_first", "kg_entry", "rop", "nbs_hear2", "pt_low_a", "pt_high_e"] {
        let item = one(&items, code);
        assert_eq!((item.status, item.opens_on, item.due_on), (Status::Upcoming, None, None), "{code}");
    }
    // Its eyes could be looked at until 12 weeks after birth.
    let status = |on| one(&of_child(unknown, day(on), &[]), "rop").status;
    assert_eq!([status("2026-11-23"), status("2026-11-24")], [Status::Upcoming, Status::NotApplicable]);
    let home = one(&items, "nb_home");
    assert_eq!(home.practice_due_on, Some(day("2026-09-28")), "practice is told all the same");
}

#[test]
fn facts_have_three_values() {
    let (yes, no, unknown) = (Some(true), Some(false), None);
    assert_eq!(
        [any_of(&[no, yes]), any_of(&[unknown, yes]), any_of(&[no, unknown]), any_of(&[no])],
        [yes, yes, unknown, no]
    );
    assert_eq!(
        [all_of(&[yes, no]), all_of(&[unknown, no]), all_of(&[yes, unknown]), all_of(&[yes])],
        [no, no, unknown, yes]
    );
}

#[test]
fn every_condition_is_asked_for_by_an_item() {
    let rules = || edition().pregnancy.iter().chain(&edition().child);
    for condition in Condition::ALL {
        assert!(rules().any(|rule| rule.applies == Some(*condition)), "{condition}");
    }
}
