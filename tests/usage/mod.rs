//! An administrator's day: how many handbooks were issued and are used, against the target.

mod follow_up;
mod recount;
mod sheet;
mod small;

use std::collections::BTreeMap;

use api::db::entities::{handbook, region, target};
use chrono::{DateTime, TimeDelta, Utc};
use domain::access::Role;
use domain::calendar::Month;
use domain::handbook::Group;
use domain::place::{RegionCode, RegionLevel};
use domain::usage::{Evidence, TargetIndicator};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::people::{CITY, COUNTY, County, OTHER_COUNTY, PROVINCE, TOWN, VILLAGE};
use crate::support::{Client, World, send};

const DONGGUAN: i64 = 441_900_000_000;
const SECOND_COUNTY: i64 = 510_904_000_000;

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
    let both = format!("region={COUNTY}&institution={}", county.hospital);
    for (query, parameter, allowed) in [
        ("from=2026-13", "from", "2026-11"),
        ("from=1900-01", "from", "1970-01"),
        ("to=11/2026", "to", "2026-11"),
        ("from=2026-11&to=2026-10", "to", "from"),
        ("from=2016-11&to=2026-11", "from", "120个月"),
        ("region=county", "region", "整数"),
        ("region=51", "region", "12位"),
        ("region=9223372036854775807", "region", "12位"),
        ("region=510903000000&level=planet", "level", "province, city, county, town, village"),
        ("level=county", "region", "level"),
        ("institution=42", "institution", "UUID"),
        ("format=pdf", "format", "json, xlsx"),
        ("limit=101", "limit", "1至100"),
        ("limit=1&limit=2", "limit", "重复"),
        ("form=xlsx", "form", "format"),
        (&both, "institution", "region"),
    ] {
        let problem = desk.get(&format!("/api/v1/usage?{query}")).await.problem(400, "bad_query");
        let error = &problem["errors"][0];
        assert_eq!(error["parameter"], parameter, "{query}: {problem}");
        assert!(error["message"].as_str().unwrap().contains(allowed), "{query}: {problem}");
    }
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
