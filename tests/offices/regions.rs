//! The tree of regions: who reads it, and who adds, renames and removes.

use domain::access::Role;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use super::{county_mch, patch, pointers};
use crate::support::people::{CITY, COUNTY, OTHER_COUNTY, PROVINCE, TOWN, VILLAGE};
use crate::support::{Answer, World, send};

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
    assert!(wrong["errors"][0]["message"].as_str().unwrap().contains("county"), "{wrong}");
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
    let both = json!({ "code": 510_903_000_001_i64, "level": "county", "name_zh": "", "parent_code": CITY });
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
    assert!(reason(remove(CITY).await).contains("下级区划"));
    assert!(reason(remove(OTHER_COUNTY).await).contains("机构"));
    assert!(reason(remove(VILLAGE).await).contains("手册"));
    world.staff(&[Role::CityMch], None, 370_800_000_000, RegionLevel::City).await;
    assert!(reason(remove(370_800_000_000).await).contains("下级区划"));
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
