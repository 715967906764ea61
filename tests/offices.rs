//! Running regions, institutions, staff and targets.

use api::db::entities::{issuance, staff};
use api::demo::sign_ins;
use api::offices::targets;
use chrono::TimeDelta;
use domain::access::Role;
use domain::institution::AgencyClass;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::TargetIndicator;
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::people::{
    CITY, COUNTY, County, OTHER_COUNTY, PASSWORD, PROVINCE, StaffMember, TOWN, VILLAGE,
};
use crate::support::{Answer, Client, World, send};

async fn county_mch(world: &World, county: &County) -> StaffMember {
    world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

async fn put(client: &Client, path: &str, etag: &str, body: Value) -> Answer {
    client.change(Method::PUT, path, etag, body).await
}

async fn patch(client: &Client, path: &str, etag: &str, body: Value) -> Answer {
    client.change(Method::PATCH, path, etag, body).await
}

// --- Regions ------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_is_signed_in_reads_the_tree_of_regions() {
    let world = World::empty().await;
    world.county().await;
    let mother = world.family_user().await.client;
    let codes = async |path: &str| -> Vec<i64> {
        let list = mother.get(path).await.ok();
        list["items"].as_array().unwrap().iter().map(|item| item["code"].as_i64().unwrap()).collect()
    };
    assert_eq!(codes("/api/v1/regions").await, [370_000_000_000, PROVINCE]);
    assert_eq!(codes(&format!("/api/v1/regions?parent={COUNTY}")).await, [TOWN]);
    assert_eq!(codes(&format!("/api/v1/regions?parent={COUNTY}&level=village")).await, [0; 0]);
    assert_eq!(codes("/api/v1/regions?level=county").await, [OTHER_COUNTY, COUNTY]);
    let page = mother.get("/api/v1/regions?level=county&limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(codes(&format!("/api/v1/regions?level=county&limit=1&cursor={cursor}")).await, [COUNTY]);
    mother.get(&format!("/api/v1/regions?level=city&cursor={cursor}")).await.problem(400, "bad_cursor");

    let town = mother.get(&format!("/api/v1/regions/{TOWN}")).await;
    assert_eq!(town.ok()["name_zh"], "河沙镇");
    assert_eq!(town.etag(), "\"1\"");
    mother.get(&format!("/api/v1/regions/{TOWN}?level=county")).await.problem(404, "not_found");
    mother.get("/api/v1/regions/510999000000").await.problem(404, "not_found");
    mother.get("/api/v1/regions/abc").await.problem(404, "not_found");
    let wrong = mother.get("/api/v1/regions?level=street").await.problem(400, "bad_query");
    assert!(wrong["detail"].as_str().unwrap().contains("county"), "{wrong}");
    world.anybody().get("/api/v1/regions").await.problem(401, "not_signed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_administrator_adds_renames_and_removes_regions() {
    let world = World::empty().await;
    let county = world.county().await;
    let admin = world.system_administrator().await.client;
    let town =
        json!({ "code": 510_903_204_000_i64, "level": "town", "name_zh": " 新桥镇 ", "parent_code": COUNTY });
    let request =
        || admin.request(Method::POST, "/api/v1/regions").header("idempotency-key", "town").json(&town);
    let added = send(request()).await;
    assert_eq!((added.status.as_u16(), &added.json()["name_zh"]), (201, &json!("新桥镇")));
    assert_eq!(send(request()).await.json(), added.json(), "sent twice, added once");
    admin.post("/api/v1/regions", town.clone()).await.problem(409, "region_exists");

    let path = "/api/v1/regions/510903204000";
    let name = json!({ "name_zh": "新桥街道" });
    send(admin.request(Method::PATCH, path).json(&name)).await.problem(428, "if_match_required");
    let renamed = patch(&admin, path, "\"1\"", name.clone()).await;
    assert_eq!((renamed.etag(), &renamed.ok()["name_zh"]), ("\"2\"", &json!("新桥街道")));
    let stale = patch(&admin, path, "\"1\"", name.clone()).await.problem(412, "stale");
    assert!(stale["detail"].as_str().unwrap().contains('2'));
    assert_eq!(
        pointers(&patch(&admin, path, "\"2\"", json!({ "name_zh": " " })).await.problem(422, "invalid")),
        ["/name_zh"]
    );
    patch(&admin, path, "\"2\"", json!({ "code": 1 })).await.problem(422, "invalid");

    admin.delete(path).await.problem(428, "if_match_required");
    admin.change(Method::DELETE, path, "\"1\"", json!({})).await.problem(412, "stale");
    assert_eq!(admin.change(Method::DELETE, path, "\"2\"", json!({})).await.status, 204);
    admin.change(Method::DELETE, path, "\"2\"", json!({})).await.problem(404, "not_found");

    let mch = county_mch(&world, &county).await.client;
    mch.post("/api/v1/regions", town).await.problem(403, "forbidden");
    patch(&mch, &format!("/api/v1/regions/{TOWN}"), "\"1\"", name).await.problem(403, "forbidden");
    mch.change(Method::DELETE, &format!("/api/v1/regions/{TOWN}"), "\"1\"", json!({}))
        .await
        .problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_out_of_place_is_refused_with_the_reason() {
    let world = World::empty().await;
    world.county().await;
    let admin = world.system_administrator().await.client;
    let cases = [
        (json!({ "code": 510_903, "level": "county", "parent_code": CITY }), "/code"),
        (json!({ "code": 510_904_100_000_i64, "level": "county", "parent_code": CITY }), "/code"),
        (json!({ "code": 510_904_000_000_i64, "level": "county" }), "/parent_code"),
        (json!({ "code": 510_904_000_000_i64, "level": "county", "parent_code": COUNTY }), "/parent_code"),
        (
            json!({ "code": 510_904_000_000_i64, "level": "county", "parent_code": 370_800_000_000_i64 }),
            "/parent_code",
        ),
        (
            json!({ "code": 520_000_000_000_i64, "level": "province", "parent_code": PROVINCE }),
            "/parent_code",
        ),
        (json!({ "code": 510_904_000_000_i64, "level": "street", "parent_code": CITY }), "/level"),
        (json!({ "code": "510904000000", "level": "county", "parent_code": CITY }), "/code"),
    ];
    for (mut body, pointer) in cases {
        body["name_zh"] = json!("某区");
        let problem = admin.post("/api/v1/regions", body.clone()).await.problem(422, "invalid");
        assert_eq!(pointers(&problem), [pointer], "{body}");
    }
    let both = json!({ "code": 510_903, "level": "county", "name_zh": "", "parent_code": CITY });
    let problem = admin.post("/api/v1/regions", both).await.problem(422, "invalid");
    assert_eq!(pointers(&problem), ["/name_zh", "/code"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_something_names_stays() {
    let world = World::empty().await;
    let county = world.county().await;
    world.mother(&county).await;
    let admin = world.system_administrator().await.client;
    let remove = async |code: i64| {
        admin.change(Method::DELETE, &format!("/api/v1/regions/{code}"), "\"1\"", json!({})).await
    };
    let reason = |answer: Answer| answer.problem(409, "in_use")["detail"].as_str().unwrap().to_owned();
    assert!(reason(remove(CITY).await).contains("regions below"));
    assert!(reason(remove(OTHER_COUNTY).await).contains("institutions"));
    assert!(reason(remove(VILLAGE).await).contains("handbooks"));
    world.staff(&[Role::CityMch], None, 370_800_000_000, RegionLevel::City).await;
    assert!(reason(remove(370_800_000_000).await).contains("regions below"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_city_without_counties_carries_one_code_at_two_levels() {
    let world = World::empty().await;
    let admin = world.system_administrator().await.client;
    let code = 441_900_000_000_i64;
    for (code, level, parent) in [
        (440_000_000_000, "province", Value::Null),
        (code, "city", json!(440_000_000_000_i64)),
        (code, "county", json!(code)),
        (441_900_003_000, "town", json!(code)),
    ] {
        let body = json!({ "code": code, "level": level, "name_zh": "东莞市", "parent_code": parent });
        assert_eq!(admin.post("/api/v1/regions", body).await.status, 201);
    }
    assert_eq!(admin.get(&format!("/api/v1/regions/{code}")).await.ok()["level"], "city");
    assert_eq!(admin.get(&format!("/api/v1/regions/{code}?level=county")).await.ok()["level"], "county");
    let below = admin.get(&format!("/api/v1/regions?parent={code}&level=town")).await.ok();
    assert_eq!(below["items"].as_array().unwrap().len(), 1);
    let county = format!("/api/v1/regions/{code}?level=county");
    admin.change(Method::DELETE, &county, "\"1\"", json!({})).await.problem(409, "in_use");
    admin.change(Method::DELETE, "/api/v1/regions/441900003000", "\"1\"", json!({})).await;
    assert_eq!(admin.change(Method::DELETE, &county, "\"1\"", json!({})).await.status, 204);
    assert!(admin.get(&format!("/api/v1/regions/{code}")).await.status.is_success());
}

// --- Institutions -------------------------------------------------------------------------------------------------

fn new_institution() -> Value {
    json!({
        "name": "新桥镇卫生院", "region": { "code": TOWN, "level": "town" }, "classes": ["primary_care"],
        "level": "primary", "phone": "0825-2333333"
    })
}

fn at(id: impl std::fmt::Display) -> String {
    format!("/api/v1/institutions/{id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_adds_an_institution_of_its_own_and_changes_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let added = mch.post("/api/v1/institutions", new_institution()).await;
    assert_eq!(added.status, 201);
    let added = added.json();
    assert_eq!((&added["phone"], &added["can_issue"]), (&json!("08252333333"), &json!(false)));
    assert_eq!(added["obstacle"]["code"], "no_service_point");

    let path = at(added["id"].as_str().unwrap());
    let shown = mch.get(&path).await;
    assert_eq!((shown.ok(), shown.etag()), (added, "\"1\""));
    let change = json!({ "classes": ["primary_care", "midwifery"], "midwifery": true, "level": "secondary" });
    let changed = patch(&mch, &path, "\"1\"", change).await;
    assert_eq!((changed.etag(), &changed.ok()["level"]), ("\"2\"", &json!("secondary")));
    assert_eq!(changed.ok()["name"], "新桥镇卫生院", "what is left out stays");
    patch(&mch, &path, "\"1\"", json!({ "name": "x" })).await.problem(412, "stale");
    send(mch.request(Method::PATCH, &path).json(&json!({}))).await.problem(428, "if_match_required");
    let moved = json!({ "region": { "code": COUNTY, "level": "county" } });
    assert_eq!(pointers(&patch(&mch, &path, "\"2\"", moved).await.problem(422, "invalid")), ["/region"]);

    let rename = |name| json!({ "name": name });
    let (one, other) =
        tokio::join!(patch(&mch, &path, "\"2\"", rename("甲")), patch(&mch, &path, "\"2\"", rename("乙")));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_an_institution_is_told_at_once_and_nothing_is_added() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let mut wrong = new_institution();
    for (field, value) in [
        ("name", json!("  ")),
        ("phone", json!("12")),
        ("classes", json!(["midwifery", "midwifery"])),
        ("issues_to", json!(["child"])),
    ] {
        wrong[field] = value;
    }
    let problem = mch.post("/api/v1/institutions", wrong).await.problem(422, "invalid");
    assert_eq!(pointers(&problem), ["/name", "/phone", "/classes", "/midwifery", "/issues_to"]);
    let with = |field: &str, value: Value| {
        let mut body = new_institution();
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (with("classes", json!([])), "/classes"),
        (with("classes", json!(["hospital"])), "/classes/0"),
        (with("colour", json!("red")), "/colour"),
        (with("administrator", Value::Null), "/administrator"),
        (with("id", json!("7")), "/id"),
    ] {
        assert_eq!(
            pointers(&mch.post("/api/v1/institutions", body).await.problem(422, "invalid")),
            [pointer]
        );
    }
    let unknown = with("region", json!({ "code": 510_903_999_000_i64, "level": "town" }));
    mch.post("/api/v1/institutions", unknown).await.problem(422, "unknown_region");
    let taken = with("id", json!(county.hospital));
    mch.post("/api/v1/institutions", taken).await.problem(409, "id_in_use");
    let list = mch.get("/api/v1/institutions?name=新桥").await.ok();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_countys_institution_is_not_there_and_none_is_added_to_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let mut foreign = new_institution();
    foreign["region"] = json!({ "code": OTHER_COUNTY, "level": "county" });
    mch.post("/api/v1/institutions", foreign).await.problem(403, "out_of_scope");
    let mut city = new_institution();
    city["region"] = json!({ "code": CITY, "level": "city" });
    mch.post("/api/v1/institutions", city).await.problem(403, "out_of_scope");
    let path = at(county.foreign_hospital);
    mch.get(&path).await.problem(404, "not_found");
    patch(&mch, &path, "\"1\"", json!({ "name": "x" })).await.problem(404, "not_found");
    mch.post(&format!("{path}/end"), json!({})).await.problem(404, "not_found");
    mch.get(&format!("{path}/catchment")).await.problem(404, "not_found");
    put(&mch, &format!("{path}/catchment"), "\"1\"", json!({ "regions": [] }))
        .await
        .problem(404, "not_found");
    mch.get(&format!("/api/v1/institutions?region={OTHER_COUNTY}&level=county"))
        .await
        .problem(403, "out_of_scope");
    mch.get(&format!("/api/v1/institutions?region={COUNTY}")).await.problem(400, "bad_query");
    mch.get(&at("not-an-id")).await.problem(404, "not_found");

    let admin = world.system_administrator().await.client;
    assert!(admin.get(&path).await.status.is_success());
    assert_eq!(patch(&admin, &path, "\"1\"", json!({ "name": "任城区医院" })).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_works_in_the_county_sees_its_institutions_and_does_not_change_them() {
    let world = World::empty().await;
    let county = world.county().await;
    let doctor =
        world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await.client;
    let names = async |path: &str| -> Vec<String> {
        let list = doctor.get(path).await.ok();
        let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(name).collect()
    };
    let all = names("/api/v1/institutions").await;
    assert_eq!(all.len(), 5, "{all:?}");
    assert!(!all.contains(&"任城区人民医院".to_owned()));
    assert_eq!(names("/api/v1/institutions?class=kindergarten").await, ["河沙镇幼儿园"]);
    assert_eq!(names("/api/v1/institutions?name=人民医院").await, ["船山区人民医院"]);
    assert_eq!(names(&format!("/api/v1/institutions?region={TOWN}&level=town")).await.len(), 3);

    let mut walked = Vec::new();
    let mut path = "/api/v1/institutions?limit=2".to_owned();
    loop {
        let page = doctor.get(&path).await.ok();
        walked.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/institutions?limit=2&cursor={cursor}");
    }
    assert_eq!(walked, all);

    assert!(doctor.get(&at(county.mch)).await.status.is_success());
    doctor.post("/api/v1/institutions", new_institution()).await.problem(403, "forbidden");
    patch(&doctor, &at(county.health_centre), "\"1\"", json!({})).await.problem(403, "forbidden");
    let mother = world.family_user().await.client;
    mother.get("/api/v1/institutions").await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_point_issues_only_while_a_trained_administrator_works_there() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let centre =
        world.institution("新桥镇卫生院", TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], &[]).await;
    let path = at(centre);
    let obstacle = async || {
        let shown = mch.get(&path).await.ok();
        assert_eq!(shown["can_issue"], shown["obstacle"].is_null());
        shown["obstacle"]["code"].as_str().unwrap_or("none").to_owned()
    };
    let change = async |body: Value| {
        let etag = mch.get(&path).await.etag().to_owned();
        patch(&mch, &path, &etag, body).await
    };
    change(json!({ "is_service_point": true })).await.ok();
    assert_eq!(obstacle().await, "no_administrator");

    let roles = [Role::Clinician, Role::HandbookAdministrator];
    let elsewhere = world.staff(&roles, Some(county.hospital), COUNTY, RegionLevel::County).await;
    let doctor = world.staff(&[Role::Clinician], Some(centre), TOWN, RegionLevel::Town).await;
    let able = world.staff(&roles, Some(centre), TOWN, RegionLevel::Town).await;
    for (named, reason) in [(elsewhere.id, "not_here"), (doctor.id, "administrator_without_role")] {
        let problem = change(json!({ "administrator": named })).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], reason);
    }
    let able_path = format!("/api/v1/staff/{}", able.id);
    let train = async |day: Value| {
        let etag = mch.get(&able_path).await.etag().to_owned();
        patch(&mch, &able_path, &etag, json!({ "trained_on": day })).await.ok();
    };
    train(Value::Null).await;
    let problem = change(json!({ "administrator": able.id })).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "administrator_not_trained");
    train(json!("2026-03-01")).await;
    change(json!({ "administrator": able.id })).await.ok();
    assert_eq!(obstacle().await, "no_groups");
    change(json!({ "issues_to": ["pregnant", "child"] })).await.ok();
    assert_eq!(obstacle().await, "none");

    let etag = mch.get(&able_path).await.etag().to_owned();
    patch(&mch, &able_path, &etag, json!({ "institution": county.hospital })).await.ok();
    assert_eq!(obstacle().await, "administrator_moved");
    let etag = mch.get(&able_path).await.etag().to_owned();
    patch(&mch, &able_path, &etag, json!({ "institution": centre })).await.ok();
    assert_eq!(obstacle().await, "none");
    mch.post(&format!("{able_path}/leave"), json!({ "on": "2026-11-22" })).await.ok();
    assert_eq!(obstacle().await, "administrator_left");
    change(json!({ "administrator": null })).await.ok();
    assert_eq!(obstacle().await, "no_administrator");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_institution_ends_when_nothing_depends_on_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let centre =
        world.institution("新桥镇卫生院", TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], &[]).await;
    let doctor = world.staff(&[Role::Clinician], Some(centre), TOWN, RegionLevel::Town).await;
    let end = format!("{}/end", at(centre));
    let reason = |answer: Answer| answer.problem(409, "in_use")["detail"].as_str().unwrap().to_owned();
    assert!(reason(mch.post(&end, json!({})).await).contains("staff"));
    mch.post(&format!("/api/v1/staff/{}/leave", doctor.id), json!({ "on": "2026-11-22" })).await.ok();
    let village = json!({ "regions": [{ "code": VILLAGE, "level": "village" }] });
    put(&mch, &format!("{}/catchment", at(centre)), "\"1\"", village).await.ok();
    assert!(reason(mch.post(&end, json!({})).await).contains("catchment"));
    put(&mch, &format!("{}/catchment", at(centre)), "\"2\"", json!({ "regions": [] })).await.ok();
    send(mch.request(Method::POST, &end).json(&json!({}))).await.problem(400, "idempotency_key_required");
    let ended = mch.post(&end, json!({})).await.ok();
    assert_eq!(ended["obstacle"]["code"], "ended");
    mch.post(&end, json!({})).await.problem(409, "institution_ended");
    patch(&mch, &at(centre), "\"4\"", json!({ "name": "x" })).await.problem(409, "institution_ended");
    let new = new_staff("wang.nurse", &["clinician"], Some(centre), None);
    mch.post("/api/v1/staff", new).await.problem(409, "institution_ended");
    let list = mch.get("/api/v1/institutions?name=新桥").await.ok();
    assert_eq!(list["items"], json!([]));

    world.mother(&county).await;
    for path in [format!("/api/v1/staff?institution={}", county.health_centre)] {
        for item in mch.get(&path).await.ok()["items"].as_array().unwrap() {
            let leave = format!("/api/v1/staff/{}/leave", item["id"].as_str().unwrap());
            mch.post(&leave, json!({ "on": "2026-11-22" })).await.ok();
        }
    }
    let catchment = format!("{}/catchment", at(county.health_centre));
    put(&mch, &catchment, "\"1\"", json!({ "regions": [] })).await.ok();
    let managing = mch.post(&format!("{}/end", at(county.health_centre)), json!({})).await;
    assert!(reason(managing).contains("handbooks"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_managed_by_one_institution() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let centre = format!("{}/catchment", at(county.health_centre));
    let shown = mch.get(&centre).await;
    assert_eq!(shown.ok(), json!({ "regions": [{ "code": TOWN, "level": "town" }] }));
    let village = json!({ "regions": [{ "code": VILLAGE, "level": "village" }] });
    let set = put(&mch, &centre, shown.etag(), village.clone()).await;
    assert_eq!((set.ok(), set.etag()), (village.clone(), "\"2\""));
    assert_eq!(mch.get(&centre).await.ok(), village);
    put(&mch, &centre, "\"1\"", village.clone()).await.problem(412, "stale");

    let of_mch = format!("{}/catchment", at(county.mch));
    put(&mch, &of_mch, "\"1\"", village.clone()).await.problem(409, "catchment_taken");
    let kindergarten = format!("{}/catchment", at(county.kindergarten));
    put(&mch, &kindergarten, "\"1\"", village).await.problem(409, "cannot_manage");
    let regions = |code: i64, level: &str| json!({ "regions": [{ "code": code, "level": level }] });
    put(&mch, &of_mch, "\"1\"", regions(OTHER_COUNTY, "county")).await.problem(403, "out_of_scope");
    put(&mch, &of_mch, "\"1\"", regions(510_903_999_000, "town")).await.problem(422, "unknown_region");
    put(&mch, &of_mch, "\"1\"", regions(CITY, "city")).await.problem(422, "invalid");
    let twice = json!({ "regions": [{ "code": TOWN, "level": "town" }, { "code": TOWN, "level": "town" }] });
    put(&mch, &of_mch, "\"1\"", twice).await.problem(422, "invalid");
    assert_eq!(mch.get(&of_mch).await.etag(), "\"1\"", "nothing of it was changed");

    put(&mch, &of_mch, "\"1\"", json!({ "regions": [] })).await.ok();
    let both = regions(TOWN, "town");
    let (one, other) =
        tokio::join!(put(&mch, &of_mch, "\"2\"", both.clone()), put(&mch, &centre, "\"2\"", both));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

// --- Staff --------------------------------------------------------------------------------------------------------

fn new_staff(
    user_name: &str,
    roles: &[&str],
    institution: Option<domain::id::InstitutionId>,
    region: Option<(i64, &str)>,
) -> Value {
    let region = region.map(|(code, level)| json!({ "code": code, "level": level }));
    json!({
        "user_name": user_name, "name": "王小明", "title": "护士", "roles": roles,
        "institution": institution, "region": region
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_adds_a_nurse_who_changes_the_issued_password_before_anything_else() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let body = new_staff("wang.nurse", &["clinician"], Some(county.health_centre), None);
    let request =
        || mch.request(Method::POST, "/api/v1/staff").header("idempotency-key", "nurse").json(&body);
    let added = send(request()).await;
    assert_eq!(added.status, 201);
    let added = added.json();
    assert_eq!(send(request()).await.json(), added, "a lost answer is given again, with the same password");
    assert_eq!(added["region"], json!({ "code": TOWN, "level": "town" }), "that of the institution");
    let shown = mch.get(&format!("/api/v1/staff/{}", added["id"].as_str().unwrap())).await.ok();
    assert!(shown.get("password").is_none() && shown["name"] == "王小明");
    let row =
        staff::Entity::find_by_id(added["id"].as_str().unwrap().parse::<domain::id::StaffId>().unwrap());
    let row = row.one(world.app.db.read()).await.unwrap().unwrap();
    assert!(
        !String::from_utf8_lossy(&row.name).contains("王小明") && row.password_hash.starts_with("$argon2id$")
    );

    let password = added["password"].as_str().unwrap();
    let signed_in = world.sign_in("wang.nurse", password).await;
    assert_eq!(signed_in.ok()["me"]["must_change_password"], true);
    let nurse = world.as_signed_in(&signed_in);
    for path in ["/api/v1/sessions", "/api/v1/institutions", "/api/v1/regions"] {
        nurse.get(path).await.problem(403, "password_change_required");
    }
    nurse
        .post("/api/v1/staff/me/totp", json!({ "password": password }))
        .await
        .problem(403, "password_change_required");
    let change = json!({ "old_password": password, "new_password": PASSWORD });
    assert_eq!(nurse.post("/api/v1/staff/me/password", change).await.status, 204);
    assert!(nurse.get("/api/v1/institutions").await.status.is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_a_post_that_is_not_the_countys_to_give() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let here = Some(county.health_centre);
    let cases = [
        (new_staff("a.city", &["city_mch"], None, Some((CITY, "city"))), 403, "role_not_grantable"),
        (new_staff("an.admin", &["system_administrator"], None, None), 403, "role_not_grantable"),
        (
            new_staff("a.auth", &["health_authority"], None, Some((COUNTY, "county"))),
            403,
            "role_not_grantable",
        ),
        (new_staff("a.foreigner", &["clinician"], Some(county.foreign_hospital), None), 403, "out_of_scope"),
        (
            new_staff("a.village", &["village_worker"], None, Some((370_811_002_001, "village"))),
            403,
            "out_of_scope",
        ),
        (
            new_staff("a.village", &["village_worker"], None, Some((510_903_203_999, "village"))),
            422,
            "unknown_region",
        ),
    ];
    for (body, status, code) in cases {
        mch.post("/api/v1/staff", body).await.problem(status, code);
    }
    let cases = [
        (new_staff("li", &["clinician"], here, None), "/user_name"),
        (new_staff("Li.Doctor", &["clinician"], here, None), "/user_name"),
        (new_staff("demo.doctor", &["clinician"], here, None), "/user_name"),
        (new_staff("li.doctor", &[], here, None), "/roles"),
        (new_staff("li.doctor", &["clinician", "clinician"], here, None), "/roles"),
        (new_staff("li.doctor", &["doctor"], here, None), "/roles/0"),
        (new_staff("li.doctor", &["clinician"], None, None), "/institution"),
        (
            new_staff(
                "li.doctor",
                &["clinician"],
                Some(domain::id::InstitutionId(uuid::Uuid::now_v7())),
                None,
            ),
            "/institution",
        ),
        (new_staff("li.doctor", &["clinician"], here, Some((TOWN, "town"))), "/region"),
        (new_staff("li.doctor", &["village_worker"], here, None), "/region"),
        (new_staff("li.doctor", &["village_worker"], here, Some((TOWN, "town"))), "/region"),
    ];
    for (body, pointer) in cases {
        let problem = mch.post("/api/v1/staff", body.clone()).await.problem(422, "invalid");
        assert_eq!(pointers(&problem), [pointer], "{body}");
    }
    let mut late = new_staff("li.doctor", &["clinician"], here, None);
    late["trained_on"] = json!("2026-11-23");
    late["name"] = json!("");
    let problem = mch.post("/api/v1/staff", late).await.problem(422, "invalid");
    assert_eq!(pointers(&problem), ["/name", "/trained_on"]);
    world.sign_in("li.doctor", PASSWORD).await.problem(401, "wrong_credentials");

    let good = new_staff("li.doctor", &["clinician", "village_worker"], here, Some((VILLAGE, "village")));
    let added = mch.post("/api/v1/staff", good.clone()).await.ok();
    mch.post("/api/v1/staff", good.clone()).await.problem(409, "user_name_taken");
    let mut again = good;
    again["user_name"] = json!("zhang.doctor");
    again["id"] = added["id"].clone();
    mch.post("/api/v1/staff", again).await.problem(409, "id_in_use");
    let doctor = world.staff(&[Role::Clinician], here, TOWN, RegionLevel::Town).await.client;
    doctor.post("/api/v1/staff", json!({})).await.problem(403, "forbidden");
    doctor.get("/api/v1/staff").await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_take_one_user_name_at_once_are_told_apart() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let body = || new_staff("wang.nurse", &["clinician"], Some(county.health_centre), None);
    let (one, other) = tokio::join!(mch.post("/api/v1/staff", body()), mch.post("/api/v1/staff", body()));
    let mut answers = [one, other];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].status, 201);
    answers[1].problem(409, "user_name_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_countys_staff_are_not_there() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await;
    let foreigner = world
        .staff(&[Role::Clinician], Some(county.foreign_hospital), OTHER_COUNTY, RegionLevel::County)
        .await;
    let above = world.staff(&[Role::CityMch], None, CITY, RegionLevel::City).await;
    let admin = world.system_administrator().await;
    for id in [foreigner.id, above.id, admin.id] {
        let path = format!("/api/v1/staff/{id}");
        mch.client.get(&path).await.problem(404, "not_found");
        patch(&mch.client, &path, "\"1\"", json!({ "title": "x" })).await.problem(404, "not_found");
        mch.client
            .post(&format!("{path}/leave"), json!({ "on": "2026-11-22" }))
            .await
            .problem(404, "not_found");
        mch.client.post(&format!("{path}/reset-password"), json!({})).await.problem(404, "not_found");
    }
    assert!(foreigner.client.get("/api/v1/sessions").await.status.is_success());
    let ids = async |client: &Client, path: &str| -> Vec<String> {
        let list = client.get(path).await.ok();
        let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(id).collect()
    };
    let seen = ids(&mch.client, "/api/v1/staff?limit=100").await;
    assert!(seen.contains(&mch.id.to_string()));
    assert!(!seen.contains(&foreigner.id.to_string()) && !seen.contains(&above.id.to_string()));
    let of_foreign = format!("/api/v1/staff?institution={}", county.foreign_hospital);
    assert_eq!(ids(&mch.client, &of_foreign).await.len(), 0);
    mch.client.get(&format!("/api/v1/staff?region={CITY}&level=city")).await.problem(403, "out_of_scope");

    let everybody = ids(&admin.client, "/api/v1/staff?limit=100").await;
    assert!(everybody.contains(&admin.id.to_string()) && everybody.contains(&foreigner.id.to_string()));
    for (client, all) in [(&mch.client, &seen), (&admin.client, &everybody)] {
        let mut walked = Vec::new();
        let mut path = "/api/v1/staff?limit=3".to_owned();
        loop {
            let page = client.get(&path).await.ok();
            walked.extend(
                page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/staff?limit=3&cursor={cursor}");
        }
        assert_eq!(&walked, all);
    }
    let other = world.staff(&[Role::CountyMch], None, OTHER_COUNTY, RegionLevel::County).await.client;
    let mine = mch.client.get("/api/v1/staff?limit=1").await.ok();
    let cursor = mine["next_cursor"].as_str().unwrap();
    other.get(&format!("/api/v1/staff?cursor={cursor}")).await.problem(400, "bad_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_is_no_way_into_somebody_above_or_into_oneself() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await;
    let authority = world.staff(&[Role::HealthAuthority], None, COUNTY, RegionLevel::County).await;
    let path = format!("/api/v1/staff/{}", authority.id);
    assert!(mch.client.get(&path).await.status.is_success());
    mch.client.post(&format!("{path}/reset-password"), json!({})).await.problem(403, "role_not_grantable");
    mch.client
        .post(&format!("{path}/leave"), json!({ "on": "2026-11-22" }))
        .await
        .problem(403, "role_not_grantable");
    patch(&mch.client, &path, "\"1\"", json!({ "title": "x" })).await.problem(403, "role_not_grantable");
    let own = format!("/api/v1/staff/{}", mch.id);
    patch(&mch.client, &own, "\"1\"", json!({ "roles": ["county_mch", "clinician"] }))
        .await
        .problem(403, "not_yourself");
    mch.client
        .post(&format!("{own}/leave"), json!({ "on": "2026-11-22" }))
        .await
        .problem(403, "not_yourself");
    mch.client.post(&format!("{own}/reset-password"), json!({})).await.problem(403, "not_yourself");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_moves_has_another_scope_at_the_next_request() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let doctor = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let path = format!("/api/v1/staff/{}", doctor.id);
    let moved = patch(&mch, &path, "\"1\"", json!({ "institution": county.hospital })).await;
    assert_eq!(moved.ok()["region"], json!({ "code": COUNTY, "level": "county" }));
    let me = doctor.client.get("/api/v1/me").await.ok();
    assert_eq!((&me["institution"], &me["region_level"]), (&json!(county.hospital), &json!("county")));
    patch(&mch, &path, "\"1\"", json!({ "title": "x" })).await.problem(412, "stale");
    send(mch.request(Method::PATCH, &path).json(&json!({}))).await.problem(428, "if_match_required");
    let abroad = json!({ "institution": county.foreign_hospital });
    patch(&mch, &path, "\"2\"", abroad.clone()).await.problem(403, "out_of_scope");
    patch(&mch, &path, "\"2\"", json!({ "roles": ["city_mch"] })).await.problem(422, "invalid");
    let promotion = json!({ "roles": ["clinician", "village_worker"], "region": { "code": VILLAGE, "level": "village" } });
    assert_eq!(patch(&mch, &path, "\"2\"", promotion).await.ok()["region"]["level"], "village");
    let back = json!({ "roles": ["clinician"], "region": null });
    assert_eq!(patch(&mch, &path, "\"3\"", back).await.ok()["region"]["level"], "county");

    let admin = world.system_administrator().await.client;
    patch(&admin, &path, "\"4\"", abroad).await.ok();
    mch.get(&path).await.problem(404, "not_found");
    assert_eq!(doctor.client.get("/api/v1/me").await.ok()["region_code"], OTHER_COUNTY);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_is_out_at_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let id = world
        .employee("li.doctor", &[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
    let signed_in = world.sign_in("li.doctor", PASSWORD).await;
    let doctor = world.as_signed_in(&signed_in);
    assert!(doctor.get("/api/v1/institutions").await.status.is_success());
    let leave = format!("/api/v1/staff/{id}/leave");
    let wrong = mch.post(&leave, json!({ "on": "2026-11-21" })).await.problem(422, "invalid");
    assert_eq!(pointers(&wrong), ["/on"]);
    mch.post(&leave, json!({ "on": "tomorrow" })).await.problem(422, "invalid");
    mch.post(&leave, json!({ "on": "2026-11-23" })).await.ok();
    assert!(doctor.get("/api/v1/me").await.status.is_success(), "until tomorrow");
    mch.post(&leave, json!({ "on": "2026-11-22" })).await.ok();
    doctor.get("/api/v1/me").await.problem(401, "not_signed_in");
    let refresh = json!({ "refresh_token": signed_in.ok()["refresh_token"] });
    world.anybody().post("/api/v1/sign-in/refresh", refresh).await.problem(401, "refresh_refused");
    world.sign_in("li.doctor", PASSWORD).await.problem(401, "wrong_credentials");
    mch.post(&leave, json!({ "on": "2026-11-22" })).await.problem(409, "staff_left");
    mch.post(&format!("/api/v1/staff/{id}/reset-password"), json!({})).await.problem(409, "staff_left");
    let path = format!("/api/v1/staff/{id}");
    let etag = mch.get(&path).await.etag().to_owned();
    patch(&mch, &path, &etag, json!({ "title": "x" })).await.problem(409, "staff_left");
    let listed = async |path: &str| mch.get(path).await.text().contains(&id.to_string());
    assert!(!listed("/api/v1/staff?limit=100").await);
    assert!(listed("/api/v1/staff?limit=100&include_left=true").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_leaving_that_comes_ends_access_by_itself() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let id = world
        .employee("li.doctor", &[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
    mch.post(&format!("/api/v1/staff/{id}/leave"), json!({ "on": "2026-11-23" })).await.ok();
    world.advance(TimeDelta::hours(11) + TimeDelta::minutes(55));
    let doctor = world.sign_in("li.doctor", PASSWORD).await;
    let doctor = world.as_signed_in(&doctor);
    assert!(doctor.get("/api/v1/me").await.status.is_success(), "five minutes before midnight in China");
    world.advance(TimeDelta::minutes(6));
    doctor.get("/api/v1/me").await.problem(401, "not_signed_in");
    world.sign_in("li.doctor", PASSWORD).await.problem(401, "wrong_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_sessions_and_waiting_and_takes_a_lost_authenticator_away() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = county_mch(&world, &county).await.client;
    let id = world
        .employee("li.doctor", &[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
    let doctor = world.sign_in("li.doctor", PASSWORD).await;
    let doctor = world.as_signed_in(&doctor);
    let begun = doctor.post("/api/v1/staff/me/totp", json!({ "password": PASSWORD })).await.ok();
    let secret = totp_rs::Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let code = totp.generate(world.now().timestamp().unsigned_abs()).to_string();
    assert_eq!(doctor.post("/api/v1/staff/me/totp/confirm", json!({ "code": code })).await.status, 204);
    for _ in 0..5 {
        world.sign_in("li.doctor", "forgotten").await.problem(401, "wrong_credentials");
    }
    world.sign_in("li.doctor", PASSWORD).await.problem(429, "too_many_tries");

    let reset = format!("/api/v1/staff/{id}/reset-password");
    mch.post(&reset, json!({ "password": "mine" })).await.problem(422, "invalid");
    assert!(doctor.get("/api/v1/me").await.status.is_success());
    let first = mch.post(&reset, json!({})).await.ok();
    doctor.get("/api/v1/me").await.problem(401, "not_signed_in");
    world.sign_in("li.doctor", PASSWORD).await.problem(401, "wrong_credentials");
    let first = first["password"].as_str().unwrap();
    world.sign_in("li.doctor", first).await.problem(401, "totp_required");
    let second = mch.post(&reset, json!({ "remove_second_factor": true })).await.ok();
    world.sign_in("li.doctor", first).await.problem(401, "wrong_credentials");
    let signed_in = world.sign_in("li.doctor", second["password"].as_str().unwrap()).await.ok();
    assert_eq!(signed_in["me"]["must_change_password"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_administrator_sees_no_health_data_and_stands_alone() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let admin = world.system_administrator().await.client;
    let both = new_staff("both.roles", &["system_administrator", "clinician"], Some(county.hospital), None);
    assert_eq!(pointers(&admin.post("/api/v1/staff", both).await.problem(422, "invalid")), ["/roles"]);
    let second =
        admin.post("/api/v1/staff", new_staff("second.admin", &["system_administrator"], None, None)).await;
    assert_eq!(second.ok()["region"], Value::Null);
    let city = new_staff("a.city", &["city_mch"], None, Some((CITY, "city")));
    assert_eq!(admin.post("/api/v1/staff", city).await.status, 201);
    assert!(!admin.get("/api/v1/staff?limit=100").await.text().contains(&mother.person.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_demo_is_known_by_its_user_names() {
    let world = World::empty().await;
    let county = world.county().await;
    let here = Some(county.health_centre);
    world.employee("demonstrator", &[Role::Clinician], here, TOWN, RegionLevel::Town).await;
    assert!(!sign_ins::are_in(&world.app.db).await.unwrap());
    world.employee("demo.nurse", &[Role::Clinician], here, TOWN, RegionLevel::Town).await;
    assert!(sign_ins::are_in(&world.app.db).await.unwrap());
}

// --- Targets ------------------------------------------------------------------------------------------------------

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
