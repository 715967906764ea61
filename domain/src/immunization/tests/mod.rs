//! The tables, the tool's own example, and a childhood by each edition; more beside.

mod ages;
mod properties;
mod special;
mod speed;

use chrono::NaiveDate;

use super::*;
use crate::person::Sex;
use crate::place::Scope;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn edition(id: &str) -> Edition {
    id.parse().unwrap()
}

pub(super) fn girl(born_on: &str) -> Child {
    Child { mother_hbsag: Hbsag::Negative, ..Child::new(day(born_on), Sex::Female) }
}

fn with(child: Child, conditions: &[&str]) -> Child {
    Child { conditions: conditions.iter().map(|word| word.parse().unwrap()).collect(), ..child }
}

/// `HepB@2026-08-10 BCG@2026-08-10`.
fn given(text: &str) -> Vec<Given> {
    let dose = |word: &str| {
        let (product, on) = word.split_once('@').unwrap();
        Given { product: product.parse().unwrap(), on: day(on), self_paid: false }
    };
    text.split_whitespace().map(dose).collect()
}

fn planned(child: &Child, doses: &str, on: &str) -> Plan {
    plan(child, &given(doses), day(on), None, &Starts::national()).unwrap()
}

fn of<'a>(plan: &'a Plan, vaccine: &str) -> &'a SeriesPlan {
    plan.series.iter().find(|one| one.series.vaccine == vaccine).unwrap()
}

/// Status, number, earliest and overdue day, rule.
fn next_of(plan: &Plan, vaccine: &str) -> String {
    let one = of(plan, vaccine);
    let Some(next) = one.next else { return format!("{} {}", one.status, one.rule) };
    let late = next.overdue_from.map_or("-".to_owned(), |late| late.to_string());
    let products: Vec<_> = next.products.iter().map(Product::code).collect();
    format!("{} {} {} {} {late} {}", one.status, next.dose, products.join("|"), next.earliest, next.rule)
}

/// What each dose is worth in its first course: `hepb.2`, or the reason.
fn verdicts(child: &Child, doses: &str) -> Vec<String> {
    let doses = given(doses);
    let on = doses.iter().map(|dose| dose.on).max().unwrap().max(Edition::all().next().unwrap().starts_on());
    let plan = plan(child, &doses, on, None, &Starts::national()).unwrap();
    plan.doses.iter().map(|verdict| told(&verdict.main)).collect()
}

fn told(counted: &Counted) -> String {
    match (counted.number, counted.reason) {
        (Some(number), None) => format!("{}.{number}", counted.series),
        (Some(number), Some(reason)) => format!("{}.{number} {reason}", counted.series),
        (None, reason) => reason.map(|reason| reason.code().to_owned()).unwrap_or_default(),
    }
}

/// A program in which one edition was always in force.
pub(super) fn always(edition: Edition) -> Starts {
    let never = Edition::all()
        .fold(Starts::national(), |starts, other| starts.with(other, Scope::Nation, day("2300-01-01")));
    never.with(edition, Scope::Nation, day("1900-01-01"))
}

#[test]
fn the_tables_hold_what_the_programme_has() {
    let mut series: Vec<_> = Edition::all().flat_map(Edition::series).collect();
    series.sort_by_key(|one| one.id.as_str());
    series.dedup_by_key(|one| one.id.as_str());
    let doses: usize = series.iter().map(|one| usize::from(one.total)).sum();
    assert_eq!((Edition::all().count(), series.len(), doses, Product::all().count()), (7, 19, 55, 32));
    assert!(Edition::all().is_sorted_by_key(Edition::starts_on));
    for product in Product::all() {
        assert_eq!(product.code().parse(), Ok(product));
        assert!((1..=3).contains(&product.courses().len()), "{product}");
    }
    for edition in Edition::all() {
        assert_eq!(edition.id().parse(), Ok(edition));
        assert!(!edition.zh().is_empty() && !edition.document().is_empty());
    }
    assert_eq!("nip-1999".parse::<Edition>(), Err(UnknownEdition("nip-1999".into())));
    assert_eq!("hepb".parse::<Product>(), Err(UnknownProduct("hepb".into())));
}

#[test]
fn every_rule_says_something_in_both_languages() {
    let rules = include_str!("../../../data/immunization_rules.toml");
    let table: toml::Table = rules.parse().unwrap();
    let source = [
        include_str!("../course.rs"),
        include_str!("../due.rs"),
        include_str!("../table.rs"),
        include_str!("../../../data/immunization.toml"),
    ];
    for rule in table.keys() {
        let quoted = format!("\"{rule}\"");
        assert!(source.iter().any(|text| text.contains(&quoted)), "nobody uses {rule}");
        let [zh, en] = table::tables().clause(rule).unwrap();
        assert!(!zh.is_empty() && en.is_ascii() && !en.ends_with('.') && !zh.ends_with('。'));
        assert!(!zh.contains("HIV") && !en.contains("HIV") && !en.contains("HBsAg"));
    }
    for series in Edition::all().flat_map(Edition::series) {
        let dt = series.dt.iter().flat_map(|dt| [&dt.fewer_than_3, &dt.enough, &dt.after_3, &dt.after_4]);
        let rules = dt.chain([&series.fill, &series.closed_by]).chain(&series.fill_later);
        for rule in rules {
            assert!(table.contains_key(rule), "{rule}");
        }
    }
}

#[test]
fn the_example_of_the_tool() {
    let plan = planned(&girl("2026-08-10"), "HepB@2026-08-10", "2026-08-30");
    assert_eq!(plan.edition.id(), "nip-2026");
    assert_eq!(told(&plan.doses[0].main), "hepb.1");
    assert_eq!(next_of(&plan, "HepB"), "not_yet_due 2 HepB 2026-09-10 - hepb.2");
    let hepb = of(&plan, "HepB");
    assert_eq!(hepb.label().unwrap(), "HepB-2");
    assert_eq!(hepb.next.unwrap().recommended, day("2026-09-10"));
    assert_eq!(hepb.series_overdue_from, Some(day("2027-08-10")));
    assert_eq!(
        hepb.why_zh(),
        "乙肝疫苗第2剂最早于2026-09-10接种：满1个月，距上一剂不少于28天（规则hepb.2，nip-2026）。"
    );
    assert_eq!(
        hepb.why_en(),
        "HepB-2 is given from 2026-09-10 on: from the age of 1 month, at least 28 days after the dose before (rule \
         hepb.2 of nip-2026)."
    );
    let vaccines: Vec<_> = plan.series.iter().map(|one| one.series.vaccine.as_str()).collect();
    assert_eq!(
        vaccines,
        ["HepB", "BCG", "Polio", "DTaP", "MMR", "JE-L", "MPSV-A", "MPSV-AC", "HepA-L", "HPV2"]
    );
}

/// A whole childhood by the ages of each edition: every dose is valid, and at the end nothing is open.
#[test]
fn a_child_vaccinated_at_the_ages_of_an_edition_is_complete() {
    for edition in Edition::all() {
        let starts = always(edition);
        for (je, hepa) in [(Kind::Live, Kind::Live), (Kind::Inactivated, Kind::Inactivated)] {
            for born_on in ["2012-03-15", "2021-08-31", "2024-02-29"] {
                let child = Child { je: Some(je), hepa: Some(hepa), ..girl(born_on) };
                let doses = by_the_ages(&child, edition);
                let last = doses.iter().map(|dose| dose.on).max().unwrap();
                let plan = plan(&child, &doses, last, None, &starts).unwrap();
                for verdict in &plan.doses {
                    assert!(verdict.main.valid, "{edition} {born_on} {verdict:?}");
                }
                for one in &plan.series {
                    assert_eq!(one.status, Status::Complete, "{edition} {born_on} {}", one.series.id);
                }
            }
        }
    }
}

/// The first product of each dose on the day of its age, or of its interval where that is later.
fn by_the_ages(child: &Child, edition: Edition) -> Vec<Given> {
    let skipped = |series: &&Series| {
        let is_other_kind = match series.course {
            Course::JeLive => child.je == Some(Kind::Inactivated),
            Course::JeInactivated => child.je == Some(Kind::Live),
            Course::HepaLive => child.hepa == Some(Kind::Inactivated),
            Course::HepaInactivated => child.hepa == Some(Kind::Live),
            _ => false,
        };
        is_other_kind || ["hepb-hbsagpos-lbw", "polio-allipv"].contains(&series.id.as_str())
    };
    let mut doses = Vec::new();
    for series in edition.series().filter(|series| !skipped(series)) {
        let mut last: Option<NaiveDate> = None;
        for rule in &series.doses {
            let by_interval = last.zip(rule.after).map(|(last, after)| after.after(last));
            let on = rule.age.after(child.born_on).max(by_interval.unwrap_or(child.born_on));
            doses.push(Given { product: rule.products[0], on, self_paid: false });
            last = Some(on);
        }
    }
    doses
}
