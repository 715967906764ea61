//! Plans of women and children, case by case from the schedules, and what holds of every plan.

use proptest::prelude::*;

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
fn antenatal_windows_are_those_of_the_schedule_in_days() {
    let items = of_woman(pregnant(), day("2026-03-01"), &[]);
    for (code, first, last) in [
        ("FOLIC", -90, 90),
        ("ANC1", 0, 90),
        ("ANC2", 112, 146),
        ("ANC3", 147, 174),
        ("ANC4", 196, 258),
        ("ANC5", 259, 286),
        ("G1", 42, 97),
        ("G2", 98, 139),
        ("G3", 140, 174),
        ("G4", 175, 202),
        ("G5", 203, 230),
        ("G6", 231, 258),
        ("BIRTHPLACE", 196, 258),
    ] {
        let item = one(&items, code);
        let from = day("2026-03-01");
        assert_eq!(item.opens_on, Some(days_after(from, first)), "{code}");
        assert_eq!(item.due_on, Some(days_after(from, last)), "{code}");
        assert_eq!(item.overdue_on, Some(days_after(from, last + 1)), "{code}");
    }
}

#[test]
fn windows_after_a_birth_are_those_of_the_schedule_in_days() {
    let on = day("2026-12-01");
    let discharged_on = Some(day("2026-11-23"));
    let mother = Pregnancy {
        discharged_on,
        had_preconception_check: Some(true),
        ..ended("2026-11-20", Outcome::LiveBirth)
    };
    let items = of_woman(mother, on, &[]);
    for (code, first, last) in [
        ("DLV", "2026-11-20", "2026-11-20"),
        ("PPV", "2026-11-23", "2026-11-30"),
        ("PPV28", "2026-12-15", "2026-12-21"),
        ("PP42", "2027-01-01", "2027-01-15"),
        ("OUTF", "2026-11-20", "2027-01-01"),
    ] {
        let item = one(&items, code);
        assert_eq!((item.opens_on, item.due_on), (Some(day(first)), Some(day(last))), "{code}");
    }
    assert_eq!(one(&items, "PPV").status, Status::Overdue);
    let region = Region { postpartum_check_days: Some(60), ..Region::default() };
    let set = one(&of_woman(Pregnancy { region, ..mother }, on, &[]), "PP42");
    assert_eq!(set.due_on, Some(day("2027-01-19")));
}

#[test]
fn an_item_opens_is_due_becomes_overdue_and_is_missed_on_its_days() {
    for (code, weeks, status) in [
        ("ANC1", (0, 0), Status::Due),
        ("ANC1", (12, 6), Status::Due),
        ("ANC1", (13, 0), Status::Overdue),
        ("ANC1", (45, 0), Status::Overdue),
        ("ANC2", (15, 6), Status::Upcoming),
        ("ANC2", (16, 0), Status::Due),
        ("ANC2", (20, 6), Status::Due),
        ("ANC2", (21, 0), Status::Overdue),
        ("ANC2", (27, 6), Status::Overdue),
        ("ANC2", (28, 0), Status::Missed),
        ("ANC3", (20, 6), Status::Upcoming),
        ("ANC3", (21, 0), Status::Due),
        ("ANC3", (24, 6), Status::Due),
        ("ANC3", (25, 0), Status::Overdue),
        ("ANC3", (28, 0), Status::Missed),
        ("ANC4", (27, 6), Status::Upcoming),
        ("ANC4", (36, 6), Status::Due),
        ("ANC4", (37, 0), Status::Overdue),
        ("ANC5", (40, 6), Status::Due),
        ("ANC5", (41, 0), Status::Overdue),
        ("G1", (19, 6), Status::Overdue),
        ("G1", (20, 0), Status::Missed),
        ("FOLIC", (12, 6), Status::Due),
        ("FOLIC", (13, 0), Status::Overdue),
        ("FOLIC", (14, 0), Status::Missed),
    ] {
        let items = of_woman(pregnant(), gestation(weeks.0, weeks.1), &[]);
        assert_eq!(one(&items, code).status, status, "{code} {weeks:?}");
    }
}

#[test]
fn weeks_go_by_the_corrected_due_date() {
    let corrected = Pregnancy { due_on: Some(day("2026-12-20")), ..pregnant() };
    let item = one(&of_woman(corrected, day("2026-06-10"), &[]), "ANC1");
    assert_eq!((item.due_on, item.status), (Some(day("2026-06-13")), Status::Due));
    let only_due = Pregnancy { last_period_on: None, ..corrected };
    assert_eq!(of_woman(only_due, day("2026-06-10"), &[]), of_woman(corrected, day("2026-06-10"), &[]));
}

#[test]
fn what_was_done_late_or_early_is_done_with_its_true_day() {
    for on in ["2026-05-02", "2026-06-15", "2026-03-01", "2026-11-21"] {
        let done = [Done { code: "ANC1", on: day(on) }];
        let item = one(&of_woman(pregnant(), day("2026-11-21"), &done), "ANC1");
        assert_eq!((item.status, item.done_on), (Status::Done, Some(day(on))));
    }
    let twice = [Done { code: "ANC1", on: day("2026-06-15") }, Done { code: "ANC1", on: day("2026-05-02") }];
    let item = one(&of_woman(pregnant(), day("2026-11-21"), &twice), "ANC1");
    assert_eq!(item.done_on, Some(day("2026-05-02")), "the first time counts");
}

#[test]
fn the_last_weeks_have_one_guideline_visit_each() {
    let done = [
        Done { code: "G7", on: gestation(38, 3) },
        Done { code: "G7", on: gestation(38, 5) },
        Done { code: "G7", on: gestation(36, 6) },
    ];
    let items = of_woman(pregnant(), gestation(40, 0), &done);
    let weeks: Vec<_> = items.iter().filter(|item| item.rule.code == "G7").collect();
    let expected = [
        (1, gestation(37, 0), gestation(37, 6), Status::Done, Some(gestation(36, 6))),
        (2, gestation(38, 0), gestation(38, 6), Status::Done, Some(gestation(38, 3))),
        (3, gestation(39, 0), gestation(39, 6), Status::Overdue, None),
        (4, gestation(40, 0), gestation(40, 6), Status::Due, None),
        (5, gestation(41, 0), gestation(41, 6), Status::Upcoming, None),
    ];
    assert_eq!(weeks.len(), expected.len());
    for (item, (number, opens, due, status, done_on)) in weeks.iter().zip(expected) {
        assert_eq!((item.number, item.opens_on, item.due_on), (number, Some(opens), Some(due)));
        assert_eq!((item.status, item.done_on), (status, done_on), "{number}");
    }
}

#[test]
fn after_a_living_birth_what_had_opened_was_missed_and_the_rest_is_not_asked_for() {
    // 37+0 is 2026-11-15.
    let at = |on| ended(on, Outcome::LiveBirth);
    assert_eq!(woman(at("2026-11-16"), "2026-12-01", "ANC5"), Status::Missed);
    assert_eq!(woman(at("2026-11-15"), "2026-12-01", "ANC5"), Status::NotApplicable);
    assert_eq!(woman(at("2026-11-15"), "2026-12-01", "ANC1"), Status::Missed);
    assert_eq!(woman(at("2026-11-15"), "2026-12-01", "XFER24"), Status::NotApplicable);
    let done = [Done { code: "ANC1", on: day("2026-05-02") }];
    let items = of_woman(at("2026-11-16"), day("2026-12-01"), &done);
    assert_eq!(one(&items, "ANC1").status, Status::Done);
    assert_eq!(one(&items, "EPF").status, Status::NotApplicable, "nobody knows, and it is over");
}

#[test]
fn a_loss_stops_the_pregnancy_and_leaves_what_the_woman_needs() {
    use Outcome::{Abortion, Ectopic, MaternalDeath, Miscarriage, Stillbirth};
    use Status::{NotApplicable, Overdue, Stopped, Upcoming};
    let referred = [(Event::Referral, day("2026-05-01")), (Event::GradedRed, day("2026-05-01"))];
    for (outcome, on, expected) in [
        //                              ANC1     ANC5     DLV      PPV      PP42     OUTF     REFUP    RED24
        (
            Stillbirth,
            "2026-10-01",
            [Stopped, Stopped, Overdue, Upcoming, Upcoming, Overdue, Overdue, Overdue],
        ),
        (Miscarriage, "2026-06-01", [Stopped, Stopped, Stopped, Stopped, Stopped, Overdue, Overdue, Overdue]),
        (Abortion, "2026-06-01", [Stopped, Stopped, Stopped, Stopped, Stopped, Overdue, Overdue, Overdue]),
        (Ectopic, "2026-06-01", [Stopped, Stopped, Stopped, Stopped, Stopped, Overdue, Overdue, Overdue]),
        (MaternalDeath, "2026-10-01", [Stopped; 8]),
    ] {
        let woman =
            Pregnancy { had_preconception_check: Some(true), events: &referred, ..ended(on, outcome) };
        let items = of_woman(woman, days_after(day(on), 15), &[]);
        let found = ["ANC1", "ANC5", "DLV", "PPV", "PP42", "OUTF", "REFUP", "RED24"];
        assert_eq!(found.map(|code| one(&items, code).status), expected, "{outcome}");
        assert!(items.iter().all(|item| item.status != Status::Missed), "{outcome}");
        assert_eq!(one(&items, "POSDX").status, NotApplicable);
    }
}

#[test]
fn the_outcome_is_followed_up_in_42_days_after_a_living_birth_and_in_14_after_a_loss() {
    let due = |outcome| {
        let woman = Pregnancy { had_preconception_check: Some(true), ..ended("2026-10-01", outcome) };
        one(&of_woman(woman, day("2026-10-02"), &[]), "OUTF").due_on
    };
    assert_eq!(due(Outcome::LiveBirth), Some(day("2026-11-12")));
    assert_eq!(due(Outcome::Stillbirth), Some(day("2026-10-15")));
}

#[test]
fn after_a_stillbirth_the_mother_is_visited_and_examined() {
    let woman =
        Pregnancy { discharged_on: Some(day("2026-10-03")), ..ended("2026-10-01", Outcome::Stillbirth) };
    let status = |on: &str, code| one(&of_woman(woman, day(on), &[]), code).status;
    assert_eq!(status("2026-10-10", "PPV"), Status::Due);
    assert_eq!(status("2026-10-11", "PPV"), Status::Overdue);
    assert_eq!(status("2026-10-31", "PPV"), Status::Overdue);
    assert_eq!(status("2026-11-01", "PPV"), Status::Missed);
    assert_eq!(status("2026-11-12", "PP42"), Status::Due);
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
    let home = one(&items, "nb_home");
    assert_eq!(home.practice_due_on, Some(day("2026-09-28")), "practice is told all the same");
}

#[test]
fn events_make_items_due_each_time_and_nothing_without_them() {
    for code in ["POSDX", "REFUP", "RED24", "ORANGE3", "HRMONTH"] {
        assert_eq!(woman(pregnant(), "2026-08-01", code), Status::NotApplicable, "{code}");
    }
    let events = [
        (Event::Referral, day("2026-07-10")),
        (Event::Referral, day("2026-06-01")),
        (Event::ScreenPositive, day("2026-06-01")),
        (Event::GradedRed, day("2026-06-01")),
        (Event::GradedOrange, day("2026-06-01")),
    ];
    let woman = Pregnancy { events: &events, ..pregnant() };
    let done = [Done { code: "REFUP", on: day("2026-07-12") }];
    let items = of_woman(woman, day("2026-08-01"), &done);
    let referrals: Vec<_> = items.iter().filter(|item| item.rule.code == "REFUP").collect();
    let stand = |item: &Item| (item.number, item.due_on, item.status);
    assert_eq!(
        referrals.iter().map(|item| stand(item)).collect::<Vec<_>>(),
        [(1, Some(day("2026-06-15")), Status::Overdue), (2, Some(day("2026-07-24")), Status::Done)]
    );
    for (code, due) in [("POSDX", "2026-06-15"), ("RED24", "2026-06-02"), ("ORANGE3", "2026-06-04")] {
        assert_eq!(one(&items, code).due_on, Some(day(due)), "{code}");
    }
}

#[test]
fn high_risk_is_tracked_every_month_until_the_case_is_closed() {
    let followed = Pregnancy { high_risk_from: Some(day("2026-06-01")), ..pregnant() };
    let tracked = |woman, on: &str, done: &[&str]| {
        let done: Vec<_> = done.iter().map(|on| Done { code: "HRMONTH", on: day(on) }).collect();
        let items = of_woman(woman, day(on), &done);
        let of_code = items.iter().filter(|item| item.rule.code == "HRMONTH");
        of_code.map(|item| (item.due_on, item.status)).collect::<Vec<_>>()
    };
    let first = Some(day("2026-07-01"));
    assert_eq!(tracked(followed, "2026-07-01", &[]), [(first, Status::Due)]);
    assert_eq!(tracked(followed, "2026-07-02", &[]), [(first, Status::Overdue)]);
    let next = Some(day("2026-07-20"));
    assert_eq!(
        tracked(followed, "2026-07-02", &["2026-06-20"]),
        [(first, Status::Done), (next, Status::Due)]
    );
    let closed = Pregnancy { case_closed_on: Some(day("2026-07-10")), ..followed };
    let tracked_until = |done: &[&str]| tracked(closed, "2026-08-01", done).last().copied();
    assert_eq!(tracked_until(&["2026-06-20"]), Some((next, Status::NotApplicable)));
    assert_eq!(tracked_until(&[]), Some((first, Status::Missed)));
}

#[test]
fn a_local_rule_transfers_at_24_weeks_who_is_managed_without_a_licence() {
    let at = |transfers_at_24_weeks, is_manager_licensed| {
        let region = Region { transfers_at_24_weeks, ..Region::default() };
        let items = of_woman(Pregnancy { region, is_manager_licensed, ..pregnant() }, gestation(25, 0), &[]);
        one(&items, "XFER24").status
    };
    assert_eq!(at(true, Some(false)), Status::Overdue);
    assert_eq!(at(true, Some(true)), Status::NotApplicable);
    assert_eq!(at(true, None), Status::Upcoming);
    assert_eq!(at(false, Some(false)), Status::NotApplicable);
    assert_eq!(at(false, None), Status::NotApplicable);
}

#[test]
fn the_check_before_pregnancy_is_over_when_she_is_pregnant() {
    // 180 days before 2026-06-30 is 2026-01-01, 90 days before it 2026-04-01.
    let planned_on = Some(day("2026-06-30"));
    let plans = Pregnancy { planned_on, ..Pregnancy::default() };
    for (on, status) in [
        ("2025-12-31", Status::Upcoming),
        ("2026-01-01", Status::Due),
        ("2026-04-01", Status::Due),
        ("2026-04-02", Status::Overdue),
    ] {
        assert_eq!(woman(plans, on, "PRE1"), status, "{on}");
    }
    assert_eq!(woman(Pregnancy { planned_on, ..pregnant() }, "2026-03-01", "PRE1"), Status::Missed);
    assert_eq!(
        woman(pregnant(), "2026-03-01", "PRE1"),
        Status::NotApplicable,
        "nobody knows what she planned"
    );
}

#[test]
fn checks_of_a_child_go_by_calendar_months_and_clamp() {
    let items = of_child(born(), day("2026-09-30"), &[]);
    for (code, first, last) in [
        ("nb_home", "2026-09-03", "2026-09-10"),
        ("m1", "2026-09-28", "2026-09-30"),
        ("m3", "2026-11-30", "2026-12-30"),
        ("m6", "2027-02-28", "2027-03-30"),
        ("m8", "2027-04-30", "2027-05-30"),
        ("m12", "2027-08-31", "2027-09-29"),
        ("m18", "2028-02-29", "2028-03-30"),
        ("m24", "2028-08-31", "2028-09-29"),
        ("m30", "2029-02-28", "2029-03-30"),
        ("m36", "2029-08-31", "2029-09-29"),
        ("y4", "2030-08-31", "2031-08-30"),
        ("y5", "2031-08-31", "2032-08-30"),
        ("y6", "2032-08-31", "2033-08-30"),
        ("nbs_heel", "2026-09-03", "2026-09-07"),
        ("nbs_hear1", "2026-09-02", "2026-09-03"),
        ("nbs_hear2", "2026-09-02", "2026-10-12"),
        ("nbs_chd", "2026-08-31", "2026-09-03"),
    ] {
        let item = one(&items, code);
        assert_eq!((item.opens_on, item.due_on), (Some(day(first)), Some(day(last))), "{code}");
    }
    let m3 = one(&items, "m3");
    assert_eq!(
        (m3.practice_opens_on, m3.practice_due_on),
        (Some(day("2026-11-23")), Some(day("2026-12-30")))
    );
}

#[test]
fn a_check_of_a_child_can_be_made_up_until_the_next_one_opens() {
    for (code, on, status) in [
        ("m1", "2026-09-27", Status::Upcoming),
        ("m1", "2026-09-28", Status::Due),
        ("m1", "2026-09-30", Status::Due),
        ("m1", "2026-10-01", Status::Overdue),
        ("m1", "2026-11-29", Status::Overdue),
        ("m1", "2026-11-30", Status::Missed),
        ("m3", "2026-11-30", Status::Due),
        ("m3", "2026-12-31", Status::Overdue),
        ("m3", "2027-02-27", Status::Overdue),
        ("m3", "2027-02-28", Status::Missed),
        ("y4", "2031-08-31", Status::Overdue),
        ("y4", "2031-09-30", Status::Missed),
        ("y6", "2033-08-30", Status::Due),
        ("y6", "2033-08-31", Status::Overdue),
        ("y6", "2033-09-30", Status::Missed),
        ("nb_home", "2026-09-10", Status::Due),
        ("nb_home", "2026-09-11", Status::Overdue),
        ("nb_home", "2026-09-28", Status::Overdue),
        ("nb_home", "2026-09-29", Status::Missed),
        ("nbs_heel", "2026-09-08", Status::Overdue),
        ("nbs_heel", "2026-09-20", Status::Overdue),
        ("nbs_heel", "2026-09-21", Status::Missed),
    ] {
        assert_eq!(child(born(), on, code), status, "{code} {on}");
    }
}

#[test]
fn a_child_that_leaves_hospital_late_is_visited_then() {
    let late = Child { discharged_on: Some(day("2026-10-20")), ..born() };
    assert_eq!(child(late, "2026-10-27", "nb_home"), Status::Due);
    assert_eq!(child(late, "2026-10-28", "nb_home"), Status::Overdue);
    assert_eq!(child(late, "2026-11-04", "nb_home"), Status::Missed);
}

#[test]
fn a_newborn_at_high_risk_is_visited_within_3_days_of_the_report() {
    let reported = Child { reported_on: Some(day("2026-09-03")), ..born() };
    let visit = |child, on| self::child(child, on, "nb_home_hr_first");
    assert_eq!(visit(Child { is_high_risk: Some(true), ..reported }, "2026-09-06"), Status::Due);
    assert_eq!(visit(Child { is_high_risk: Some(true), ..reported }, "2026-09-07"), Status::Overdue);
    assert_eq!(visit(Child { is_high_risk: Some(false), ..reported }, "2026-09-07"), Status::NotApplicable);
    assert_eq!(visit(reported, "2026-09-07"), Status::Upcoming);
    let small = |grams| Child { is_high_risk: Some(false), birth_weight_g: Some(grams), ..reported };
    assert_eq!(visit(small(2499), "2026-09-07"), Status::Overdue, "a low birth weight is a high risk");
    assert_eq!(visit(small(2500), "2026-09-07"), Status::NotApplicable);
    let early = |days| Child { gestational_days: Some(days), ..small(2500) };
    assert_eq!(visit(early(258), "2026-09-07"), Status::Overdue);
    assert_eq!(visit(early(259), "2026-09-07"), Status::NotApplicable);
}

#[test]
fn hearing_is_screened_again_where_it_was_not_passed_or_missed() {
    let again = |child, done: &[Done<'_>]| {
        let items = of_child(child, day("2026-10-12"), done);
        [one(&items, "nbs_hear2").status, one(&items, "nbs_hear3").status]
    };
    let screened = [Done { code: "nbs_hear1", on: day("2026-09-02") }];
    let result = |hearing| Child { hearing: Some(hearing), ..born() };
    assert_eq!(again(result(Screened::Passed), &screened), [Status::NotApplicable; 2]);
    assert_eq!(again(result(Screened::NotPassed), &screened), [Status::Due, Status::Upcoming]);
    assert_eq!(again(born(), &[]), [Status::Due, Status::Upcoming], "left hospital unscreened");
    assert_eq!(again(born(), &screened), [Status::Upcoming; 2], "the result is not known");
    let in_hospital = Child { discharged_on: None, ..born() };
    assert_eq!(again(in_hospital, &[]), [Status::Upcoming; 2]);
    let failed = Child { hearing_again: Some(Screened::NotPassed), ..result(Screened::NotPassed) };
    assert_eq!(again(failed, &screened), [Status::Due; 2]);
    let passed = Child { hearing_again: Some(Screened::Passed), ..result(Screened::NotPassed) };
    assert_eq!(again(passed, &screened), [Status::Due, Status::NotApplicable]);
}

#[test]
fn a_window_that_ends_with_discharge_never_ends_before_it_begins() {
    let early = Child { discharged_on: Some(day("2026-08-31")), ..born() };
    let item = one(&of_child(early, day("2026-09-02"), &[]), "nbs_hear1");
    assert_eq!((item.opens_on, item.due_on), (Some(day("2026-09-02")), Some(day("2026-09-02"))));
    let in_hospital = Child { discharged_on: None, ..born() };
    let item = one(&of_child(in_hospital, day("2026-10-12"), &[]), "nbs_hear1");
    assert_eq!((item.due_on, item.status), (None, Status::Due));
    assert_eq!(child(in_hospital, "2026-10-13", "nbs_hear1"), Status::Missed);
}

#[test]
fn retinopathy_is_screened_below_2000_g_or_32_weeks() {
    let asked = |days, grams| {
        let small = Child { gestational_days: days, birth_weight_g: grams, ..born() };
        child(small, "2026-09-28", "rop")
    };
    assert_eq!(asked(Some(223), Some(2600)), Status::Due);
    assert_eq!(asked(Some(224), Some(2000)), Status::NotApplicable);
    assert_eq!(asked(Some(224), Some(1999)), Status::Due);
    assert_eq!(asked(Some(224), None), Status::Upcoming);
    assert_eq!(asked(None, Some(1999)), Status::Due);
    assert_eq!(asked(None, None), Status::Upcoming);
}

#[test]
fn children_born_early_are_followed_by_their_class() {
    let asked = |days, grams, preterm_risk| {
        let early = Child { gestational_days: days, birth_weight_g: grams, preterm_risk, ..born() };
        let items = of_child(early, day("2026-09-03"), &[]);
        ["pt_low_a", "pt_high_a"].map(|code| one(&items, code).status)
    };
    use Status::{Due, NotApplicable, Upcoming};
    assert_eq!(asked(Some(259), Some(1500), None), [NotApplicable; 2]);
    assert_eq!(asked(Some(258), Some(2600), None), [Due, Upcoming], "illness is not known");
    assert_eq!(asked(Some(258), None, None), [Due, Upcoming]);
    assert_eq!(asked(Some(238), Some(2000), None), [Due, Upcoming]);
    assert_eq!(asked(Some(237), Some(2600), None), [NotApplicable, Due]);
    assert_eq!(asked(Some(258), Some(1999), None), [NotApplicable, Due]);
    assert_eq!(asked(Some(258), Some(2600), Some(PretermRisk::High)), [NotApplicable, Due]);
    assert_eq!(asked(Some(237), Some(1999), Some(PretermRisk::Low)), [Due, NotApplicable]);
    assert_eq!(asked(None, None, None), [Upcoming; 2]);
}

#[test]
fn children_born_early_are_seen_at_intervals_of_the_corrected_age() {
    // Born at 32+0 on 2026-08-31: 40+0 would have been on 2026-10-26.
    let early = Child { gestational_days: Some(224), preterm_risk: Some(PretermRisk::High), ..born() };
    let visits = |on: &str, done: &[(&'static str, &str)], code: &str| {
        let done: Vec<_> = done.iter().map(|(code, on)| Done { code, on: day(on) }).collect();
        let items = of_child(early, day(on), &done);
        let of_code = items.into_iter().filter(|item| item.rule.code == code);
        of_code.map(|item| (item.opens_on, item.due_on, item.status)).collect::<Vec<_>>()
    };
    let at = |opens: &str, due: &str, status| (Some(day(opens)), Some(day(due)), status);
    let first = at("2026-09-03", "2026-09-17", Status::Done);
    assert_eq!(
        visits("2026-09-20", &[("pt_high_a", "2026-09-15")], "pt_high_a"),
        [first, at("2026-09-22", "2026-09-29", Status::Upcoming)]
    );
    assert_eq!(
        visits("2026-11-26", &[("pt_high_a", "2026-11-20")], "pt_high_a").len(),
        1,
        "the next one would belong to the next stage"
    );
    assert_eq!(visits("2026-09-18", &[], "pt_high_a"), [at("2026-09-03", "2026-09-17", Status::Overdue)]);
    assert_eq!(visits("2026-11-27", &[], "pt_high_a"), [at("2026-09-03", "2026-09-17", Status::Missed)]);
    assert_eq!(visits("2026-11-26", &[], "pt_high_b"), [at("2026-11-27", "2026-12-27", Status::Upcoming)]);
    assert_eq!(visits("2026-11-27", &[], "pt_high_c"), [at("2027-04-27", "2027-06-27", Status::Upcoming)]);
    assert_eq!(visits("2026-11-27", &[], "pt_high_d"), [at("2027-10-27", "2028-01-27", Status::Upcoming)]);
    assert_eq!(visits("2026-11-27", &[], "pt_high_e"), [at("2028-10-27", "2029-04-27", Status::Upcoming)]);
}

#[test]
fn kindergarten_examines_at_entry_and_then_at_intervals() {
    let enters = |on: &str| Child { entered_on: Some(day(on)), ..born() };
    let of_code = |child, on: &str, done: &[&str], code: &str| {
        let done: Vec<_> = done.iter().map(|on| Done { code, on: day(on) }).collect();
        let items = of_child(child, day(on), &done);
        let of_code = items.into_iter().filter(|item| item.rule.code == code);
        of_code.map(|item| (item.opens_on, item.due_on, item.status)).collect::<Vec<_>>()
    };
    let at = |opens: &str, due: &str, status| (Some(day(opens)), Some(day(due)), status);
    let entry = |on| of_code(enters("2029-09-01"), on, &[], "kg_entry");
    assert_eq!(entry("2029-06-01"), [at("2029-06-01", "2029-09-01", Status::Due)]);
    assert_eq!(entry("2029-09-02"), [at("2029-06-01", "2029-09-01", Status::Overdue)]);
    assert_eq!(entry("2030-03-02"), [at("2029-06-01", "2029-09-01", Status::Missed)]);
    let under_3 = |entered, done| of_code(enters(entered), "2029-01-01", done, "kg_annual_u3");
    assert_eq!(under_3("2028-09-01", &[]), [at("2029-02-01", "2029-03-01", Status::Upcoming)]);
    assert_eq!(under_3("2029-09-01", &[]), [(None, None, Status::NotApplicable)], "it is three by then");
    let over_3 = |done| of_code(enters("2029-09-01"), "2030-09-02", done, "kg_annual_o3");
    assert_eq!(over_3(&[]), [at("2030-08-01", "2030-09-01", Status::Overdue)]);
    assert_eq!(
        over_3(&["2030-08-20"]),
        [at("2030-08-01", "2030-09-01", Status::Done), at("2031-07-20", "2031-08-20", Status::Upcoming)]
    );
    let left = Child { left_on: Some(day("2030-07-01")), ..enters("2029-09-01") };
    assert_eq!(of_code(left, "2030-09-02", &[], "kg_annual_o3"), [(None, None, Status::NotApplicable)]);
}

/// The fields that a plan refuses.
fn wrong(subject: Subject<'_>, on: &str, done: &[Done<'_>]) -> Vec<String> {
    let faults = edition().plan(&subject, day(on), done).err().unwrap_or_default();
    faults.iter().map(|fault| fault.to_string().split([':', ' ']).next().unwrap().to_owned()).collect()
}

#[test]
fn a_pregnancy_that_cannot_be_names_what_is_wrong() {
    let refused = |pregnancy, on| wrong(Subject::Pregnancy(pregnancy), on, &[]);
    assert_eq!(refused(pregnant(), "2026-02-28"), ["last_menstrual_period"]);
    assert_eq!(refused(pregnant(), "2027-01-10"), [""; 0], "45+0");
    assert_eq!(refused(pregnant(), "2027-01-11"), ["on"], "45+1");
    let fault = Fault::Gestation { field: "on".to_owned(), days: 316, least: 0, most: 315 };
    assert_eq!(edition().plan(&Subject::Pregnancy(pregnant()), day("2027-01-11"), &[]), Err(vec![fault]));
    let birth = |on| ended(on, Outcome::LiveBirth);
    assert_eq!(refused(birth("2026-02-28"), "2026-12-01"), ["delivered_on"]);
    assert_eq!(refused(birth("2026-07-18"), "2027-03-01"), ["delivered_on"], "19+6");
    assert_eq!(refused(birth("2026-07-19"), "2027-03-01"), [""; 0], "20+0");
    assert_eq!(refused(birth("2027-01-17"), "2027-03-01"), [""; 0], "46+0");
    assert_eq!(refused(birth("2027-01-18"), "2027-03-01"), ["delivered_on"], "46+1");
    assert_eq!(refused(birth("2026-12-02"), "2026-12-01"), ["delivered_on"]);
    let left = |on| Pregnancy { discharged_on: Some(day(on)), ..birth("2026-11-20") };
    assert_eq!(refused(left("2026-11-19"), "2026-12-01"), ["discharged_on"]);
    assert_eq!(refused(left("2026-11-20"), "2026-12-01"), [""; 0]);
    assert_eq!(refused(left("2026-12-02"), "2026-12-01"), ["discharged_on"]);
    let in_hospital = Pregnancy { discharged_on: Some(day("2026-08-01")), ..pregnant() };
    assert_eq!(refused(in_hospital, "2026-12-01"), ["discharged_on"]);
    let due = |on| Pregnancy { due_on: Some(day(on)), ..Pregnancy::default() };
    assert_eq!(refused(due("2027-08-28"), "2026-11-21"), [""; 0]);
    assert_eq!(refused(due("2027-08-29"), "2026-11-21"), ["due_date"]);
    let check = |days| {
        let region = Region { postpartum_check_days: Some(days), ..Region::default() };
        refused(Pregnancy { region, ..pregnant() }, "2026-11-21")
    };
    assert_eq!([check(41), check(71)], [["region/postpartum_check_days"]; 2]);
    assert_eq!([check(42), check(70)], [[""; 0]; 2]);
    let many = Pregnancy {
        events: &[(Event::Referral, LAST_DAY)],
        high_risk_from: Some(LAST_DAY),
        died_on: Some(day("2026-02-01")),
        ..pregnant()
    };
    assert_eq!(refused(many, "2026-11-21"), ["died_on", "high_risk_from", "events/0/on"]);
}

#[test]
fn a_child_that_cannot_be_names_what_is_wrong() {
    let refused = |child| wrong(Subject::Child(child), "2026-11-21", &[]);
    assert_eq!(refused(Child::born_on(day("2026-11-22"))), ["birth_date"]);
    assert_eq!(refused(Child { discharged_on: Some(day("2026-08-30")), ..born() }), ["discharged_on"]);
    assert_eq!(refused(Child { died_on: Some(day("2026-11-22")), ..born() }), ["died_on"]);
    assert_eq!(refused(Child { entered_on: Some(day("2026-08-30")), ..born() }), ["entered_on"]);
    assert_eq!(refused(Child { entered_on: Some(day("2029-09-01")), ..born() }), [""; 0]);
    let number = |gestational_days, birth_weight_g| {
        refused(Child {
            gestational_days: Some(gestational_days),
            birth_weight_g: Some(birth_weight_g),
            ..born()
        })
    };
    assert_eq!(number(139, 199), ["gestational_days_at_birth", "birth_weight_g"]);
    assert_eq!(number(323, 8001), ["gestational_days_at_birth", "birth_weight_g"]);
    assert_eq!([number(140, 200), number(322, 8000)], [[""; 0]; 2]);
    let heavy = Child { birth_weight_g: Some(9000), ..born() };
    let text = edition().plan(&Subject::Child(heavy), day("2026-11-21"), &[]).unwrap_err()[0].to_string();
    assert_eq!(text, "birth_weight_g: 9000 g must lie between 200 and 8000 g");
}

#[test]
fn what_cannot_have_been_done_is_refused() {
    let of_child =
        |code, on: &str| wrong(Subject::Child(born()), "2026-11-21", &[Done { code, on: day(on) }]);
    assert_eq!(of_child("nb_home", "2026-08-30"), ["done/0/on"]);
    assert_eq!(of_child("nb_home", "2026-08-31"), [""; 0]);
    assert_eq!(of_child("nb_home", "2026-11-22"), ["done/0/on"]);
    assert_eq!(of_child("m2", "2026-11-21"), ["done/0/code"]);
    assert_eq!(of_child("ANC1", "2026-11-21"), ["done/0/code"], "an item of a woman");
    let of_woman =
        |code, on: &str| wrong(Subject::Pregnancy(pregnant()), "2026-11-21", &[Done { code, on: day(on) }]);
    assert_eq!(of_woman("ANC1", "2026-02-01"), [""; 0], "a later due date may move the beginning by 28 days");
    assert_eq!(of_woman("ANC1", "2026-01-31"), ["done/0/on"]);
    assert_eq!(of_woman("FOLIC", "2025-12-01"), [""; 0]);
    assert_eq!(of_woman("PRE1", "2025-03-01"), [""; 0]);
    assert_eq!(of_woman("PRE1", "2025-02-28"), ["done/0/on"]);
    assert_eq!(of_woman("m1", "2026-05-01"), ["done/0/code"]);
}

#[test]
fn a_day_of_no_handbook_is_refused() {
    for on in ["1899-12-31", "2101-01-01"] {
        let fields = wrong(Subject::Pregnancy(Pregnancy::default()), on, &[]);
        assert_eq!(fields, ["on"]);
    }
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
fn a_plan_is_made_in_microseconds() {
    let subject = Subject::Child(born());
    let done: Vec<_> = ["nb_home", "m1", "nbs_heel", "nbs_hear1", "nbs_chd"]
        .map(|code| Done { code, on: day("2026-09-28") })
        .to_vec();
    let plan = || edition().plan(&subject, day("2026-11-21"), &done).unwrap().len();
    let length = plan();
    let started = std::time::Instant::now();
    assert!((0..1000).all(|_| plan() == length));
    let each = started.elapsed() / 1000;
    println!("a plan of a child: {each:?}");
    assert!(each < std::time::Duration::from_millis(2), "{each:?} without optimisation");
}

fn any_day() -> impl Strategy<Value = NaiveDate> {
    (0..73_414i64).prop_map(|days| days_after(FIRST_DAY, days))
}

fn maybe_after(start: NaiveDate, most: i64) -> impl Strategy<Value = Option<NaiveDate>> {
    proptest::option::of((-3..most).prop_map(move |days| days_after(start, days)))
}

prop_compose! {
    fn any_child()(born_on in any_day())(
        born_on in Just(born_on), discharged_on in maybe_after(born_on, 90), reported_on in maybe_after(born_on, 30),
        gestational_days in proptest::option::of(139..323i32), birth_weight_g in proptest::option::of(199..6000i32),
        facts in (proptest::option::of(any::<bool>()), 0..3usize, 0..3usize, 0..3usize),
        case_closed_on in maybe_after(born_on, 900), entered_on in maybe_after(born_on, 2500),
        left_on in maybe_after(born_on, 2500), died_on in proptest::option::weighted(0.1, (0..2500i64).prop_map(move |days| days_after(born_on, days))),
    ) -> Child {
        let (is_high_risk, class, hearing, hearing_again) = facts;
        let result = |at: usize| Screened::ALL.get(at).copied();
        Child {
            born_on, discharged_on, reported_on, gestational_days, birth_weight_g, is_high_risk,
            preterm_risk: PretermRisk::ALL.get(class).copied(), case_closed_on, hearing: result(hearing),
            hearing_again: result(hearing_again), entered_on, left_on, died_on,
        }
    }
}

/// A woman without her events.
fn any_pregnancy() -> impl Strategy<Value = Pregnancy<'static>> {
    any_day().prop_flat_map(|start| {
        let end = proptest::option::of((0..340i64, 0..Outcome::ALL.len()));
        let days = (
            maybe_after(start, 1),
            maybe_after(days_after(start, 280), 20),
            maybe_after(days_after(start, 280), 20),
            maybe_after(start, 300),
            maybe_after(start, 330),
        );
        let facts = (proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()), any::<bool>());
        (end, days, facts, proptest::option::of(40..72u16)).prop_map(move |(end, days, facts, check_days)| {
            let (last_period_on, due_on, discharged_on, high_risk_from, case_closed_on) = days;
            Pregnancy {
                planned_on: Some(start),
                last_period_on,
                due_on,
                ended: end.map(|(after, outcome)| End {
                    on: days_after(start, after),
                    outcome: Outcome::ALL[outcome],
                }),
                discharged_on: discharged_on.filter(|_| end.is_some()),
                died_on: None,
                had_preconception_check: facts.0,
                is_manager_licensed: facts.1,
                high_risk_from,
                case_closed_on,
                events: &[],
                region: Region { transfers_at_24_weeks: facts.2, postpartum_check_days: check_days },
            }
        })
    })
}

fn any_events(start: NaiveDate) -> impl Strategy<Value = Vec<(Event, NaiveDate)>> {
    let event = (0..Event::ALL.len(), 0..400i64);
    proptest::collection::vec(
        event.prop_map(move |(of, after)| (Event::ALL[of], days_after(start, after))),
        0..5,
    )
}

/// What holds of every plan.
fn check_plan(items: &[Item], on: NaiveDate) -> Result<(), TestCaseError> {
    for item in items {
        let code = &item.rule.code;
        if let (Some(opens), Some(due)) = (item.opens_on, item.due_on) {
            prop_assert!(opens <= due, "{} {} {}", code, opens, due);
        }
        prop_assert!(item.due_on.is_none() || item.opens_on.is_some(), "{}", code);
        prop_assert_eq!(item.overdue_on, item.due_on.map(|due| days_after(due, 1)));
        prop_assert!(
            item.until_on.is_none() || item.due_on.is_none_or(|due| item.until_on >= Some(due)),
            "{}",
            code
        );
        prop_assert_eq!(item.status == Status::Done, item.done_on.is_some());
        match item.status {
            Status::Due => prop_assert!(item.opens_on <= Some(on) && item.due_on.is_none_or(|due| on <= due)),
            Status::Overdue => prop_assert!(item.due_on.is_some_and(|due| due < on), "{}", code),
            _ => (),
        }
    }
    Ok(())
}

/// How far an item has come; what ends it comes last.
fn progress(status: Status) -> u8 {
    match status {
        Status::Upcoming => 0,
        Status::Due => 1,
        Status::Overdue => 2,
        Status::Missed | Status::NotApplicable | Status::Stopped | Status::Done => 3,
    }
}

fn check_subject(
    subject: &Subject<'_>,
    start: NaiveDate,
    (on, later): (i64, i64),
    done: &[(usize, i64)],
) -> Result<(), TestCaseError> {
    let rules = match subject {
        Subject::Pregnancy(_) => &edition().pregnancy,
        Subject::Child(_) => &edition().child,
    };
    let on = days_after(start, on);
    let done: Vec<_> = done
        .iter()
        .map(|(rule, after)| Done {
            code: &rules[rule % rules.len()].code,
            on: days_after(start, *after).min(on),
        })
        .collect();
    let Ok(items) = edition().plan(subject, on, &done) else { return Ok(()) };
    check_plan(&items, on)?;

    let backwards: Vec<_> = done.iter().rev().copied().collect();
    let turned = edition().plan(subject, on, &backwards);
    prop_assert_eq!(turned.as_ref(), Ok(&items), "order changes nothing");

    if let Ok(at_later) = edition().plan(subject, days_after(on, later), &done) {
        for item in &items {
            let same = |other: &&Item| (&other.rule.code, other.number) == (&item.rule.code, item.number);
            if let Some(other) = at_later.iter().find(same) {
                prop_assert!(
                    progress(other.status) >= progress(item.status),
                    "{}: {} then {}",
                    item.rule.code,
                    item.status,
                    other.status
                );
            }
        }
    }

    let all_done: Vec<_> = items
        .iter()
        .filter(|item| item.rule.again.is_none())
        .filter_map(|item| item.due_on.map(|due| Done { code: &item.rule.code, on: due }))
        .collect();
    let last = all_done.iter().map(|done| done.on).max().unwrap_or(on).max(on);
    if let Ok(at_last) = edition().plan(subject, last, &all_done) {
        for item in at_last.iter().filter(|item| all_done.iter().any(|done| done.code == item.rule.code)) {
            prop_assert_eq!(item.status, Status::Done, "{}", item.rule.code);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn plans_of_children_hold(
        child in any_child(), on in -5..3000i64, later in 0..400i64,
        done in proptest::collection::vec((0..100usize, -1..2600i64), 0..12),
    ) {
        check_subject(&Subject::Child(child), child.born_on, (on, later), &done)?;
    }

    #[test]
    fn plans_of_women_hold(
        (pregnancy, events) in any_pregnancy().prop_flat_map(|pregnancy| {
            let start = pregnancy.planned_on.unwrap_or(FIRST_DAY);
            any_events(start).prop_map(move |events| (pregnancy, events))
        }),
        on in -5..500i64, later in 0..200i64,
        done in proptest::collection::vec((0..100usize, -60..420i64), 0..12),
    ) {
        let start = pregnancy.planned_on.unwrap_or(FIRST_DAY);
        let pregnancy = Pregnancy { events: &events, ..pregnancy };
        check_subject(&Subject::Pregnancy(pregnancy), start, (on, later), &done)?;
    }

    #[test]
    fn no_days_panic(days in proptest::collection::vec(any_day(), 8), done in proptest::collection::vec((0..100usize, any_day()), 0..4)) {
        let child = Child {
            discharged_on: Some(days[1]), reported_on: Some(days[2]), entered_on: Some(days[3]),
            left_on: Some(days[4]), died_on: Some(days[5]), ..Child::born_on(days[0])
        };
        let woman = Pregnancy {
            planned_on: Some(days[0]), last_period_on: Some(days[1]), due_on: Some(days[2]),
            ended: Some(End { on: days[3], outcome: Outcome::LiveBirth }), discharged_on: Some(days[4]),
            died_on: Some(days[5]), high_risk_from: Some(days[6]), ..Pregnancy::default()
        };
        for subject in [Subject::Child(child), Subject::Pregnancy(woman)] {
            let codes = ["m1", "ANC1", "kg_annual_o3", "HRMONTH"];
            let done: Vec<_> = done.iter().map(|(code, on)| Done { code: codes[code % 4], on: *on }).collect();
            if let Ok(items) = edition().plan(&subject, days[7], &done) {
                check_plan(&items, days[7])?;
            }
        }
    }
}
