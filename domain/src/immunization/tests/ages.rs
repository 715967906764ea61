//! The first good day of each dose, and what is wrong on the day before. The child is born on 2020-01-15.

use super::*;

const OLD: &[&str] = &["nip-2016", "nip-2016-ipv2", "nip-2016-ipv2-mmr2", "nip-2021"];
const NEW: &[&str] = &["nip-2021-dtap2025", "nip-2021-dtap2025-hpv", "nip-2026"];
const ALL: &[&str] = &["nip-2016", "nip-2016-ipv2-mmr2", "nip-2021", "nip-2021-dtap2025-hpv", "nip-2026"];
const TWO_IPV: &[&str] =
    &["nip-2016-ipv2", "nip-2021", "nip-2021-dtap2025", "nip-2021-dtap2025-hpv", "nip-2026"];
const MMR: &[&str] = &["nip-2016-ipv2-mmr2", "nip-2021", "nip-2021-dtap2025-hpv", "nip-2026"];
const HPV: &[&str] = &["nip-2021-dtap2025-hpv", "nip-2026"];

type Case<'a> = (&'a [&'a str], &'a str, &'a str, &'a str, &'a str);

/// Editions, doses before, product, first good day, reason on the day before it.
const CASES: &[Case] = &[
    (ALL, "HepB@2020-01-15", "HepB", "2020-02-15", "too_young"),
    (ALL, "HepB@2020-02-01", "HepB", "2020-02-29", "too_soon"),
    (ALL, "HepB@2020-01-15 HepB@2020-02-15", "HepB", "2020-07-15", "too_young"),
    (ALL, "HepB@2020-01-15 HepB@2020-06-01", "HepB", "2020-07-31", "too_soon"),
    (ALL, "HepB@2020-06-01 HepB@2020-07-01", "HepB", "2020-10-01", "too_soon"),
    (ALL, "", "IPV", "2020-03-15", "too_young"),
    (ALL, "", "DTaP-IPV-Hib", "2020-03-15", "too_young"),
    (ALL, "IPV@2020-03-15", "IPV", "2020-04-15", "too_young"),
    (ALL, "IPV@2020-04-20", "IPV", "2020-05-18", "too_soon"),
    (&["nip-2016"], "IPV@2020-03-15", "bOPV", "2020-04-15", "too_young"),
    (ALL, "IPV@2020-03-15 IPV@2020-04-15", "bOPV", "2020-05-15", "too_young"),
    (TWO_IPV, "IPV@2020-03-15 IPV@2020-06-01", "bOPV", "2020-06-29", "too_soon"),
    (ALL, "IPV@2020-03-15 IPV@2020-04-15 bOPV@2020-05-15", "bOPV", "2024-01-15", "too_young"),
    (ALL, "IPV@2020-03-15 IPV@2020-04-15 bOPV@2020-05-15", "IPV", "2024-01-15", "too_young"),
    (ALL, "IPV@2020-03-15 IPV@2020-04-15 bOPV@2024-01-10", "bOPV", "2024-02-07", "too_soon"),
    (ALL, "IPV@2020-03-15 IPV@2020-04-15 IPV@2020-05-15", "IPV", "2021-07-15", "too_young"),
    (ALL, "IPV@2020-03-15 IPV@2020-04-15 IPV@2021-06-01", "IPV", "2021-12-01", "too_soon"),
    (OLD, "", "DTaP", "2020-04-15", "too_young"),
    (OLD, "DTaP@2020-04-15", "DTaP", "2020-05-15", "too_young"),
    (OLD, "DTaP@2020-06-01", "DTaP", "2020-06-29", "too_soon"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-05-15", "DTaP", "2020-06-15", "too_young"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-08-01", "DTaP", "2020-08-29", "too_soon"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-05-15 DTaP@2020-06-15", "DTaP", "2021-07-15", "too_young"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-05-15 DTaP@2021-06-01", "DTaP", "2021-12-01", "too_soon"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-05-15 DTaP@2020-06-15 DTaP@2021-07-15", "DT", "2026-01-15", "too_young"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-05-15 DTaP@2020-06-15 DTaP@2025-06-01", "DT", "2026-06-01", "too_soon"),
    (OLD, "DTaP@2020-04-15 DTaP@2020-05-15 DTaP@2025-12-01", "DT", "2026-06-01", "too_soon"),
    (OLD, "", "DT", "2026-01-15", "wrong_product"),
    (OLD, "DT@2026-01-15", "DT", "2026-02-15", "too_soon"),
    (OLD, "DT@2026-01-15 DT@2026-02-15", "DT", "2026-08-15", "too_soon"),
    (NEW, "", "DTaP", "2020-03-15", "too_young"),
    (NEW, "DTaP@2020-03-15", "DTaP", "2020-05-15", "too_young"),
    (NEW, "DTaP@2020-06-01", "DTaP", "2020-06-29", "too_soon"),
    (NEW, "DTaP@2020-03-15 DTaP@2020-05-15", "DTaP", "2020-07-15", "too_young"),
    (NEW, "DTaP@2020-03-15 DTaP@2020-08-01", "DTaP", "2020-08-29", "too_soon"),
    (NEW, "DTaP@2020-03-15 DTaP@2020-05-15 DTaP@2020-07-15", "DTaP", "2021-07-15", "too_young"),
    (NEW, "DTaP@2020-03-15 DTaP@2020-05-15 DTaP@2021-06-01", "DTaP", "2021-12-01", "too_soon"),
    (
        NEW,
        "DTaP@2020-03-15 DTaP@2020-05-15 DTaP@2020-07-15 DTaP@2021-07-15",
        "DTaP",
        "2026-01-15",
        "too_young",
    ),
    (
        NEW,
        "DTaP@2020-03-15 DTaP@2020-05-15 DTaP@2020-07-15 DTaP@2025-06-01",
        "DTaP",
        "2026-06-01",
        "too_soon",
    ),
    (NEW, "DTaP@2020-03-15 DTaP@2020-05-15 DTaP@2026-10-01", "DT", "2027-04-01", "too_soon"),
    (NEW, "DTaP@2020-03-15 DTaP@2020-05-15 DTaP@2020-07-15 DTaP@2026-10-01", "DT", "2027-10-01", "too_soon"),
    (NEW, "", "DT", "2027-01-15", "wrong_product"),
    (NEW, "DT@2027-01-15", "DT", "2027-02-15", "too_soon"),
    (NEW, "DT@2027-01-15 DT@2027-02-15", "DT", "2027-08-15", "too_soon"),
    (&["nip-2016", "nip-2016-ipv2"], "", "MR", "2020-09-15", "too_young"),
    (&["nip-2016", "nip-2016-ipv2"], "MR@2020-09-15", "MMR", "2021-07-15", "too_young"),
    (MMR, "", "MMR", "2020-09-15", "too_young"),
    (MMR, "MMR@2020-09-15", "MMR", "2021-07-15", "too_young"),
    (MMR, "MMR@2021-07-01", "MMR", "2021-07-29", "too_soon"),
    (ALL, "", "JE-L", "2020-09-15", "too_young"),
    (ALL, "JE-L@2020-09-15", "JE-L", "2022-01-15", "too_young"),
    (ALL, "JE-L@2021-06-01", "JE-L", "2022-06-01", "too_soon"),
    (ALL, "", "JE-I", "2020-09-15", "too_young"),
    (ALL, "JE-I@2020-09-15", "JE-I", "2020-09-22", "too_soon"),
    (ALL, "JE-I@2020-09-15 JE-I@2020-09-22", "JE-I", "2022-01-15", "too_young"),
    (ALL, "JE-I@2021-12-20 JE-I@2021-12-27", "JE-I", "2022-01-27", "too_soon"),
    (ALL, "JE-I@2020-09-15 JE-I@2020-09-22 JE-I@2022-01-15", "JE-I", "2026-01-15", "too_young"),
    (ALL, "JE-I@2020-09-15 JE-I@2020-09-22 JE-I@2024-01-15", "JE-I", "2027-01-15", "too_soon"),
    (ALL, "", "MPSV-A", "2020-07-15", "too_young"),
    (ALL, "MPSV-A@2020-07-15", "MPSV-A", "2020-10-15", "too_young"),
    (ALL, "MPSV-A@2020-09-01", "MPSV-A", "2020-12-01", "too_soon"),
    (ALL, "MPSV-A@2020-07-15 MPSV-A@2020-10-15", "MPSV-AC", "2023-01-15", "too_young"),
    (ALL, "MPSV-A@2020-07-15 MPSV-A@2022-06-01", "MPSV-AC", "2023-06-01", "too_soon"),
    (ALL, "", "MPSV-AC", "2022-01-15", "too_young"),
    (ALL, "MPSV-A@2020-07-15", "MPSV-AC", "2022-01-15", "too_young"),
    (ALL, "MPSV-A@2021-12-20", "MPSV-AC", "2022-03-20", "too_soon"),
    (ALL, "MPSV-AC@2022-01-15", "MPSV-AC", "2026-01-15", "too_young"),
    (ALL, "MPSV-AC@2024-01-15", "MPSV-AC", "2027-01-15", "too_soon"),
    (ALL, "MPSV-A@2020-07-15 MPSV-A@2020-10-15", "MCV4", "2023-01-15", "too_young"),
    (ALL, "", "HepA-L", "2021-07-15", "too_young"),
    (ALL, "", "HepA-I", "2021-07-15", "too_young"),
    (ALL, "HepA-I@2021-07-15", "HepA-I", "2022-01-15", "too_young"),
    (ALL, "HepA-I@2021-10-01", "HepA-I", "2022-04-01", "too_soon"),
    (ALL, "HepA-I@2021-10-01", "HepA-L", "2022-04-01", "too_soon"),
    (HPV, "", "HPV2", "2033-01-15", "too_young"),
    (HPV, "HPV2@2033-01-15", "HPV2", "2033-07-15", "too_soon"),
    (NEW, "", "PCV13", "2020-02-26", "too_young"),
    (NEW, "PCV13@2020-02-26", "PCV13", "2020-03-25", "too_soon"),
    (NEW, "", "Hib", "2020-03-15", "too_young"),
    (NEW, "", "RV5", "2020-02-26", "too_young"),
    (NEW, "", "RV1-LLR", "2020-03-15", "too_young"),
    (NEW, "RV1-LLR@2020-03-15", "RV1-LLR", "2021-03-15", "too_soon"),
    (NEW, "", "EV71", "2020-07-15", "too_young"),
    (NEW, "EV71@2020-07-15", "EV71", "2020-08-15", "too_soon"),
    (NEW, "", "IIV", "2020-07-15", "too_young"),
    (NEW, "IIV@2020-07-15", "IIV", "2020-08-12", "too_soon"),
    (NEW, "", "Varicella", "2021-01-15", "too_young"),
    (NEW, "Varicella@2021-01-15", "Varicella", "2021-04-15", "too_soon"),
    (NEW, "", "MCV4", "2020-04-15", "too_young"),
    (NEW, "", "HPV9", "2029-01-15", "too_young"),
    (NEW, "HPV9@2029-01-15", "HPV9", "2029-06-15", "too_soon"),
];

fn hold(child: &Child, cases: &[Case]) {
    for (editions, before, product, first, reason) in cases {
        for edition in *editions {
            let starts = always(edition.parse().unwrap());
            let judge = |on: NaiveDate| {
                let doses = given(&format!("{before} {product}@{on}"));
                plan(child, &doses, on, None, &starts).unwrap().doses
            };
            let good = judge(day(first));
            assert!(
                good.iter().all(|verdict| verdict.main.valid),
                "{edition} {before} {product} {first}: {good:?}"
            );
            let early = judge(day(first).pred_opt().unwrap()).last().unwrap().main;
            let why = early.reason.map(Reason::code);
            assert_eq!(
                (early.valid, why),
                (false, Some(*reason)),
                "{edition} {before} {product} before {first}"
            );
        }
    }
}

#[test]
fn every_minimum_age_and_interval_holds_to_the_day() {
    hold(&girl("2020-01-15"), CASES);
}

#[test]
fn four_doses_of_hepb_have_ages_of_their_own() {
    for (hbsag, grams, series) in [
        (Hbsag::Positive, Some(1_999), "hepb-hbsagpos-lbw"),
        (Hbsag::Unknown, Some(1_999), "hepb-hbsagpos-lbw"),
        (Hbsag::Positive, Some(2_000), "hepb"),
        (Hbsag::Negative, Some(1_999), "hepb"),
        (Hbsag::Positive, None, "hepb"),
    ] {
        let child = Child { mother_hbsag: hbsag, birth_weight_g: grams, ..girl("2020-01-15") };
        let plan = planned(&child, "", "2020-01-15");
        assert_eq!(of(&plan, "HepB").series.id, series, "{hbsag} {grams:?}");
        if series == "hepb" {
            continue;
        }
        let two = "HepB@2020-01-15 HepB@2020-02-15";
        hold(
            &child,
            &[
                (ALL, "HepB@2020-01-15", "HepB", "2020-02-15", "too_young"),
                (ALL, two, "HepB", "2020-03-15", "too_young"),
                (ALL, &format!("{two} HepB@2020-03-15"), "HepB", "2020-08-15", "too_young"),
                (ALL, &format!("{two} HepB@2020-07-01"), "HepB", "2020-08-30", "too_soon"),
            ],
        );
        let plan = planned(&child, "HepB@2020-01-15 HepB@2020-02-15 HepB@2020-07-15", "2020-08-01");
        let hepb = of(&plan, "HepB");
        assert_eq!(hepb.next.unwrap().rule, "hepb-hbsagpos-lbw.4");
        assert!(!hepb.why_zh().contains("hbsag") && hepb.why_en().contains("rule hepb-4.4"));
    }
}

/// The last good day is the day before; both the day itself and the one before are looked at.
#[test]
fn every_dose_with_a_deadline_is_late_from_its_day() {
    let a = "MPSV-A@2020-07-15";
    for (edition, doses, vaccine, late) in [
        ("nip-2021", "", "HepB", "2020-01-16"),
        ("nip-2021", "HepB@2020-01-15 HepB@2020-02-15", "HepB", "2021-01-15"),
        ("nip-2021", "", "BCG", "2020-04-15"),
        ("nip-2021", "IPV@2020-03-15 IPV@2020-04-15", "Polio", "2021-01-15"),
        ("nip-2026", "IPV@2020-03-15 IPV@2020-04-15 bOPV@2020-05-15", "Polio", "2025-01-15"),
        ("nip-2021", "DTaP@2020-04-15 DTaP@2020-05-15", "DTaP", "2021-01-15"),
        ("nip-2021", "DTaP@2020-04-15 DTaP@2020-05-15 DTaP@2020-06-15", "DTaP", "2022-01-15"),
        ("nip-2021", "", "MMR", "2021-01-15"),
        ("nip-2021", "MMR@2020-09-15", "MMR", "2022-01-15"),
        ("nip-2016", "", "MR/MMR", "2021-01-15"),
        ("nip-2021", "", "JE-L", "2021-01-15"),
        ("nip-2021", "JE-L@2020-09-15", "JE-L", "2023-01-15"),
        ("nip-2021", "JE-I@2020-09-15", "JE-I", "2020-09-26"),
        ("nip-2021", "JE-I@2020-09-15 JE-I@2020-09-22", "JE-I", "2023-01-15"),
        ("nip-2021", "JE-I@2020-09-15 JE-I@2020-09-22 JE-I@2022-01-15", "JE-I", "2027-01-15"),
        ("nip-2021", a, "MPSV-A", "2021-07-15"),
        ("nip-2026", "", "MPSV-A", "2021-01-15"),
        ("nip-2026", "MPSV-A@2020-07-15 MPSV-A@2020-10-15", "MPSV-AC", "2024-01-15"),
        ("nip-2026", "MPSV-AC@2023-01-15", "MPSV-AC", "2027-01-15"),
        ("nip-2026", "", "HepA-L", "2022-01-15"),
        ("nip-2026", "HepA-I@2021-07-15", "HepA-I", "2023-01-15"),
        ("nip-2026", "", "HPV2", "2034-01-15"),
        ("nip-2026", "HPV2@2033-03-01", "HPV2", "2034-03-01"),
    ] {
        let starts = always(edition.parse().unwrap());
        let status = |on: NaiveDate| {
            let plan = plan(&girl("2020-01-15"), &given(doses), on, None, &starts).unwrap();
            let one = of(&plan, vaccine);
            (one.status, one.next.unwrap().overdue_from, one.why_zh(), one.why_en())
        };
        let (before, on) = (status(day(late).pred_opt().unwrap()), status(day(late)));
        assert_eq!((before.0, on.0), (Status::Due, Status::Overdue), "{edition} {doses} {vaccine}");
        assert_eq!((before.1, on.1), (Some(day(late)), Some(day(late))));
        assert!(on.2.contains("逾期") && on.3.contains("overdue since") && !on.3.contains(": ("), "{}", on.3);
    }
}

/// Nothing is caught up from this day on; on the day before it still was.
#[test]
fn series_close_by_age() {
    for (doses, vaccine, closes, rule) in [
        ("", "BCG", "2024-01-15", "bcg-never"),
        ("MPSV-A@2020-07-15", "MPSV-A", "2022-01-15", "mpsva26-ge24"),
        ("", "DTaP", "2032-01-15", "dtap25-f"),
        ("", "HPV2", "2038-01-15", "hpv-fill"),
        ("", "HepB", "2038-01-15", "catch-up-age"),
        ("", "MMR", "2038-01-15", "catch-up-age"),
        ("", "Polio", "2038-01-15", "catch-up-age"),
    ] {
        let starts = always("nip-2026".parse().unwrap());
        let seen = |on: NaiveDate| {
            next_of(&plan(&girl("2020-01-15"), &given(doses), on, None, &starts).unwrap(), vaccine)
        };
        let before = seen(day(closes).pred_opt().unwrap());
        assert!(before.starts_with("due") || before.starts_with("overdue"), "{vaccine} {before}");
        assert_eq!(seen(day(closes)), format!("closed {rule}"));
    }
    // What could only be given after the last day is closed already.
    let plan = planned(&girl("2020-01-15"), "MPSV-A@2021-10-15", "2021-11-01");
    assert_eq!(next_of(&plan, "MPSV-A"), "closed mpsva-ge24");
    let plan = planned(&girl("2020-01-15"), "MPSV-A@2021-10-14", "2021-11-01");
    assert_eq!(next_of(&plan, "MPSV-A"), "not_yet_due 2 MPSV-A 2022-01-14 2021-07-15 mpsva-lt24");
}
