//! A village doctor writes for the health centre, which countersigns.

use domain::access::Role;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use serde_json::json;

use super::{change, checkups, laboratory, read};
use crate::entries::records;
use crate::fetal_sex::example;
use crate::support::World;
use crate::support::people::{TOWN, VILLAGE};

#[tokio::test(flavor = "multi_thread")]
async fn a_village_doctor_writes_for_the_health_centre_which_countersigns() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    world.birth(&mother, "2026-11-15".parse().unwrap()).await;
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let mut payload = example(&world, "postpartum_visit");
    payload["next_visit"] = json!("2026-12-01");
    let visit = json!({ "kind": "postpartum_visit", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload });
    village.client.post(&checkups(&mother), visit.clone()).await.problem(403, "forbidden");

    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    nurse.client.post(&delegations, json!({ "staff": nurse.id })).await.problem(422, "invalid");
    let delegation = nurse.client.post(&delegations, json!({ "staff": village.id })).await;
    assert_eq!(delegation.status, 201, "{}", delegation.text());
    nurse.client.post(&delegations, json!({ "staff": village.id })).await.problem(409, "delegation_exists");
    assert_eq!(nurse.client.get(&delegations).await.ok()["items"][0]["staff"], json!(village.id));
    let hospital = world.clinician_at(mother.handbook, county.hospital).await;
    hospital.client.post(&delegations, json!({ "staff": village.id })).await.problem(403, "forbidden");

    let written = village.client.post(&checkups(&mother), visit.clone()).await;
    assert_eq!(written.status, 201, "{}", written.text());
    let id = written.ok()["id"].clone();
    village.client.post(&checkups(&mother), laboratory("2026-11-22")).await.problem(403, "kind_not_allowed");
    let own = village.client.get(&records(&mother)).await.ok();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["awaits_countersign"], true);
    let listed = nurse.client.get("/api/v1/countersign").await.ok();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["version"]), (&id, &json!(1)));

    change(&hospital.client, &mother, &id, "countersign", 1, json!({})).await.problem(403, "forbidden");
    change(&village.client, &mother, &id, "countersign", 1, json!({})).await.problem(403, "forbidden");
    change(&nurse.client, &mother, &id, "countersign", 7, json!({})).await.problem(412, "stale");
    assert_eq!(change(&nurse.client, &mother, &id, "countersign", 1, json!({})).await.ok()["version"], 2);
    change(&nurse.client, &mother, &id, "countersign", 2, json!({}))
        .await
        .problem(409, "not_awaiting_countersign");
    assert_eq!(nurse.client.get("/api/v1/countersign").await.ok()["items"], json!([]));
    let shown = read(&mother.user.client, &mother, &id).await.ok();
    assert!(shown["awaits_countersign"].is_null() && shown["edited"] == false);
    assert_eq!(shown["author"]["institution"], "河沙镇卫生院");

    let address = format!("{delegations}/{}", delegation.ok()["id"].as_str().unwrap());
    assert_eq!(nurse.client.delete(&address).await.status, 204);
    nurse.client.delete(&address).await.problem(404, "not_found");
    village.client.post(&checkups(&mother), visit).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_village_doctor_corrects_is_signed_again_by_whoever_answers_for_the_handbook_then() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    world.birth(&mother, "2026-11-15".parse().unwrap()).await;
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let classes = [AgencyClass::PrimaryCare];
    let other = world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &classes, &[]).await;
    let newer = world.staff(&[Role::Clinician], Some(other), TOWN, RegionLevel::Town).await;
    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    nurse.client.post(&delegations, json!({ "staff": village.id })).await.ok();
    let mut payload = example(&world, "postpartum_visit");
    payload["next_visit"] = json!("2026-12-01");
    let visit = json!({ "kind": "postpartum_visit", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload });
    let id = village.client.post(&checkups(&mother), visit).await.ok()["id"].clone();
    change(&nurse.client, &mother, &id, "countersign", 1, json!({})).await.ok();

    payload["next_visit"] = json!("2026-12-02");
    let corrected = json!({ "payload": payload, "reason": "日期有误" });
    change(&village.client, &mother, &id, "correct", 2, corrected).await.ok();
    assert_eq!(read(&mother.user.client, &mother, &id).await.ok()["awaits_countersign"], true);
    assert_eq!(nurse.client.get("/api/v1/countersign").await.ok()["items"][0]["id"], id);

    let transfer = format!("/api/v1/handbooks/{}/transfer", mother.handbook);
    nurse.client.post(&transfer, json!({ "institution": other, "reason": "搬家" })).await.ok();
    assert_eq!(nurse.client.get("/api/v1/countersign").await.ok()["items"], json!([]));
    assert_eq!(newer.client.get("/api/v1/countersign").await.ok()["items"][0]["id"], id);
    change(&newer.client, &mother, &id, "countersign", 3, json!({})).await.ok();
    assert!(read(&mother.user.client, &mother, &id).await.ok()["awaits_countersign"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn delegations_come_page_by_page() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    let mut delegated = Vec::new();
    for _ in 0..5 {
        let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
        delegated.push(nurse.client.post(&delegations, json!({ "staff": village.id })).await.ok());
    }
    let end = format!("{delegations}/{}", delegated.remove(1)["id"].as_str().unwrap());
    assert_eq!(nurse.client.delete(&end).await.status, 204);
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = nurse.client.get(&format!("{delegations}?limit=3{cursor}")).await.ok();
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((seen, pages), (delegated, 2), "the oldest first");
    nurse.client.get(&format!("{delegations}?limit=0")).await.problem(400, "bad_query");
    nurse.client.get(&format!("{delegations}?cursor=x")).await.problem(400, "bad_cursor");
}
