//! What a region is held against in a year.

use api::db::entities::{issuance, usage_counter};
use api::offices::targets;
use domain::access::Role;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::TargetIndicator;
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::{county_mch, pointers, put};
use crate::support::people::{CITY, COUNTY, OTHER_COUNTY, PROVINCE, TOWN};
use crate::support::{World, send};

fn targets_of(code: i64, level: &str, year: i32) -> String {
    format!("/api/v1/targets?region={code}&level={level}&year={year}")
}

fn usage(targets: &Value) -> (i64, i64) {
    let found = targets["targets"].as_array().unwrap();
    let usage = found.iter().find(|target| target["indicator"] == "handbook_usage").unwrap();
    (usage["percent"].as_i64().unwrap(), usage["version"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_grow_from_the_year_of_the_first_issue() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let percent = async |year| usage(&mch.get(&targets_of(COUNTY, "county", year)).await.ok()).0;
    assert_eq!([percent(2026).await, percent(2030).await], [50, 50], "not launched yet");
    world.mother(&county).await;
    let issue = issuance::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    api::usage::count::issued(world.app.db.write(), &issue).await.unwrap();
    let years = [percent(2025).await, percent(2026).await, percent(2027).await, percent(2028).await];
    assert_eq!(years, [50, 50, 75, 100]);
    let shown = mch.get(&targets_of(COUNTY, "county", 2027)).await.ok();
    assert_eq!(shown["launched_in"], 2026);
    let others = shown["targets"].as_array().unwrap().iter().skip(1);
    assert!(others.clone().count() == 4 && others.into_iter().all(|target| target["percent"] == 100));
    let counter = usage_counter::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    for is_rolled_up in [false, true] {
        if is_rolled_up {
            api::usage::roll_up::carry_out(&world.app).await.unwrap();
        }
        for level in [RegionLevel::Village, RegionLevel::Town, RegionLevel::County] {
            let region = Region { code: counter.region_code.at(level), level };
            let launched_in = targets::launched_in(world.app.db.read(), region).await.unwrap();
            assert_eq!(launched_in, Some(2026), "{level:?}, rolled up: {is_rolled_up}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_held_against_its_own_target_or_the_nearest_above() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let province = world.staff(&[Role::ProvinceMch], None, PROVINCE, RegionLevel::Province).await.client;
    let body = |percent: i64| json!({ "indicator": "handbook_usage", "percent": percent });
    put(&province, &targets_of(PROVINCE, "province", 2027), "\"0\"", body(80)).await.ok();
    let seen = mch.get(&targets_of(COUNTY, "county", 2027)).await.ok();
    assert_eq!(usage(&seen), (80, 0));
    assert_eq!(seen["targets"][0]["set_by"], json!({ "code": PROVINCE, "level": "province" }));

    let own = targets_of(COUNTY, "county", 2027);
    send(mch.request(Method::PUT, &own).json(&body(85))).await.problem(428, "if_match_required");
    let set = put(&mch, &own, "\"0\"", body(85)).await;
    assert_eq!((set.etag(), &set.ok()["percent"]), ("\"1\"", &json!(85)));
    put(&mch, &own, "\"0\"", body(90)).await.problem(412, "stale");
    put(&mch, &own, "\"1\"", body(90)).await.ok();
    assert_eq!(usage(&mch.get(&own).await.ok()), (90, 2));
    let town = Region { code: RegionCode(TOWN), level: RegionLevel::Town };
    let of_town = targets::of(world.app.db.read(), town, 2027, TargetIndicator::HandbookUsage).await.unwrap();
    assert_eq!((of_town.percent, of_town.version), (90, 0));
    assert_eq!(usage(&province.get(&targets_of(CITY, "city", 2027)).await.ok()).0, 80);

    let later = targets_of(COUNTY, "county", 2028);
    let (one, other) =
        tokio::join!(put(&mch, &later, "\"0\"", body(91)), put(&mch, &later, "\"0\"", body(92)));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sets_the_target_of_another_region() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let body = json!({ "indicator": "handbook_usage", "percent": 10 });
    for (code, level) in [(OTHER_COUNTY, "county"), (CITY, "city")] {
        put(&mch, &targets_of(code, level, 2027), "\"0\"", body.clone()).await.problem(403, "out_of_scope");
    }
    mch.get(&targets_of(OTHER_COUNTY, "county", 2027)).await.problem(403, "out_of_scope");
    mch.get(&targets_of(PROVINCE, "province", 2027)).await.ok();
    let own = targets_of(COUNTY, "county", 2027);
    for (field, value) in [("percent", json!(101)), ("percent", json!(-1)), ("indicator", json!("births"))] {
        let mut wrong = body.clone();
        wrong[field] = value;
        let problem = put(&mch, &own, "\"0\"", wrong).await.problem(422, "invalid");
        assert_eq!(pointers(&problem), [format!("/{field}")]);
    }
    put(&mch, &targets_of(COUNTY, "county", 1999), "\"0\"", body.clone()).await.problem(400, "bad_query");
    mch.get(&format!("/api/v1/targets?region={COUNTY}&level=county")).await.problem(400, "bad_query");
    put(&mch, &targets_of(510_903_999_000, "town", 2027), "\"0\"", body.clone())
        .await
        .problem(422, "unknown_region");
    let desk = world
        .staff(&[Role::HandbookAdministrator], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
    desk.client.get(&own).await.ok();
    put(&desk.client, &own, "\"0\"", body).await.problem(403, "forbidden");
    let doctor =
        world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await.client;
    doctor.get(&own).await.problem(403, "forbidden");
}
