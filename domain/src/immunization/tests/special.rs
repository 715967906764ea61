//! Each special rule: editions that follow one another, mixed courses, spacing, states of health, refusals.

use super::*;
use crate::place::{Region, RegionCode, RegionLevel};

/// Verdict and next step of one vaccine, one line per case.
fn hold(child: &Child, cases: &[(&str, &str, &str, &str)]) {
    for (doses, on, vaccine, expected) in cases {
        let plan = planned(child, doses, on);
        assert_eq!(next_of(&plan, vaccine), *expected, "{doses} on {on}");
    }
}

fn are(child: &Child, cases: &[(&str, &[&str])]) {
    for (doses, expected) in cases {
        assert_eq!(verdicts(child, doses), *expected, "{doses}");
    }
}

#[test]
fn dtap_moves_in_2025_and_doses_given_before_count() {
    are(
        &girl("2024-10-31"),
        &[
            ("DTaP@2024-12-31", &["too_young"]),
            ("DTaP@2025-01-01", &["dtap-2025.1"]),
            ("DTaP@2025-01-01 DTaP@2025-02-27", &["dtap-2025.1", "too_young"]),
            ("DTaP@2025-01-01 DTaP@2025-02-28", &["dtap-2025.1", "dtap-2025.2"]),
        ],
    );
    let began = "DTaP@2024-11-10 DTaP@2024-12-10";
    let child = girl("2024-08-10");
    are(
        &child,
        &[
            (began, &["dtap-2021.1", "dtap-2021.2"]),
            (&format!("{began} DTaP@2025-01-10"), &["dtap-2021.1", "dtap-2021.2", "too_young"]),
        ],
    );
    hold(
        &child,
        &[
            (began, "2024-12-31", "DTaP", "not_yet_due 3 DTaP 2025-01-10 2025-08-10 dtap-2021.3"),
            (began, "2025-01-10", "DTaP", "not_yet_due 3 DTaP 2025-02-10 2025-08-10 dtap-2025.3"),
            (
                &format!("{began} DTaP@2025-02-10"),
                "2025-02-10",
                "DTaP",
                "not_yet_due 4 DTaP 2026-02-10 2026-08-10 dtap-2025.4",
            ),
        ],
    );
    // Six years old around the change: DT before, DTaP from then on, and DT that was given stands for dose 5.
    let four = "DTaP@2019-04-10 DTaP@2019-05-10 DTaP@2019-06-10 DTaP@2020-07-10";
    hold(
        &girl("2019-01-10"),
        &[
            (four, "2024-12-31", "DTaP", "not_yet_due 5 DT 2025-01-10 2026-01-10 dtap-2021.5"),
            (four, "2025-01-10", "DTaP", "due 5 DTaP 2025-01-10 2026-01-10 dtap-2025.5"),
            (four, "2026-01-09", "DTaP", "due 5 DTaP 2025-01-10 2026-01-10 dtap-2025.5"),
            (four, "2026-01-10", "DTaP", "overdue 5 DT 2026-01-10 2026-01-10 dtap25-e"),
        ],
    );
    let four = "DTaP@2018-12-01 DTaP@2019-01-01 DTaP@2019-02-01 DTaP@2020-03-01";
    are(
        &girl("2018-09-01"),
        &[(
            &format!("{four} DT@2024-09-01"),
            &["dtap-2021.1", "dtap-2021.2", "dtap-2021.3", "dtap-2021.4", "dtap-2021.5"],
        )],
    );
    hold(
        &girl("2018-09-01"),
        &[
            (&format!("{four} DT@2024-09-01"), "2025-01-01", "DTaP", "complete dtap25-h"),
            (&format!("{four} DT@2024-09-01"), "2025-09-01", "DTaP", "complete dtap25-c"),
        ],
    );
}

#[test]
fn dt_catches_up_from_seven_to_twelve() {
    let child = girl("2018-06-01");
    let three = "DTaP@2018-09-01 DTaP@2018-10-01 DTaP@2018-11-01";
    hold(
        &child,
        &[
            ("", "2026-06-30", "DTaP", "overdue 1 DT 2025-06-01 2019-06-01 dtap25-b"),
            ("DT@2026-06-30", "2026-07-01", "DTaP", "not_yet_due 2 DT 2026-07-30 2019-06-01 dtap25-b"),
            (
                "DT@2026-06-30 DT@2026-07-30",
                "2027-01-30",
                "DTaP",
                "overdue 3 DT 2027-01-30 2019-06-01 dtap25-b",
            ),
            ("DT@2026-06-30 DT@2026-07-30 DT@2027-01-30", "2027-01-30", "DTaP", "complete dtap25-c"),
            (three, "2026-06-30", "DTaP", "overdue 4 DT 2025-06-01 2020-06-01 dtap25-d"),
            (&format!("{three} DT@2026-06-30"), "2026-06-30", "DTaP", "complete dtap25-c"),
            ("", "2030-06-01", "DTaP", "closed dtap25-f"),
            // What would fall after the seventh birthday is DT.
            (
                &format!("{three} DTaP@2025-02-01"),
                "2025-05-31",
                "DTaP",
                "not_yet_due 5 DT 2026-02-01 2025-06-01 dtap25-e",
            ),
        ],
    );
}

#[test]
fn hpv_begins_on_10_november_2025_for_girls_born_from_the_same_day_of_2011() {
    let has_hpv = |child: &Child, on: &str| {
        planned(child, "", on).series.iter().any(|one| one.series.course == Course::Hpv)
    };
    assert!(!has_hpv(&girl("2011-11-10"), "2025-11-09"));
    assert!(has_hpv(&girl("2011-11-10"), "2025-11-10"));
    assert!(!has_hpv(&girl("2011-11-09"), "2025-11-10"));
    assert!(!has_hpv(&Child { sex: Sex::Male, ..girl("2012-11-10") }, "2026-11-10"));
    assert!(
        has_hpv(&Child { sex: Sex::Unknown, ..girl("2012-11-10") }, "2026-11-10"),
        "unknown is never negative"
    );
    hold(
        &girl("2012-11-20"),
        &[
            ("", "2025-11-19", "HPV2", "not_yet_due 1 HPV2 2025-11-20 2026-11-20 hpv2.1"),
            ("", "2025-11-20", "HPV2", "due 1 HPV2 2025-11-20 2026-11-20 hpv2.1"),
            ("", "2026-11-20", "HPV2", "overdue 1 HPV2 2025-11-20 2026-11-20 hpv-fill"),
            ("HPV2@2025-12-31", "2026-01-01", "HPV2", "not_yet_due 2 HPV2 2026-06-30 2026-12-31 hpv2.2"),
            ("HPV2@2025-12-31 HPV2@2026-06-30", "2026-06-30", "HPV2", "complete complete"),
            ("HPV2@2030-07-01", "2030-07-02", "HPV2", "closed hpv-fill"),
            ("HPV9@2025-12-01", "2026-07-01", "HPV2", "due 1 HPV2 2025-11-20 2026-11-20 hpv2.1"),
            ("HPV9@2025-12-01 HPV9@2026-05-01", "2026-07-01", "HPV2", "complete hpv-other"),
        ],
    );
}

#[test]
fn one_self_paid_dose_of_hpv_leaves_the_second_to_the_programme() {
    let child = girl("2013-01-20");
    let dose = |on: &str, self_paid| Given { product: "HPV2".parse().unwrap(), on: day(on), self_paid };
    let of_doses =
        |doses: &[Given], on: &str| plan(&child, doses, day(on), None, &Starts::national()).unwrap();
    // The programme does not give it before 13, the insert from 9 on.
    let plan = of_doses(&[dose("2025-12-01", false)], "2026-07-01");
    assert_eq!(told(&plan.doses[0].main), "too_young");
    let plan = of_doses(&[dose("2025-12-01", true)], "2025-12-02");
    assert_eq!(told(&plan.doses[0].main), "hpv2.1");
    assert_eq!(next_of(&plan, "HPV2"), "not_yet_due 2 HPV2 2026-06-01 2026-12-01 hpv-selfpaid");
    // Before the programme had it, every dose was self-paid.
    let plan = of_doses(&[dose("2022-01-19", false), dose("2022-01-20", false)], "2026-07-01");
    assert_eq!((told(&plan.doses[0].main), told(&plan.doses[1].main)), ("too_young".into(), "hpv2.1".into()));
    let boy = Child { sex: Sex::Male, ..child.clone() };
    assert_eq!(verdicts(&boy, "HPV2@2026-07-01"), ["hpv2.1"]);
}

#[test]
fn provinces_start_editions_on_days_of_their_own() {
    let beijing = Region { code: RegionCode(110_000_000_000), level: RegionLevel::Province };
    let haidian = Region { code: RegionCode(110_108_000_000), level: RegionLevel::County };
    let hpv = edition("nip-2021-dtap2025-hpv");
    let starts = Starts::national().with(hpv, haidian.into(), day("2025-12-01")).with(
        hpv,
        beijing.into(),
        day("2026-01-09"),
    );
    let at = |code: Option<i64>, on: &str| starts.in_force(code.map(RegionCode), day(on)).unwrap().id();
    for (code, before, from) in [
        (None, "2025-11-09", "2025-11-10"),
        (Some(510_903_000_000), "2025-11-09", "2025-11-10"),
        (Some(110_101_001_000), "2026-01-08", "2026-01-09"),
        (Some(110_108_001_000), "2025-11-30", "2025-12-01"),
    ] {
        assert_eq!((at(code, before), at(code, from)), ("nip-2021-dtap2025", hpv.id()), "{code:?}");
    }
    let child = Child { region: Some(RegionCode(110_101_001_000)), ..girl("2012-11-20") };
    let plan = plan(&child, &[], day("2026-01-08"), None, &starts).unwrap();
    assert_eq!((plan.edition.id(), plan.series.len()), ("nip-2021-dtap2025", 9));
}

#[test]
fn a_named_edition_says_what_is_due_and_the_day_of_a_dose_whether_it_counts() {
    let old = plan(
        &girl("2026-06-20"),
        &given("DTaP@2026-08-20"),
        day("2026-08-30"),
        Some(edition("nip-2021")),
        &Starts::national(),
    )
    .unwrap();
    assert_eq!((old.edition.id(), told(&old.doses[0].main)), ("nip-2021", "dtap-2025.1".into()));
    assert_eq!(next_of(&old, "DTaP"), "not_yet_due 2 DTaP 2026-10-20 - dtap-2021.2");
}

#[test]
fn polio_needs_inactivated_doses_by_edition_and_day_of_birth() {
    are(
        &girl("2021-01-10"),
        &[
            ("bOPV@2021-03-10", &["wrong_product"]),
            ("IPV@2021-03-10 bOPV@2021-04-10", &["polio.1", "wrong_product"]),
            ("IPV@2021-03-10 IPV@2021-04-10 bOPV@2021-05-10", &["polio.1", "polio.2", "polio.3"]),
        ],
    );
    hold(
        &girl("2021-01-10"),
        &[
            ("IPV@2021-03-10 bOPV@2021-04-10", "2021-04-10", "Polio", "due 2 IPV 2021-04-10 - polio.2"),
            (
                "IPV@2021-03-10 IPV@2021-04-10",
                "2021-05-10",
                "Polio",
                "due 3 bOPV|IPV 2021-05-10 2022-01-10 polio.3",
            ),
            ("", "2023-01-10", "Polio", "due 1 IPV 2021-03-10 - polio.1"),
        ],
    );
    for (born_on, products) in [("2019-09-30", "bOPV|IPV"), ("2019-10-01", "IPV")] {
        let plan = planned(&girl(born_on), "IPV@2021-01-10", "2021-06-01");
        assert!(next_of(&plan, "Polio").starts_with(&format!("due 2 {products} ")), "{born_on}");
    }
    // One dose of IPV was enough before; the edition of 2026 wants two doses with type II.
    let child = girl("2017-01-10");
    let whole = "IPV@2017-03-10 bOPV@2017-04-10 bOPV@2017-05-10 bOPV@2021-01-10";
    assert_eq!(verdicts(&child, whole), ["polio-2016.1", "polio-2016.2", "polio-2016.3", "polio.4"]);
    hold(
        &child,
        &[
            (whole, "2026-06-16", "Polio", "complete complete"),
            (whole, "2026-06-17", "Polio", "due 5 IPV 2021-02-07 - polio26-type2"),
            (&format!("{whole} IPV@2026-06-17"), "2026-06-17", "Polio", "complete complete"),
        ],
    );
}

#[test]
fn trivalent_oral_vaccine_stands_for_inactivated_doses() {
    let child = girl("2014-01-10");
    let doses = "tOPV@2014-03-10 tOPV@2014-04-10 tOPV@2014-05-10";
    assert_eq!(
        verdicts(&child, doses),
        ["polio-2016.1 not_judged", "polio-2016.2 not_judged", "polio-2016.3 not_judged"]
    );
    hold(
        &child,
        &[
            (doses, "2021-06-01", "Polio", "overdue 4 bOPV 2018-01-10 2019-01-10 polio-ge4"),
            (doses, "2026-07-01", "Polio", "overdue 4 bOPV|IPV 2018-01-10 2019-01-10 polio-2026-ge4"),
            ("tOPV@2014-03-10", "2026-07-01", "Polio", "due 2 IPV 2014-04-10 - polio-2026.2"),
        ],
    );
}

#[test]
fn inactivated_and_combined_polio_vaccines_make_a_course_of_their_own() {
    let five = "DTaP-IPV-Hib@2025-03-10 DTaP-IPV-Hib@2025-04-10 DTaP-IPV-Hib@2025-05-10";
    let child = girl("2025-01-10");
    hold(
        &child,
        &[
            (five, "2025-06-01", "Polio", "not_yet_due 4 IPV|DTaP-IPV-Hib 2026-07-10 - polio-allipv.4"),
            (five, "2025-06-01", "DTaP", "not_yet_due 4 DTaP 2026-07-10 2027-01-10 dtap-2025.4"),
            (&format!("{five} DTaP-IPV-Hib@2026-07-10"), "2026-07-10", "Polio", "complete complete"),
            (&format!("{five} DTaP-IPV-Hib@2026-07-10"), "2030-07-10", "Polio", "complete complete"),
            (
                "IPV@2025-03-10 IPV@2025-04-10",
                "2025-05-10",
                "Polio",
                "due 3 bOPV|IPV 2025-05-10 2026-01-10 polio.3",
            ),
        ],
    );
    let verdict = planned(&child, "DTaP-IPV-Hib@2025-03-10", "2025-03-10").doses[0];
    let told: Vec<_> = verdict.counted().map(told).collect();
    assert_eq!(told, ["dtap-2025.1", "polio.1", "hib.1"]);
    // The insert admits the combined vaccine at the ages of its own, before 2025 too.
    let old = girl("2022-01-10");
    let verdict = planned(&old, "DTaP-IPV-Hib@2022-03-10", "2022-03-10").doses[0];
    assert_eq!(verdict.main.number, Some(1));
    assert_eq!(verdicts(&old, "DTaP-Hib@2022-04-09 DTaP-Hib@2022-04-10"), ["too_young", "dtap-2021.1"]);
}

#[test]
fn measles_vaccines_count_by_what_they_hold() {
    hold(
        &girl("2018-01-10"),
        &[
            ("MR@2018-09-10", "2019-07-10", "MR/MMR", "due 2 MMR 2019-07-10 2020-01-10 mr-mmr-2016.2"),
            ("MR@2018-09-10 MMR@2019-07-10", "2021-06-01", "MMR", "complete complete"),
            ("", "2021-06-01", "MMR", "overdue 1 MMR 2018-09-10 2019-01-10 mmr-2007"),
            ("MMR@2021-06-01", "2021-06-01", "MMR", "not_yet_due 2 MMR 2021-06-29 2020-01-10 mmr-2007"),
        ],
    );
    // Two doses of measles before 2016, and rubella and mumps still missing; none is needed by those born before 2007.
    let two = "Measles@2010-10-01 Measles@2011-07-01";
    hold(&girl("2010-02-01"), &[(two, "2026-07-01", "MMR", "overdue 3 MMR 2011-08-01 2012-02-01 mmr-2007")]);
    hold(&girl("2008-08-01"), &[("MR@2017-01-01 MMR@2017-02-01", "2026-07-01", "MMR", "complete complete")]);
    hold(
        &girl("2009-02-01"),
        &[("MR@2017-01-01", "2026-07-01", "MMR", "overdue 2 MMR 2017-01-29 2011-02-01 mmr-2007")],
    );
    hold(
        &girl("2006-12-31"),
        &[("Measles@2010-10-01 Measles@2011-07-01", "2024-07-01", "MMR", "complete complete")],
    );
    assert_eq!(
        next_of(&planned(&girl("2007-01-01"), two, "2024-07-01"), "MMR").split(' ').next(),
        Some("overdue")
    );
    // A region that gave MR for longer: whoever was born from October 2019 on needs two doses of MMR all the same.
    let late = Starts::national().with(edition("nip-2016-ipv2-mmr2"), Scope::Nation, day("2020-12-01"));
    for (born_on, expected) in
        [("2019-10-01", "overdue 3 MMR 2021-05-04 2021-10-01 mmr-2020"), ("2019-09-30", "complete complete")]
    {
        let doses = given("MR@2020-06-01 MMR@2021-04-06");
        let plan = plan(&girl(born_on), &doses, day("2022-01-01"), None, &late).unwrap();
        assert_eq!(next_of(&plan, "MMR"), expected, "{born_on}");
    }
    // Born from October 2019 on: two of MMR, and from June 2020 on no MR.
    are(&girl("2019-10-01"), &[("MR@2020-06-01", &["wrong_product"]), ("MMR@2020-06-01", &["mmr.1"])]);
    hold(
        &girl("2019-10-01"),
        &[("MMR@2020-06-01", "2022-01-01", "MMR", "overdue 2 MMR 2021-04-01 2021-10-01 mmr-2020")],
    );
}

#[test]
fn an_emergency_dose_before_eight_months_does_not_count() {
    let child = with(girl("2026-01-10"), &["outbreak"]);
    are(
        &child,
        &[
            ("MMR@2026-07-09", &["too_young"]),
            ("MMR@2026-07-10", &["outbreak_dose"]),
            ("MMR@2026-07-10 MMR@2026-09-10", &["outbreak_dose", "mmr.1"]),
        ],
    );
    are(&girl("2026-01-10"), &[("MMR@2026-07-10", &["too_young"])]);
    hold(&child, &[("MMR@2026-07-10", "2026-08-01", "MMR", "not_yet_due 1 MMR 2026-09-10 2027-01-10 mmr.1")]);
}

#[test]
fn meningococcal_vaccines_follow_one_another() {
    let child = girl("2022-01-10");
    hold(
        &child,
        &[
            ("", "2023-01-10", "MPSV-AC", "not_yet_due 1 MPSV-AC 2025-01-10 2026-01-10 mpsv-ac.1"),
            ("", "2024-01-09", "MPSV-AC", "not_yet_due 1 MPSV-AC 2025-01-10 2026-01-10 mpsv-ac.1"),
            ("", "2024-01-10", "MPSV-AC", "due 1 MPSV-AC 2024-01-10 2026-01-10 mpsvac-noA"),
            (
                "MPSV-A@2023-12-01",
                "2024-01-10",
                "MPSV-AC",
                "not_yet_due 1 MPSV-AC 2024-03-01 2026-01-10 mpsvac-oneA",
            ),
            (
                "MPSV-A@2022-07-10 MPSV-A@2022-10-10",
                "2024-01-10",
                "MPSV-AC",
                "not_yet_due 1 MPSV-AC 2025-01-10 2026-01-10 mpsv-ac.1",
            ),
            ("MPSV-A@2022-07-10 MPSV-A@2022-10-10", "2024-01-10", "MPSV-A", "complete complete"),
            (
                "MPSV-AC@2024-01-10",
                "2024-01-10",
                "MPSV-AC",
                "not_yet_due 2 MPSV-AC 2028-01-10 2029-01-10 mpsv-ac.2",
            ),
            ("MCV4@2022-07-10 MCV4@2022-08-10", "2022-11-10", "MPSV-A", "complete mpsva-conj"),
            (
                "MCV4@2022-07-10 MCV4@2022-08-10",
                "2024-01-10",
                "MPSV-AC",
                "not_yet_due 1 MPSV-AC 2025-01-10 2026-01-10 mpsv-ac.1",
            ),
            ("MCV4@2022-07-10", "2022-11-10", "MPSV-A", "due 1 MPSV-A 2022-07-10 - mpsv-a-2021.1"),
        ],
    );
    are(
        &child,
        &[
            (
                "MPSV-A@2022-07-10 MPSV-A@2022-10-10 MPCV-AC@2025-01-10",
                &["mpsv-a-2021.1", "mpsv-a-2021.2", "mpsv-ac.1"],
            ),
            ("MPCV-AC@2024-01-09 MPCV-AC@2024-01-10", &["mpcv.1", "mpsv-ac.1"]),
            ("MPCV-AC-Hib@2022-03-10", &["mpcv.1"]),
        ],
    );
}

#[test]
fn what_was_begun_live_or_inactivated_goes_on_so() {
    let chosen = |je, hepa| Child { je, hepa, ..girl("2024-01-10") };
    let vaccines = |child: &Child, doses: &str| {
        let plan = planned(child, doses, "2026-07-15");
        let of_both = plan.series.iter().filter(|one| {
            [Course::JeLive, Course::JeInactivated, Course::HepaLive, Course::HepaInactivated]
                .contains(&one.series.course)
        });
        of_both.map(|one| one.series.vaccine.as_str()).collect::<Vec<_>>()
    };
    let (live, inactivated) = (Some(Kind::Live), Some(Kind::Inactivated));
    assert_eq!(vaccines(&chosen(None, None), ""), ["JE-L", "HepA-L"]);
    assert_eq!(vaccines(&chosen(inactivated, inactivated), ""), ["JE-I", "HepA-I"]);
    let begun = "JE-I@2024-09-10 HepA-I@2025-07-10";
    assert_eq!(vaccines(&chosen(None, None), begun), ["JE-I", "HepA-I"]);
    assert_eq!(vaccines(&chosen(live, live), begun), ["JE-I", "HepA-L"], "hepatitis A may be switched");
    assert_eq!(vaccines(&chosen(inactivated, inactivated), "JE-L@2024-09-10"), ["JE-L", "HepA-I"]);
    hold(
        &chosen(None, live),
        &[
            (
                "HepA-I@2026-02-10",
                "2026-07-15",
                "HepA-L",
                "not_yet_due 1 HepA-L 2026-08-10 2026-01-10 hepai-switch",
            ),
            ("HepA-I@2026-01-10 HepA-L@2026-07-10", "2026-07-15", "HepA-L", "complete hepai-switch"),
            ("HepA-L@2025-07-10", "2026-07-15", "HepA-L", "complete complete"),
        ],
    );
    hold(
        &chosen(None, None),
        &[
            ("HepAB@2025-07-10 HepA-I@2026-01-10", "2026-07-15", "HepA-I", "complete hepai-combo"),
            ("JE-L@2024-09-10 JE-L@2026-01-10", "2026-07-15", "JE-L", "complete complete"),
        ],
    );
    are(
        &chosen(None, None),
        &[
            ("HepA-L@2025-07-10 HepA-I@2026-01-10", &["hepa-l.1", "series_complete"]),
            ("JE-L@2024-09-10 JE-L@2026-01-10 JE-I@2026-02-10", &["je-l.1", "je-l.2", "series_complete"]),
        ],
    );
    let both: Vec<_> =
        planned(&chosen(None, None), "HepAB@2025-07-10", "2025-07-10").doses[0].counted().map(told).collect();
    assert_eq!(both, ["hepa-i.1", "hepb.1"]);
}

#[test]
fn injected_live_vaccines_are_given_on_one_day_or_28_days_apart() {
    let child = girl("2025-01-10");
    are(
        &child,
        &[
            ("MMR@2025-09-10 JE-L@2025-09-10", &["mmr.1", "je-l.1"]),
            ("MMR@2025-09-10 JE-L@2025-10-07", &["mmr.1", "live_interval"]),
            ("MMR@2025-09-10 JE-L@2025-10-08", &["mmr.1", "je-l.1"]),
            ("MMR@2025-09-10 JE-I@2025-09-11", &["mmr.1", "je-i.1"]),
            (
                "Varicella@2026-01-10 HepA-L@2026-07-10 MMR@2026-07-11",
                &["varicella.1", "hepa-l.1", "live_interval"],
            ),
            // What was invalid was given all the same.
            ("MMR@2025-09-09 JE-L@2025-09-10", &["too_young", "live_interval"]),
            ("MMR@2025-09-09 MMR@2025-09-10", &["too_young", "mmr.1"]),
            ("RV5@2025-09-09 MMR@2025-09-10", &["rv5.1", "mmr.1"]),
        ],
    );
    hold(
        &child,
        &[
            ("MMR@2025-09-20", "2025-09-20", "JE-L", "due 1 JE-L 2025-09-10 2026-01-10 je-l.1"),
            ("MMR@2025-09-20", "2025-09-21", "JE-L", "not_yet_due 1 JE-L 2025-10-18 2026-01-10 je-l.1"),
            ("MMR@2025-09-20", "2025-10-18", "JE-L", "due 1 JE-L 2025-09-10 2026-01-10 je-l.1"),
            ("BCG@2025-09-01", "2025-09-05", "MMR", "not_yet_due 1 MMR 2025-09-29 2026-01-10 mmr.1"),
            (
                "Varicella@2026-07-01",
                "2026-07-02",
                "HepA-L",
                "not_yet_due 1 HepA-L 2026-07-29 2027-01-10 hepa-l.1",
            ),
        ],
    );
    let plan = planned(&child, "MMR@2025-09-20", "2025-09-21");
    assert!(
        of(&plan, "JE-L").why_en().contains("28 days apart (rule coadministration of nip-2021-dtap2025)")
    );
}

#[test]
fn immunoglobulin_delays_injected_live_vaccines_and_inactivated_je() {
    for word in ["immunoglobulin@2025-08-31", "blood_product@2025-08-31"] {
        let child = with(Child { je: Some(Kind::Inactivated), ..girl("2025-01-10") }, &[word]);
        hold(
            &child,
            &[
                ("", "2025-09-10", "MMR", "deferred 1 MMR 2025-11-30 2026-01-10 mmr.1"),
                ("", "2025-11-29", "MMR", "deferred 1 MMR 2025-11-30 2026-01-10 mmr.1"),
                ("", "2025-11-30", "MMR", "due 1 MMR 2025-09-10 2026-01-10 mmr.1"),
                ("", "2025-09-01", "MMR", "not_yet_due 1 MMR 2025-11-30 2026-01-10 mmr.1"),
                ("", "2025-09-10", "JE-I", "deferred 1 JE-I 2025-09-30 - je-i.1"),
                ("", "2025-09-30", "JE-I", "due 1 JE-I 2025-09-10 - je-i.1"),
                ("", "2025-09-10", "BCG", "overdue 1 BCG 2025-01-10 2025-04-10 bcg-ppd"),
                ("", "2025-09-10", "HepB", "overdue 1 HepB 2025-01-10 2025-01-11 hepb-late1"),
            ],
        );
        are(
            &child,
            &[
                ("MMR@2025-11-29", &["after_immunoglobulin"]),
                ("MMR@2025-11-30", &["mmr.1"]),
                ("JE-I@2025-09-29", &["after_immunoglobulin"]),
                ("JE-I@2025-09-30", &["je-i.1"]),
                ("BCG@2025-09-01", &["bcg.1"]),
            ],
        );
        let plan = planned(&child, "", "2025-09-10");
        assert!(of(&plan, "MMR").why_zh().starts_with("麻腮风疫苗第1剂暂缓接种：接受免疫球蛋白"));
    }
}

#[test]
fn fever_defers_what_is_due_and_a_stable_heart_disease_nothing() {
    let child = with(girl("2026-06-20"), &["fever"]);
    let plan = planned(&child, "HepB@2026-06-20", "2026-07-20");
    for (vaccine, status) in
        [("HepB", Status::Deferred), ("BCG", Status::Deferred), ("DTaP", Status::NotYetDue)]
    {
        assert_eq!(of(&plan, vaccine).status, status, "{vaccine}");
        assert!(of(&plan, vaccine).next.is_some());
    }
    assert!(of(&plan, "HepB").why_en().ends_with("(rule acute_illness of nip-2026)."));
    let stable = with(girl("2026-06-20"), &["congenital_heart_disease_stable"]);
    let (with_it, without) =
        (planned(&stable, "", "2026-07-20"), planned(&girl("2026-06-20"), "", "2026-07-20"));
    assert_eq!(format!("{:?}", with_it.series), format!("{:?}", without.series));
}

#[test]
fn live_vaccines_are_not_given_with_hiv_or_an_immunodeficiency() {
    for (word, mmr) in [
        ("hiv_infected", "due 1 MMR 2026-09-10 2027-01-10 mmr.1"),
        ("hiv_infected_severe", "contraindicated live_vaccine"),
        ("primary_immunodeficiency", "contraindicated live_vaccine"),
    ] {
        let child = with(girl("2026-01-10"), &[word]);
        let two = "IPV@2026-03-10 IPV@2026-04-10";
        hold(
            &child,
            &[
                ("", "2026-01-10", "BCG", "contraindicated live_vaccine"),
                ("", "2026-09-10", "MMR", mmr),
                ("", "2026-09-10", "JE-L", "contraindicated live_vaccine"),
                ("", "2026-09-10", "JE-I", "due 1 JE-I 2026-09-10 - je-i.1"),
                ("", "2027-07-10", "HepA-L", "contraindicated live_vaccine"),
                ("", "2027-07-10", "HepA-I", "due 1 HepA-I 2027-07-10 2028-01-10 hepa-i.1"),
                (two, "2026-05-10", "Polio", "due 3 IPV|DTaP-IPV-Hib 2026-05-10 2027-01-10 polio-allipv.3"),
                ("", "2026-09-10", "MPSV-A", "due 1 MPSV-A 2026-07-10 2027-01-10 mpsv-a-2026.1"),
            ],
        );
        let plan = planned(&child, "JE-L@2026-09-10 BCG@2026-01-10", "2026-10-10");
        assert_eq!((told(&plan.doses[0].main), of(&plan, "BCG").status), ("je-l.1".into(), Status::Complete));
        for one in plan.series {
            let told = one.why_zh() + &one.why_en();
            assert!(!told.to_lowercase().contains("hiv") && !told.contains("免疫缺陷"), "{told}");
        }
    }
}

#[test]
fn after_anaphylaxis_nothing_with_the_same_component_is_given() {
    let plan = |word: &str| planned(&with(girl("2026-01-10"), &[word]), "", "2026-06-20");
    for (word, barred) in [
        ("anaphylaxis_after_HepB", &["HepB"][..]),
        ("anaphylaxis_after_DTaP", &["DTaP"]),
        ("anaphylaxis_after_DT", &["DTaP"]),
        ("anaphylaxis_after_DTaP-IPV-Hib", &["Polio", "DTaP"]),
        ("anaphylaxis_after_MR", &["MMR"]),
        ("anaphylaxis_after_MPSV-A", &["MPSV-A", "MPSV-AC"]),
        ("anaphylaxis_after_HPV9", &["HPV2"]),
        ("anaphylaxis_after_JE-L", &["JE-L"]),
        ("anaphylaxis_after_IIV", &[]),
    ] {
        let plan = plan(word);
        let is_barred = |one: &&SeriesPlan| one.status == Status::Contraindicated;
        let vaccines: Vec<_> =
            plan.series.iter().filter(is_barred).map(|one| one.series.vaccine.as_str()).collect();
        assert_eq!(vaccines, barred, "{word}");
        assert!(
            plan.series
                .iter()
                .filter(is_barred)
                .all(|one| one.rule == "severe_allergy" || one.rule == "live_vaccine")
        );
    }
    let child = with(girl("2026-01-10"), &["anaphylaxis_after_bOPV"]);
    hold(
        &child,
        &[(
            "IPV@2026-03-10 IPV@2026-04-10",
            "2026-05-10",
            "Polio",
            "due 3 IPV 2026-05-10 2027-01-10 polio.3",
        )],
    );
    let child = with(girl("2026-01-10"), &["anaphylaxis_after_JE-L"]);
    hold(&child, &[("", "2026-09-10", "JE-I", "due 1 JE-I 2026-09-10 - je-i.1")]);
}

#[test]
fn bcg_is_given_once_and_waits_for_the_very_preterm() {
    let child = with(girl("2026-01-10"), &["no_scar"]);
    hold(
        &child,
        &[
            ("BCG@2026-01-10", "2026-07-10", "BCG", "complete bcg-noscar"),
            ("", "2026-01-10", "BCG", "due 1 BCG 2026-01-10 2026-04-10 bcg.1"),
            ("", "2026-01-20", "BCG", "due 1 BCG 2026-01-10 2026-04-10 bcg-lt3m"),
        ],
    );
    are(&child, &[("BCG@2026-01-10 BCG@2026-07-10", &["bcg.1", "series_complete"])]);
    for (weeks, rule) in [(31, "bcg-preterm"), (32, "bcg.1")] {
        let child =
            Child { gestational_weeks: Some(weeks), birth_weight_g: Some(1_800), ..girl("2026-01-10") };
        hold(&child, &[("", "2026-01-10", "BCG", &format!("due 1 BCG 2026-01-10 2026-04-10 {rule}"))]);
        hold(&child, &[("HepB@2026-01-10", "2026-02-10", "HepB", "due 2 HepB 2026-02-10 - hepb.2")]);
    }
}

#[test]
fn a_dose_does_not_count_twice_or_beyond_the_last() {
    are(
        &girl("2026-01-10"),
        &[
            ("HepB@2026-01-10 HepB@2026-01-10", &["hepb.1", "same_day"]),
            ("IIV@2026-07-10 IIV@2026-07-10", &["flu.1", "same_day"]),
            ("HepB@2026-01-10 HepB@2026-02-09 HepB@2026-02-10", &["hepb.1", "too_young", "hepb.2"]),
            ("HepB@2026-02-10 HepB@2026-01-10", &["hepb.2", "hepb.1"]),
        ],
    );
    are(
        &girl("2025-01-10"),
        &[(
            "HepB@2025-01-10 HepB@2025-02-10 HepB@2025-07-10 HepB@2025-10-10",
            &["hepb.1", "hepb.2", "hepb.3", "series_complete"],
        )],
    );
}

#[test]
fn doses_before_the_first_edition_count_unjudged() {
    let child = girl("2016-11-06");
    are(
        &child,
        &[
            ("HepB@2016-11-06 HepB@2016-12-05", &["hepb.1 not_judged", "hepb.2 not_judged"]),
            ("HepB@2016-11-06 HepB@2016-12-06", &["hepb.1 not_judged", "hepb.2"]),
            ("HepB@2016-11-06 HepB@2016-11-06", &["hepb.1 not_judged", "same_day"]),
        ],
    );
    let old = "HepB@2010-01-10 HepB@2010-01-11 HepB@2010-01-12 HepB@2010-01-13";
    assert_eq!(verdicts(&girl("2010-01-10"), old)[3], "series_complete");
    assert_eq!(verdicts(&girl("2010-01-10"), "HPV9@2016-01-10"), ["hpv9.1 not_judged"]);
}

#[test]
fn children_of_hbsag_positive_mothers_are_tested_after_the_last_dose() {
    let doses = "HepB@2025-01-10 HepB@2025-02-10 HepB@2025-07-31";
    let note = |hbsag| {
        let child = Child { mother_hbsag: hbsag, ..girl("2025-01-10") };
        let plan = planned(&child, doses, "2025-08-01");
        let hepb = of(&plan, "HepB");
        assert!(!hepb.why_zh().contains("HBsAg"));
        hepb.note
    };
    let test = Note::TestHepatitisB { from: day("2025-08-31"), to: day("2025-09-30") };
    assert_eq!(
        (note(Hbsag::Positive), note(Hbsag::Unknown), note(Hbsag::Negative)),
        (Some(test), None, None)
    );
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let of_child = |child: &Child, doses: &[Given], on: &str| {
        plan(child, doses, day(on), None, &Starts::national()).map(|plan| plan.edition.id())
    };
    let child = girl("2020-01-15");
    let (on, born_on) = (day("2020-01-14"), day("2020-01-15"));
    assert_eq!(of_child(&child, &[], "2020-01-14"), Err(Refusal::BeforeBirth { on, born_on }));
    assert_eq!(of_child(&child, &[], "2020-01-15"), Ok("nip-2016-ipv2"));
    let doses = given("HepB@2020-01-15 HepB@2020-01-14");
    assert_eq!(of_child(&child, &doses, "2020-02-01"), Err(Refusal::DoseBeforeBirth { index: 1, on }));
    let doses = given("HepB@2020-01-15 HepB@2020-02-15");
    let future = Refusal::DoseInTheFuture { index: 1, on: day("2020-02-15") };
    assert_eq!(of_child(&child, &doses, "2020-02-14"), Err(future));
    assert_eq!(of_child(&child, &doses, "2020-02-15"), Ok("nip-2016-ipv2"));
    let one = given("HepB@2020-01-15")[0];
    assert!(of_child(&child, &[one; 100], "2020-02-14").is_ok());
    assert_eq!(of_child(&child, &[one; 101], "2020-02-14"), Err(Refusal::TooManyDoses(101)));
    for word in ["immunoglobulin@2020-01-14", "blood_product@2020-02-15"] {
        let outside = Refusal::ConditionOutside(word.parse().unwrap());
        assert_eq!(of_child(&with(child.clone(), &[word]), &[], "2020-02-14"), Err(outside));
    }
    let old = girl("2010-01-15");
    assert_eq!(of_child(&old, &[], "2016-12-05"), Err(Refusal::NoEdition(day("2016-12-05"))));
    assert_eq!(of_child(&old, &[], "2016-12-06"), Ok("nip-2016"));
}
