//! Every figure is right in every mixture of what is added up and what was counted since.

use std::collections::BTreeMap;

use api::usage::roll_up;
use chrono::TimeDelta;
use domain::access::Role;
use domain::calendar::{Month, day_in_china};
use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::institution::AgencyClass;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::{Evidence, Tally};
use serde_json::{Value, json};

use super::{DONGGUAN, SECOND_COUNTY, at, month, more_regions, rate_of};
use crate::support::people::{CITY, COUNTY, PROVINCE, TOWN, VILLAGE};
use crate::support::{Client, World};

/// One issue, as the test remembers it.
struct Issue {
    code: i64,
    institution: InstitutionId,
    group: Group,
    issued_in: Month,
    used_in: Option<Month>,
}

/// What the naive reader counts: the definition, word by word.
fn recounted(issues: &[Issue], of: impl Fn(&Issue) -> bool, first: Month, last: Month) -> Tally {
    let issued =
        issues.iter().filter(|issue| of(issue) && first <= issue.issued_in && issue.issued_in <= last);
    let (mut count, mut used) = (0, 0);
    for issue in issued {
        count += 1;
        used += i64::from(issue.used_in.is_some_and(|used_in| used_in <= last));
    }
    Tally { issued: count, used }
}

/// Numbers without a pattern, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Institutions at every level, among them of the city itself, of a village, and of a city without counties.
async fn issuers(world: &World) -> Vec<(InstitutionId, i64)> {
    use AgencyClass::{MchCity, Midwifery, PreconceptionCheckProvider, PrimaryCare};
    let places: [(&str, i64, RegionLevel, &[AgencyClass]); 8] = [
        ("市妇幼保健院", CITY, RegionLevel::City, &[MchCity, Midwifery]),
        ("船山区中医院", COUNTY, RegionLevel::County, &[Midwifery]),
        ("河沙镇中心卫生院", TOWN, RegionLevel::Town, &[PrimaryCare, Midwifery]),
        ("长虹村卫生室", VILLAGE, RegionLevel::Village, &[PrimaryCare]),
        ("安居区计划生育服务站", SECOND_COUNTY, RegionLevel::County, &[PreconceptionCheckProvider]),
        ("安居镇卫生院", 510_904_100_000, RegionLevel::Town, &[PrimaryCare]),
        ("东莞市妇幼保健院", DONGGUAN, RegionLevel::City, &[Midwifery]),
        ("东城街道社区卫生服务中心", 441_900_003_000, RegionLevel::Town, &[PrimaryCare]),
    ];
    let mut issuers = Vec::new();
    for (name, code, level, classes) in places {
        issuers.push((world.institution(name, code, level, classes, Group::ALL).await, code));
    }
    issuers
}

/// Some hundred issues of fourteen months, about two of three used by and by. Halfway one institution moves.
async fn a_history(world: &World, issuers: &mut [(InstitutionId, i64)], seed: u64) -> Vec<Issue> {
    let mut dice = Dice(seed);
    let mut issues = Vec::new();
    for round in 0..300_u64 {
        if round == 150 {
            // The health centre of 河沙镇 moves to the other county; what it issued stays where it was issued.
            world.moves(issuers[2].0, 510_904_100_000).await;
            issuers[2].1 = 510_904_100_000;
        }
        let (institution, code) = issuers[usize::try_from(dice.below(8)).unwrap()];
        let group = Group::ALL[usize::try_from(dice.below(3)).unwrap()];
        let issued_at =
            at("2025-09-15T20:00:00Z") + TimeDelta::minutes(dice.below(430 * 24 * 60).cast_signed());
        let handbook = world.issued(institution, group, issued_at).await;
        let mut uses: Vec<_> = [Evidence::Entry, Evidence::Scan, Evidence::FollowUp]
            .map(|kind| (issued_at + TimeDelta::minutes(dice.below(150 * 24 * 60).cast_signed()), kind))
            .into_iter()
            .filter(|(at, _)| *at <= world.now() && dice.below(3) == 0)
            .collect();
        uses.sort();
        for (at, kind) in &uses {
            world.evidence(&handbook, *kind, *at).await;
        }
        let in_month = |at| Month::of(day_in_china(at));
        issues.push(Issue {
            code,
            institution,
            group,
            issued_in: in_month(issued_at),
            used_in: uses.first().map(|(at, _)| in_month(*at)),
        });
    }
    issues
}

/// A desk that reads everything of its province, small counts too, by the first two digits of the code.
async fn province_desks(world: &World) -> BTreeMap<i64, Client> {
    let mut desks = BTreeMap::new();
    for province in [PROVINCE, 440_000_000_000] {
        let staff = world.staff(&[Role::CountyMch], None, province, RegionLevel::Province).await;
        desks.insert(province / 10_000_000_000, staff.client);
    }
    desks
}

async fn check_against(world: &World, desks: &BTreeMap<i64, Client>, issues: &[Issue]) {
    let places = [
        (510_000_000_000, RegionLevel::Province),
        (440_000_000_000, RegionLevel::Province),
        (CITY, RegionLevel::City),
        (DONGGUAN, RegionLevel::City),
        (DONGGUAN, RegionLevel::County),
        (COUNTY, RegionLevel::County),
        (SECOND_COUNTY, RegionLevel::County),
        (TOWN, RegionLevel::Town),
        (510_904_100_000, RegionLevel::Town),
        (VILLAGE, RegionLevel::Village),
    ];
    let periods = [
        ("2026-10", "2026-11"),
        ("2025-11", "2026-04"),
        ("2025-09", "2026-11"),
        ("2026-02", "2026-02"),
        ("2020-01", "2025-08"),
    ];
    for (code, level) in places {
        let region = Region { code: RegionCode(code), level };
        let inside = |issue: &Issue| region.holds(RegionCode(issue.code));
        for (from, to) in periods {
            let path = format!("/api/v1/usage?region={code}&level={level}&from={from}&to={to}");
            let usage = desks[&(code / 10_000_000_000)].get(&path).await.ok();
            let (first, last) = (month(from), month(to));
            same(&usage["total"], recounted(issues, inside, first, last), &path);
            same(&usage["cumulative"], recounted(issues, inside, Month(0), last), &path);
            for (at, group) in Group::ALL.iter().enumerate() {
                let of_group = |issue: &Issue| inside(issue) && issue.group == *group;
                same(&usage["groups"][at], recounted(issues, of_group, first, last), &path);
            }
            for quarter in usage["quarters"].as_array().unwrap() {
                let edge = |name: &str| month(quarter[name].as_str().unwrap());
                same(quarter, recounted(issues, inside, edge("from"), edge("to")), &path);
            }
            for child in usage["children"].as_array().unwrap() {
                let level: RegionLevel = child["region"]["level"].as_str().unwrap().parse().unwrap();
                let child_region =
                    Region { code: RegionCode(child["region"]["code"].as_i64().unwrap()), level };
                let in_child = |issue: &Issue| child_region.holds(RegionCode(issue.code));
                same(child, recounted(issues, in_child, first, last), &path);
            }
            if let Some(items) = usage["institutions"]["items"].as_array() {
                let by = |item: &Value| item["id"].as_str().unwrap().parse::<InstitutionId>().unwrap();
                for item in items {
                    let here = |issue: &Issue| inside(issue) && issue.institution == by(item);
                    same(item, recounted(issues, here, first, last), &path);
                }
                let listed: i64 = items.iter().map(|item| item["issued"].as_i64().unwrap()).sum();
                assert_eq!(listed, usage["total"]["issued"], "no issuing institution is missing: {path}");
            }
            let parts = usage["children"].as_array().unwrap().iter().chain(usage.get("directly"));
            let parts: i64 = parts.map(|part| part["issued"].as_i64().unwrap()).sum();
            assert!(
                usage["children"] == json!([]) || parts == usage["total"]["issued"],
                "the parts add up: {path}"
            );
        }
    }
    let differences = world.differences().await;
    assert_eq!(differences, []);
}

#[track_caller]
fn same(answer: &Value, counted: Tally, path: &str) {
    let (issued, used, _, printed) = rate_of(answer);
    assert_eq!((Tally { issued, used }, printed), (counted, counted.rate_as_printed().as_str()), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_a_naive_recount_before_between_and_after_roll_ups() {
    let world = World::empty().await;
    world.county().await;
    more_regions(&world).await;
    let mut issuers = issuers(&world).await;
    let issues = a_history(&world, &mut issuers, 7).await;
    let desks = province_desks(&world).await;

    check_against(&world, &desks, &issues).await;
    roll_up::carry_out(&world.app).await.unwrap();
    roll_up::carry_out(&world.app).await.unwrap();
    check_against(&world, &desks, &issues).await;
    // A history that is counted later stands in counters that are partly added up.
    let more = a_history(&world, &mut issuers, 8).await;
    let issues: Vec<_> = issues.into_iter().chain(more).collect();
    check_against(&world, &desks, &issues).await;
    roll_up::carry_out(&world.app).await.unwrap();
    check_against(&world, &desks, &issues).await;
}
