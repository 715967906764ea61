//! Rules that a handbook administrator set aside come before the county.

use domain::access::Role;
use domain::place::RegionLevel;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::checkups::checkups;
use crate::support::issuing::*;
use crate::support::people::{COUNTY, County, OTHER_COUNTY, TOWN};
use crate::support::{Mother, StaffMember, World};

const OVERRIDES: &str = "/api/v1/overrides";

async fn reviewer(world: &World, county: &County) -> StaffMember {
    world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await
}

/// A clinician of the health centre who is its handbook administrator too.
async fn both(world: &World, county: &County) -> StaffMember {
    let roles = [Role::Clinician, Role::HandbookAdministrator];
    world.staff(&roles, Some(county.health_centre), TOWN, RegionLevel::Town).await
}

/// A result of two days before the handbook was issued.
fn early() -> Value {
    json!({
        "kind": "laboratory_result",
        "subject": "woman",
        "occurred_on": "2026-11-20",
        "override_reason": "外院已检查，补录",
        "payload": { "sampled_at": "2026-11-20T08:00:00+08:00", "specimen": ["blood"], "origin": "here", "hemoglobin": 118 },
    })
}

fn child_of_four(order: u32) -> Value {
    let mut form = child_form(order, "2022-11-01");
    form["override_reason"] = json!("水灾中遗失");
    form
}

async fn listed(staff: &StaffMember, query: &str) -> Vec<Value> {
    staff.client.get(&format!("{OVERRIDES}{query}")).await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_given_for_an_issue_or_a_checkup_is_listed_for_the_county() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother: Mother = world.mother(&county).await;
    let clerk = both(&world, &county).await;
    let issued = Desk(clerk.client.clone()).issued(child_of_four(1)).await;
    Desk(clerk.client.clone()).issued(pregnant_form(2)).await;
    world.advance(chrono::TimeDelta::seconds(1));
    clerk.client.post(&checkups(&mother), early()).await.ok();

    let reviewer = reviewer(&world, &county).await;
    let page = reviewer.client.get(OVERRIDES).await;
    for personal in ["王小红", &mother.id_number, &mother.phone, "hemoglobin", ":118"] {
        assert!(!page.text().contains(personal), "{personal}");
    }
    let items = page.ok()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 2);
    let (checkup, issue) = (&items[0], &items[1]);
    assert_eq!((&checkup["kind"], &checkup["handbook"]), (&json!("checkup"), &json!(mother.handbook)));
    assert_eq!((&checkup["reason"], &checkup["name"]), (&json!("外院已检查，补录"), &json!("王**")));
    assert_eq!(
        (&checkup["occurred_on"], &checkup["issued_on"]),
        (&json!("2026-11-20"), &json!("2026-11-22"))
    );
    assert_eq!(
        (&checkup["institution_name"], &checkup["staff_name"]),
        (&json!("河沙镇卫生院"), &json!("李医生"))
    );
    assert_eq!((&issue["kind"], &issue["handbook"]), (&json!("issue"), &issued["id"]));
    assert_eq!((&issue["reason"], &issue["number"]), (&json!("水灾中遗失"), &issued["printed_number"]));
    assert_eq!(issue["label"], "3岁以上补发");
    assert!(issue.get("reviewed_at").is_none() && issue.get("occurred_on").is_none());
    assert_eq!(world.reads().await, 2, "both reads are logged");
    let log = mother.user.client.get(&format!("/api/v1/handbooks/{}/access-log", mother.handbook)).await.ok();
    assert_eq!(log["items"][0]["why"], "您居住在其服务的辖区内");

    let first = reviewer.client.get(&format!("{OVERRIDES}?limit=1")).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&reviewer, &format!("?cursor={cursor}")).await[0]["id"], issue["id"]);
    let other_list = format!("{OVERRIDES}?reviewed=true&cursor={cursor}");
    reviewer.client.get(&other_list).await.problem(400, "bad_cursor");
    reviewer.client.get(&format!("{OVERRIDES}?reviewed=perhaps")).await.problem(400, "bad_query");
    let english = reviewer.client.request(reqwest::Method::GET, OVERRIDES).header("accept-language", "en");
    let english = crate::support::send(english).await.ok();
    assert_eq!(english["items"][0]["label"], "a checkup dated before the day of issue");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_county_of_the_family_reviews_each_once_and_nobody_their_own() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let roles = [Role::Clinician, Role::HandbookAdministrator, Role::CountyMch];
    let judge_in_own_cause = world.worker(&roles, county.mch).await;
    world.visit(mother.handbook, county.mch, judge_in_own_cause.id).await;
    judge_in_own_cause.client.post(&checkups(&mother), early()).await.ok();
    let clerk = both(&world, &county).await;
    clerk.client.post(&checkups(&mother), early()).await.ok();
    let reviewer = reviewer(&world, &county).await;
    let elsewhere = world.staff(&[Role::CountyMch], None, OTHER_COUNTY, RegionLevel::County).await;
    assert!(listed(&elsewhere, "").await.is_empty());
    for stranger in [&clerk.client, &mother.user.client] {
        stranger.get(OVERRIDES).await.problem(403, "forbidden");
    }
    world.anybody().get(OVERRIDES).await.problem(401, "not_signed_in");

    let ids: Vec<String> = listed(&reviewer, "?reviewed=false")
        .await
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    let review = |id: &str| format!("{OVERRIDES}/{id}/review");
    let accept = json!({ "accepted": true });
    elsewhere.client.post(&review(&ids[0]), accept.clone()).await.problem(404, "not_found");
    clerk.client.post(&review(&ids[0]), accept.clone()).await.problem(403, "forbidden");
    reviewer.client.post(&review("none"), accept.clone()).await.problem(404, "not_found");
    judge_in_own_cause.client.post(&review(&ids[1]), accept.clone()).await.problem(403, "forbidden");
    let silent = reviewer.client.post(&review(&ids[0]), json!({ "accepted": false })).await;
    assert_eq!(silent.problem(422, "invalid")["errors"][0]["pointer"], "/note");
    let no_key = reviewer.client.request(reqwest::Method::POST, &review(&ids[0])).json(&accept);
    crate::support::send(no_key).await.problem(400, "idempotency_key_required");

    let refusal = json!({ "accepted": false, "note": "核对检验单，日期与登记不符" });
    let address = review(&ids[0]);
    let reviews = join_all((0..4).map(|_| reviewer.client.post(&address, refusal.clone()))).await;
    assert_eq!(reviews.iter().filter(|answer| answer.status == 200).count(), 1);
    reviews.iter().find(|answer| answer.status != 200).unwrap().problem(409, "already_reviewed");
    reviewer.client.post(&review(&ids[1]), accept).await.ok();
    assert!(listed(&reviewer, "?reviewed=false").await.is_empty());
    let done = listed(&reviewer, "?reviewed=true").await;
    assert_eq!((&done[0]["accepted"], &done[0]["note"]), (&json!(false), &refusal["note"]));
    assert_eq!((&done[1]["accepted"], done[1].get("note")), (&json!(true), None));
    assert_eq!(listed(&reviewer, "").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_follows_the_handbook_to_its_successor() {
    let world = World::empty().await;
    let county = world.county().await;
    let clerk = both(&world, &county).await;
    let issued = Desk(clerk.client.clone()).issued(child_of_four(1)).await;
    let new = clerk.client.post(&at(&issued, "/replace"), json!({ "reason": "lost" })).await.ok();
    let item = listed(&reviewer(&world, &county).await, "").await[0].clone();
    assert_eq!((&item["handbook"], &item["number"]), (&new["id"], &new["printed_number"]));
    assert_eq!((&item["name"], &item["reason"]), (&json!("王**"), &json!("水灾中遗失")));
}
