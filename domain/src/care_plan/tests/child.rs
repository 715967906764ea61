//! Plans of children, case by case from the schedule.

use super::*;

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
    let on_the_day = ["2026-09-03", "2026-09-04"].map(|on| child(born(), on, "nbs_hear2"));
    assert_eq!(on_the_day, [Status::Upcoming, Status::Due], "it may be screened on the day it leaves");
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
    assert_eq!(
        visits("2026-11-26", &[("pt_high_a", "2026-11-19")], "pt_high_a").last(),
        Some(&at("2026-11-26", "2026-12-03", Status::Due)),
        "it opens with the last day of the stage"
    );
    let of_next_stage = at("2026-11-26", "2026-12-03", Status::NotApplicable);
    assert_eq!(
        visits("2026-11-27", &[("pt_high_a", "2026-11-19")], "pt_high_a").last(),
        Some(&of_next_stage)
    );
    let on_last_day = |done, on| visits(on, &[("pt_high_a", done)], "pt_high_a").last().copied();
    let missed = at("2026-11-19", "2026-11-26", Status::Missed);
    assert_eq!(
        on_last_day("2026-11-12", "2026-11-27"),
        Some(missed),
        "it was due on the last day of the stage"
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

#[test]
fn each_stage_of_a_child_born_early_has_its_interval() {
    use PretermRisk::{High, Low};
    // Born at 32+0 on 2026-08-31; seen on a day of the stage, it is due again in this window.
    for (class, code, seen, opens, due) in [
        (Low, "pt_low_a", "2026-10-01", "2026-11-01", "2026-12-01"),
        (Low, "pt_low_b", "2027-05-01", "2027-07-01", "2027-08-01"),
        (Low, "pt_low_c", "2027-11-01", "2028-04-01", "2028-05-01"),
        (High, "pt_high_a", "2026-10-01", "2026-10-08", "2026-10-15"),
        (High, "pt_high_b", "2026-12-20", "2027-01-10", "2027-01-20"),
        (High, "pt_high_c", "2027-05-01", "2027-06-01", "2027-07-01"),
        (High, "pt_high_d", "2027-11-01", "2028-01-01", "2028-02-01"),
        (High, "pt_high_e", "2028-11-01", "2029-04-01", "2029-05-01"),
    ] {
        let early = Child { gestational_days: Some(224), preterm_risk: Some(class), ..born() };
        let items = of_child(early, day(seen), &[Done { code, on: day(seen) }]);
        let next = items.iter().rfind(|item| item.rule.code == code).unwrap();
        assert_eq!(
            (next.number, next.opens_on, next.due_on),
            (2, Some(day(opens)), Some(day(due))),
            "{code}"
        );
    }
}
