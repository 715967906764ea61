//! Plans of women, case by case from the schedule.

use super::*;

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
fn what_was_done_counts_for_the_event_whose_window_holds_it() {
    let referred = |done: &[&str]| {
        let events = ["2026-06-01", "2026-06-08", "2026-07-10"].map(|on| (Event::Referral, day(on)));
        let woman = Pregnancy { events: &events, ..pregnant() };
        let done: Vec<_> = done.iter().map(|on| Done { code: "REFUP", on: day(on) }).collect();
        let items = of_woman(woman, day("2026-08-01"), &done);
        let of_code = items.iter().filter(|item| item.rule.code == "REFUP");
        of_code
            .map(|item| item.done_on.map(|on| on.format("%m-%d").to_string()).unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert_eq!(referred(&["2026-06-10"]), ["06-10", "", ""], "both windows hold it, and the first is free");
    assert_eq!(referred(&["2026-06-15", "2026-06-10"]), ["06-10", "06-15", ""]);
    assert_eq!(referred(&["2026-06-16"]), ["", "06-16", ""], "only the second holds it");
    assert_eq!(referred(&["2026-06-30"]), ["", "06-30", ""], "late for both, it counts for the last");
    assert_eq!(referred(&["2026-07-01", "2026-06-30"]), ["07-01", "06-30", ""]);
    assert_eq!(referred(&["2026-05-20"]), ["05-20", "", ""], "early for all, it counts for the first");
}
