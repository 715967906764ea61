//! What a plan refuses, on both sides of every bound.

use super::*;

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
    let death = |on| ended(on, Outcome::MaternalDeath);
    assert_eq!(refused(death("2027-02-28"), "2027-03-02"), [""; 0], "42 days after 46+0");
    assert_eq!(refused(death("2027-03-01"), "2027-03-02"), ["delivered_on"]);
    assert_eq!(refused(ended("2026-03-20", Outcome::Miscarriage), "2026-12-01"), [""; 0]);
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
