//! Institutions of a county: added, changed, made service points, ended.

use domain::access::Role;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use super::{county_mch, new_staff, patch, pointers, put};
use crate::support::people::{CITY, COUNTY, OTHER_COUNTY, TOWN, VILLAGE};
use crate::support::{Answer, World, send};

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
    assert!(reason(mch.post(&end, json!({})).await).contains("在职人员"));
    mch.post(&format!("/api/v1/staff/{}/leave", doctor.id), json!({ "on": "2026-11-22" })).await.ok();
    let village = json!({ "regions": [{ "code": VILLAGE, "level": "village" }] });
    put(&mch, &format!("{}/catchment", at(centre)), "\"1\"", village).await.ok();
    assert!(reason(mch.post(&end, json!({})).await).contains("管理范围"));
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
    assert!(reason(managing).contains("手册"));
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
