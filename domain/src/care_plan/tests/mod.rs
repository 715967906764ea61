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

#[test]
fn each_item_can_be_made_up_until_its_day() {
    let mother = Pregnancy {
        discharged_on: Some(day("2026-11-23")),
        had_preconception_check: Some(true),
        events: &[(Event::Referral, FIRST_DAY)],
        ..ended("2026-11-20", Outcome::LiveBirth)
    };
    let newborn = Child {
        is_high_risk: Some(true),
        reported_on: Some(day("2026-09-20")),
        birth_weight_g: Some(1800),
        entered_on: Some(day("2029-09-01")),
        hearing: Some(Screened::NotPassed),
        hearing_again: Some(Screened::NotPassed),
        ..born()
    };
    let until = |items: Vec<Item>| {
        let days =
            items.into_iter().filter_map(|item| Some((item.rule.code.as_str(), item.until_on?.to_string())));
        days.collect::<Vec<_>>()
    };
    let expected = |days: &[(&'static str, &str)]| {
        days.iter().map(|(code, on)| (*code, (*on).to_owned())).collect::<Vec<_>>()
    };
    let women = [
        ("FOLIC", "2026-06-06"),
        ("ANC2", "2026-09-12"),
        ("ANC3", "2026-09-12"),
        ("REFUP", "2027-02-12"),
        ("G1", "2026-07-18"),
        ("G2", "2026-08-22"),
        ("G3", "2026-09-19"),
        ("G4", "2026-10-17"),
        ("G5", "2026-11-14"),
        ("G6", "2026-12-19"),
        ("DLV", "2027-01-01"),
        ("PPV", "2026-12-21"),
        ("PPV28", "2026-12-31"),
        ("PP42", "2027-02-12"),
        ("OUTF", "2027-02-12"),
    ];
    assert_eq!(until(of_woman(mother, day("2026-12-01"), &[])), expected(&women));
    let children = [
        ("nb_home", "2026-09-28"),
        ("nb_home_hr_first", "2026-10-04"),
        ("m1", "2026-11-29"),
        ("m3", "2027-02-27"),
        ("m6", "2027-04-29"),
        ("m8", "2027-08-30"),
        ("m12", "2028-02-28"),
        ("m18", "2028-08-30"),
        ("m24", "2029-02-27"),
        ("m30", "2029-08-30"),
        ("m36", "2030-08-30"),
        ("y4", "2031-09-29"),
        ("y5", "2032-09-29"),
        ("y6", "2033-09-29"),
        ("kg_entry", "2030-03-01"),
        ("nbs_heel", "2026-09-20"),
        ("nbs_hear1", "2026-10-12"),
        ("nbs_hear2", "2026-11-30"),
        ("nbs_hear3", "2027-02-28"),
        ("nbs_chd", "2026-09-28"),
        ("rop", "2026-11-23"),
    ];
    assert_eq!(until(of_child(newborn, day("2026-10-01"), &[])), expected(&children));
}
