//! Staff: posts that are given, changed, left, and reset.

use api::db::entities::staff;
use api::demo::sign_ins;
use chrono::TimeDelta;
use domain::access::Role;
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::{county_mch, new_staff, patch, pointers};
use crate::support::people::{CITY, COUNTY, OTHER_COUNTY, PASSWORD, TOWN, VILLAGE};
use crate::support::{Client, World, send};

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
