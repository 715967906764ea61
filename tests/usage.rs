//! An administrator's day: how many handbooks were issued and are used, against the target.

use std::collections::BTreeMap;
use std::io::Read;

use api::db::entities::{handbook, region, target};
use api::usage::roll_up;
use chrono::{DateTime, TimeDelta, Utc};
use domain::access::Role;
use domain::calendar::{Month, day_in_china};
use domain::handbook::{Group, State};
use domain::id::{HandbookId, InstitutionId};
use domain::institution::AgencyClass;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::{Evidence, Found, Tally, TargetIndicator};
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::people::{CITY, COUNTY, County, OTHER_COUNTY, PROVINCE, TOWN, VILLAGE};
use crate::support::{Answer, Client, World, send};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

async fn county_desk(world: &World) -> Client {
    world.staff(&[Role::CountyMch], None, COUNTY, RegionLevel::County).await.client
}

/// Two handbooks of three are used, one of a hospital and one of the health centre.
async fn three_issued(world: &World, county: &County) -> [handbook::Model; 3] {
    let now = world.now();
    let by_centre = world.issued(county.health_centre, Group::Pregnant, now).await;
    let by_hospital = world.issued(county.hospital, Group::Pregnant, now).await;
    let planned = world.issued(county.township_office, Group::Planning, now).await;
    world.evidence(&by_centre, Evidence::Entry, now).await;
    world.evidence(&by_centre, Evidence::Scan, now + TimeDelta::hours(1)).await;
    world.evidence(&by_hospital, Evidence::Checkup, now).await;
    [by_centre, by_hospital, planned]
}

fn rate_of(answer: &Value) -> (i64, i64, Option<&str>, &str) {
    let count = |name: &str| answer[name].as_i64().unwrap();
    (count("issued"), count("used"), answer["rate"].as_str(), answer["rate_printed"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_sees_groups_columns_and_the_rate_against_the_target() {
    let world = World::empty().await;
    let county = world.county().await;
    three_issued(&world, &county).await;
    let usage = county_desk(&world).await.get("/api/v1/usage?from=2026-10&to=2026-12").await.ok();

    assert_eq!(rate_of(&usage["total"]), (3, 2, Some("66.7"), "66.7"));
    assert_eq!(usage["region"], json!({ "code": COUNTY, "level": "county", "name": "船山区" }));
    let [planning, pregnant, child] = usage["groups"].as_array().unwrap().as_slice() else {
        panic!("{usage}")
    };
    assert_eq!(rate_of(planning), (1, 0, Some("0.0"), "0.0"));
    assert_eq!(rate_of(pregnant), (2, 2, Some("100.0"), "100.0"));
    assert_eq!(rate_of(child), (0, 0, None, "—"));
    let columns: Vec<_> = pregnant["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["column"].clone(), c["issued"].clone()))
        .collect();
    assert_eq!(
        columns,
        [(json!("primary_care"), json!(1)), (json!("midwifery"), json!(1)), (json!("other"), json!(0))]
    );

    assert_eq!(
        usage["target"],
        json!({ "percent": 50, "year": 2026, "met": true }),
        "the first year of the programme here"
    );
    assert_eq!(rate_of(&usage["cumulative"]), (3, 2, Some("66.7"), "66.7"));
    assert_eq!(usage["cumulative"]["since"], "2026-11");
    assert_eq!(usage["quarters"].as_array().unwrap().len(), 1);
    assert_eq!(
        (usage["quarters"][0]["year"].clone(), usage["quarters"][0]["quarter"].clone()),
        (json!(2026), json!(4))
    );

    assert_eq!(usage["children"][0]["region"]["name"], "河沙镇");
    assert_eq!(rate_of(&usage["children"][0]), (2, 1, Some("50.0"), "50.0"));
    assert_eq!(rate_of(&usage["directly"]), (1, 1, Some("100.0"), "100.0"), "the hospital stands in no town");
    let institutions: BTreeMap<_, _> = usage["institutions"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["name"].as_str().unwrap(), rate_of(item)))
        .collect();
    let expected = [
        ("河沙镇卫健办", (1, 0, Some("0.0"), "0.0")),
        ("河沙镇卫生院", (1, 1, Some("100.0"), "100.0")),
        ("船山区人民医院", (1, 1, Some("100.0"), "100.0")),
    ];
    assert_eq!(institutions, expected.into());
    assert_eq!(world.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definition_stands_in_the_answer_in_both_languages() {
    let world = World::empty().await;
    world.county().await;
    let desk = county_desk(&world).await;
    let chinese = desk.get("/api/v1/usage").await.ok();
    assert!(chinese["definition"].as_str().unwrap().contains("使用率＝使用数÷发放总数"));
    assert_eq!(chinese["evidence"][0], json!({ "kind": "entry", "label": "家庭自我记录" }));
    assert_eq!(chinese["period"], json!({ "from": "2026-01", "to": "2026-11" }), "this year until now");
    let english = desk.request(reqwest::Method::GET, "/api/v1/usage").header("accept-language", "en");
    let english = send(english).await.ok();
    assert!(english["definition"].as_str().unwrap().contains("a replacement is not an issue"));
    assert_eq!(english["groups"][1]["label"], "pregnant women");
    let kinds: Vec<_> =
        english["evidence"].as_array().unwrap().iter().map(|kind| kind["kind"].clone()).collect();
    assert_eq!(kinds, ["entry", "scan", "checkup", "follow_up"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_county_sees_the_rate_move_as_soon_as_a_handbook_is_used() {
    let world = World::empty().await;
    let county = world.county().await;
    let [_, _, planned] = three_issued(&world, &county).await;
    let desk = county_desk(&world).await;
    world.evidence(&planned, Evidence::Entry, world.now()).await;
    assert_eq!(rate_of(&desk.get("/api/v1/usage").await.ok()["total"]), (3, 3, Some("100.0"), "100.0"));
}

// --- Right in every mixture of rolled-up and live months ---------------------------------------------------------------

const DONGGUAN: i64 = 441_900_000_000;
const SECOND_COUNTY: i64 = 510_904_000_000;

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

async fn more_regions(world: &World) {
    let rows = [
        (440_000_000_000, RegionLevel::Province, "广东省", None),
        (DONGGUAN, RegionLevel::City, "东莞市", Some(440_000_000_000)),
        (DONGGUAN, RegionLevel::County, "东莞市", Some(DONGGUAN)),
        (441_900_003_000, RegionLevel::Town, "东城街道", Some(DONGGUAN)),
        (SECOND_COUNTY, RegionLevel::County, "安居区", Some(CITY)),
        (510_904_100_000, RegionLevel::Town, "安居镇", Some(SECOND_COUNTY)),
    ];
    let rows = rows.map(|(code, level, name, parent)| region::ActiveModel {
        code: Set(RegionCode(code)),
        level: Set(level),
        name_zh: Set(name.to_owned()),
        parent_code: Set(parent.map(RegionCode)),
        version: Set(1),
    });
    region::Entity::insert_many(rows).exec_without_returning(world.app.db.write()).await.unwrap();
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
async fn a_history(world: &World) -> Vec<Issue> {
    let mut issuers = issuers(world).await;
    let mut dice = Dice(7);
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

/// A desk that reads everything of its province, by the first two digits of the code.
async fn province_desks(world: &World) -> BTreeMap<i64, Client> {
    let mut desks = BTreeMap::new();
    for province in [PROVINCE, 440_000_000_000] {
        let staff = world.staff(&[Role::ProvinceMch], None, province, RegionLevel::Province).await;
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
    let issues = a_history(&world).await;
    let desks = province_desks(&world).await;

    check_against(&world, &desks, &issues).await;
    roll_up::carry_out(&world.app, month("2026-03")).await.unwrap();
    check_against(&world, &desks, &issues).await;
    roll_up::carry_out(&world.app, month("2026-10")).await.unwrap();
    roll_up::carry_out(&world.app, month("2026-10")).await.unwrap();
    check_against(&world, &desks, &issues).await;
}

// --- Who may read what ------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn a_county_reads_its_own_region_and_nobody_elses() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = county_desk(&world).await;
    desk.get(&format!("/api/v1/usage?region={TOWN}")).await.ok();
    desk.get(&format!("/api/v1/usage?institution={}", county.hospital)).await.ok();
    for path in [
        format!("/api/v1/usage?region={OTHER_COUNTY}"),
        format!("/api/v1/usage?region={CITY}"),
        format!("/api/v1/usage?institution={}", county.foreign_hospital),
        format!("/api/v1/usage/days?region={OTHER_COUNTY}"),
    ] {
        desk.get(&path).await.problem(403, "out_of_scope");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_administrator_reads_the_own_institution_only() {
    let world = World::empty().await;
    let county = world.county().await;
    three_issued(&world, &county).await;
    let roles = [Role::HandbookAdministrator, Role::VillageWorker];
    let desk = world.staff(&roles, Some(county.health_centre), TOWN, RegionLevel::Town).await.client;
    let own = desk.get("/api/v1/usage").await.ok();
    assert_eq!(own["institution"], json!({ "id": county.health_centre, "name": "河沙镇卫生院" }));
    assert_eq!(
        (rate_of(&own["total"]), own["region"]["name"].clone()),
        ((1, 1, Some("100.0"), "100.0"), json!("河沙镇"))
    );
    assert_eq!(own, desk.get(&format!("/api/v1/usage?institution={}", county.health_centre)).await.ok());
    assert!(own.get("institutions").is_none() && own["children"] == json!([]));
    desk.get(&format!("/api/v1/usage?institution={}", county.hospital)).await.problem(403, "out_of_scope");
    desk.get(&format!("/api/v1/usage?region={TOWN}")).await.problem(403, "out_of_scope");
    assert_eq!(desk.get("/api/v1/usage/days?days=1").await.ok()["items"][0]["issued"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_business_with_figures_is_refused() {
    let world = World::empty().await;
    let county = world.county().await;
    let clinician = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    let mother = world.mother(&county).await;
    for path in ["/api/v1/usage", "/api/v1/usage/days"] {
        world.anybody().get(path).await.problem(401, "not_signed_in");
        clinician.client.get(path).await.problem(403, "forbidden");
        village.client.get(path).await.problem(403, "forbidden");
        mother.user.client.get(path).await.problem(403, "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_says_what_is_wrong() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = county_desk(&world).await;
    for (query, reason) in [
        ("from=2026-13", "from: YYYY-MM"),
        ("to=11/2026", "to: YYYY-MM"),
        ("from=2026-11&to=2026-10", "ends before it begins"),
        ("from=2016-11&to=2026-11", "at most 120 months"),
        ("region=51", "region: 12 digits"),
        ("region=510903000000&level=planet", "province, city, county, town, village"),
        ("level=county", "level: region"),
        ("institution=42", "institution: UUID"),
        ("format=pdf", "json | xlsx"),
        ("limit=101", "limit 1–100"),
    ] {
        let problem = desk.get(&format!("/api/v1/usage?{query}")).await.problem(400, "bad_query");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{query}: {problem}");
    }
    let both = format!("/api/v1/usage?region={COUNTY}&institution={}", county.hospital);
    desk.get(&both).await.problem(400, "bad_query");
    desk.get("/api/v1/usage?form=xlsx").await.problem(400, "bad_query");
    desk.get("/api/v1/usage?cursor=abc").await.problem(400, "bad_cursor");
    desk.get("/api/v1/usage?region=510999000000").await.problem(422, "unknown_region");
    desk.get(&format!("/api/v1/usage?region={COUNTY}&level=city")).await.problem(422, "unknown_region");
    desk.get(&format!("/api/v1/usage?institution={}", uuid::Uuid::now_v7())).await.problem(404, "not_found");
    for days in ["0", "93"] {
        desk.get(&format!("/api/v1/usage/days?days={days}")).await.problem(400, "bad_query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn institutions_are_paged_by_name() {
    let world = World::empty().await;
    let county = world.county().await;
    three_issued(&world, &county).await;
    let desk = county_desk(&world).await;
    let mut names = Vec::new();
    let mut path = "/api/v1/usage?limit=2".to_owned();
    loop {
        let page = desk.get(&path).await.ok()["institutions"].clone();
        names.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/usage?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    let whole = desk.get("/api/v1/usage").await.ok()["institutions"]["items"].clone();
    let whole: Vec<_> =
        whole.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!((names.len(), &names), (3, &whole), "the kindergarten and the MCH institution issue nothing");
}

// --- Targets ----------------------------------------------------------------------------------------------------------

async fn set_target(world: &World, code: i64, level: RegionLevel, year: i32, percent: i32) {
    let row = target::ActiveModel {
        region_code: Set(RegionCode(code)),
        region_level: Set(level),
        year: Set(year),
        indicator: Set(TargetIndicator::HandbookUsage),
        percent: Set(percent),
        version: Set(1),
    };
    target::Entity::insert(row).exec_without_returning(world.app.db.write()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_target_holds_and_the_programmes_own_grows_by_the_year() {
    let world = World::empty().await;
    let county = world.county().await;
    let early = world.issued(county.hospital, Group::Pregnant, at("2025-06-01T02:00:00Z")).await;
    world.issued(county.hospital, Group::Pregnant, at("2026-06-01T02:00:00Z")).await;
    world.evidence(&early, Evidence::Scan, at("2025-06-02T02:00:00Z")).await;
    let desk = county_desk(&world).await;
    let target =
        async |year: &str| desk.get(&format!("/api/v1/usage?to={year}-12")).await.ok()["target"].clone();
    assert_eq!(target("2025").await, json!({ "percent": 50, "year": 2025, "met": true }));
    assert_eq!(target("2026").await, json!({ "percent": 75, "year": 2026, "met": false }));
    assert_eq!(target("2024").await, json!({ "percent": 50, "year": 2024, "met": null }));
    set_target(&world, PROVINCE, RegionLevel::Province, 2026, 60).await;
    assert_eq!(target("2026").await["percent"], 60);
    set_target(&world, COUNTY, RegionLevel::County, 2026, 50).await;
    assert_eq!(target("2026").await, json!({ "percent": 50, "year": 2026, "met": true }));
    assert_eq!(target("2025").await["percent"], 50, "a target holds for its year");
}

// --- The last days ----------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn the_last_days_are_listed_one_by_one() {
    let world = World::empty().await;
    let county = world.county().await;
    let handbook = world.issued(county.hospital, Group::Pregnant, at("2026-11-20T15:59:00Z")).await;
    world.issued(county.foreign_hospital, Group::Pregnant, world.now()).await;
    world.evidence(&handbook, Evidence::Entry, at("2026-11-20T16:00:00Z")).await;
    let days = county_desk(&world).await.get("/api/v1/usage/days?days=3").await.ok();
    let expected = json!([
        { "day": "2026-11-20", "issued": 1, "used": 0 },
        { "day": "2026-11-21", "issued": 0, "used": 1 },
        { "day": "2026-11-22", "issued": 0, "used": 0 },
    ]);
    assert_eq!(days["items"], expected);
}

// --- The sheet --------------------------------------------------------------------------------------------------------

/// The texts and numbers of a sheet, row by row.
fn rows_of(sheet: &Answer) -> Vec<Vec<String>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&sheet.bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let (strings, cells) = (part("xl/sharedStrings.xml"), part("xl/worksheets/sheet1.xml"));
    assert!(!cells.contains("<f>"), "no cell is a formula");
    let strings: Vec<_> = strings.split("<si>").skip(1).map(|item| between(item, ">", "</t>")).collect();
    let cell = |cell: &str| {
        let value = between(cell, "<v>", "</v>");
        if cell.contains("t=\"s\"") { strings[value.parse::<usize>().unwrap()].clone() } else { value }
    };
    let filled = |row: &str| row.split("<c ").skip(1).filter(|text| text.contains("<v>")).map(cell).collect();
    cells.split("<row ").skip(1).map(filled).collect()
}

fn between(text: &str, from: &str, to: &str) -> String {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_city_downloads_the_quarterly_report_form() {
    let world = World::empty().await;
    let county = world.county().await;
    more_regions(&world).await;
    three_issued(&world, &county).await;
    let desk = world.staff(&[Role::CityMch], None, CITY, RegionLevel::City).await.client;
    let sheet = desk.get("/api/v1/usage?from=2026-10&to=2026-12&format=xlsx").await;
    assert_eq!(sheet.status, 200, "{}", sheet.text());
    assert_eq!(
        sheet.headers["content-disposition"],
        "attachment; filename=\"usage-510900000000-2026-10-2026-12.xlsx\""
    );
    let rows = rows_of(&sheet);
    assert_eq!(rows[0], ["遂宁市母子健康手册推广工作季报表"]);
    assert_eq!(rows[1], ["（2026年4季度）"]);
    assert_eq!(rows[2], ["区（县）：遂宁市", "填表时间：2026年11月22日"]);
    let groups = [
        "区（县）",
        "针对计划怀孕妇女发放手册及发放机构",
        "计划怀孕妇女使用手册",
        "针对孕妇发放手册及发放机构",
        "孕妇使用手册",
        "针对儿童发放手册及发放机构",
        "儿童使用手册",
    ];
    assert_eq!(rows[3], groups);
    let columns = "发放总数 乡镇（街道）计生办发放数 孕前优生健康检查服务机构发放数 其他机构 使用数 使用率 \
                   发放总数 基层医疗卫生机构发放数 助产机构发放数 其他机构 使用数 使用率 \
                   发放总数 基层医疗卫生机构发放数 其他机构 使用数 使用率";
    assert_eq!(rows[4].join(" "), columns);
    let figures = "1 1 0 0 0 0 2 1 1 0 2 1 0 0 0 0 —";
    let none = "0 0 0 0 0 — 0 0 0 0 0 — 0 0 0 0 —";
    assert_eq!(rows[5].join(" "), format!("船山区 {figures}"));
    assert_eq!(rows[6].join(" "), format!("安居区 {none}"));
    assert_eq!(rows[7].join(" "), format!("合计 {figures}"));
    assert_eq!(rows[8], ["使用数根据各发放机构的发放数和随访使用情况统计。使用率=使用数/发放总数*100%。"]);
    assert!(rows[9][0].contains("换发不计为发放"));
    assert_eq!(rows[10], ["使用证据种类：家庭自我记录、扫码就诊、医务人员检查记录、随访确认使用。"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_downloads_its_institutions_and_a_name_is_never_a_formula() {
    let world = World::empty().await;
    let county = world.county().await;
    let name = "=HYPERLINK(\"http://example.cn\")";
    let clever =
        world.institution(name, TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], Group::ALL).await;
    world.issued(clever, Group::Child, world.now()).await;
    world.issued(county.health_centre, Group::Child, world.now()).await;
    let desk = world.staff(&[Role::TownshipOffice], None, TOWN, RegionLevel::Town).await.client;
    let request = desk.request(reqwest::Method::GET, "/api/v1/usage?from=2026-11&to=2026-11");
    let sheet =
        send(request.header("accept", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
            .await;
    let rows = rows_of(&sheet);
    assert_eq!(
        (rows[0][0].as_str(), rows[1][0].as_str()),
        ("河沙镇母子健康手册推广工作报表", "（2026年11月至2026年11月）")
    );
    let first: Vec<_> = rows[5..9].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(first, ["=HYPERLINK(\"http://example.cn\")", "河沙镇卫健办", "河沙镇卫生院", "合计"]);
    assert_eq!((rows[5][13].as_str(), rows[8][13].as_str()), ("1", "2"));
}

// --- Usage follow-up --------------------------------------------------------------------------------------------------

fn follow_up_of(handbook: HandbookId) -> String {
    format!("/api/v1/handbooks/{handbook}/usage-follow-up")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_found_in_use_on_paper_counts_as_used() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let office =
        world.staff(&[Role::TownshipOffice], Some(county.township_office), TOWN, RegionLevel::Town).await;
    let desk = county_desk(&world).await;
    let used = async || desk.get("/api/v1/usage").await.ok()["total"]["used"].clone();

    let path = follow_up_of(mother.handbook);
    let lost = office.client.post(&path, json!({ "found": "not_used", "note": "一直放在家里" })).await;
    assert_eq!((lost.status.as_u16(), lost.ok()["found"].clone()), (201, json!("not_used")));
    assert_eq!(used().await, 0, "only a handbook that is used counts");

    let id = uuid::Uuid::now_v7();
    let body = json!({ "id": id, "found": "used" });
    let first = send(office.client.request(reqwest::Method::POST, &path).json(&body)).await;
    let again = send(office.client.request(reqwest::Method::POST, &path).json(&body)).await;
    assert_eq!((first.status.as_u16(), first.ok()), (201, again.ok()), "sent twice, done once");
    let other =
        send(office.client.request(reqwest::Method::POST, &path).json(&json!({ "id": id, "found": "lost" })))
            .await;
    other.problem(409, "id_in_use");
    assert_eq!(used().await, 1);
    let kept = api::db::entities::usage_follow_up::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!(kept, 2);
    assert_eq!(world.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_village_the_office_and_the_issuing_desk_follow_up_and_nobody_else() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = follow_up_of(mother.handbook);
    let found = || json!({ "found": Found::Lost });
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await.client;
    let centre = Some(county.health_centre);
    let administrator =
        world.staff(&[Role::HandbookAdministrator], centre, TOWN, RegionLevel::Town).await.client;
    village.post(&path, found()).await.ok();
    administrator.post(&path, found()).await.ok();

    let clinician = world.staff(&[Role::Clinician], centre, TOWN, RegionLevel::Town).await.client;
    let foreign = world.staff(&[Role::TownshipOffice], None, OTHER_COUNTY, RegionLevel::County).await.client;
    clinician.post(&path, found()).await.problem(403, "forbidden");
    county_desk(&world).await.post(&path, found()).await.problem(403, "forbidden");
    foreign.post(&path, found()).await.problem(404, "not_found");
    mother.user.client.post(&path, found()).await.problem(403, "forbidden");
    world.anybody().post(&path, found()).await.problem(401, "not_signed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_makes_no_sense_changes_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = follow_up_of(mother.handbook);
    let office = world.staff(&[Role::TownshipOffice], None, TOWN, RegionLevel::Town).await.client;
    for (body, pointer) in [
        (json!({ "found": "maybe" }), "/found"),
        (json!({}), "/found"),
        (json!({ "found": "used", "colour": 1 }), "/colour"),
        (json!({ "found": "used", "note": "长".repeat(501) }), "/note"),
        (json!({ "found": "used", "note": "a\u{7}" }), "/note"),
    ] {
        let problem = office.post(&path, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let without_key = office.request(reqwest::Method::POST, &path).json(&json!({ "found": "used" }));
    send(without_key).await.problem(400, "idempotency_key_required");
    let closed =
        handbook::ActiveModel { id: Set(mother.handbook), state: Set(State::Closed), ..Default::default() };
    handbook::Entity::update(closed).exec(world.app.db.write()).await.unwrap();
    office.post(&path, json!({ "found": "used" })).await.problem(409, "handbook_closed");
    let kept = api::db::entities::usage_follow_up::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!(kept, 0);
    assert_eq!(county_desk(&world).await.get("/api/v1/usage").await.ok()["total"]["used"], 0);
}
