//! What is for the woman herself: her answers about mood, and who may read, change and learn of them.

use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::entries::{entries, records};
use crate::fetal_sex::example;
use crate::support::people::{COUNTY, TOWN};
use crate::support::{Answer, Client, Mother, World};

/// A filled-in scale with thoughts of self-harm.
fn mood(world: &World) -> Value {
    let mut payload = example(world, "mood_epds");
    payload["q10_selfharm"] = json!("2");
    json!({ "kind": "mood_epds", "subject": "woman", "payload": payload })
}

async fn read(client: &Client, mother: &Mother, id: &Value) -> Answer {
    client.get(&format!("{}/{}", records(mother), id.as_str().unwrap())).await
}

fn tells_nothing(answer: &Answer) {
    let text = answer.text();
    for word in ["selfharm", "q1_", "total", "伤害自己", "epds_q10", "12356"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thoughts_of_self_harm_are_for_her_and_who_treats_her_and_not_for_co_guardians() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let father = world.relative(&mother, MemberRole::Owner, MemberRelation::Father).await;
    let written = mother.user.client.post(&entries(&mother), mood(&world)).await.ok();
    let id = &written["id"];
    assert!(written["danger"]["text"].is_string(), "she is told at once whom to call");

    let own = read(&mother.user.client, &mother, id).await.ok();
    assert_eq!((&own["payload"]["q10_selfharm"], &own["payload"]["total"]), (&json!("2"), &json!(2)));
    let his = read(&father.client, &mother, id).await;
    assert_eq!(his.ok()["payload"], json!({ "date": "2026-11-20" }));
    tells_nothing(&his);
    let path = format!("/api/v1/handbooks/{}", mother.handbook);
    for address in ["/records", "/changes?after=0", "/notices"] {
        tells_nothing(&father.client.get(&format!("{path}{address}")).await);
    }

    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    assert_eq!(read(&doctor.client, &mother, id).await.ok()["payload"]["q10_selfharm"], "2");
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let told = nurse.client.get("/api/v1/alerts").await.ok();
    assert!(told["items"][0]["signs"][0].as_str().unwrap().contains("伤害自己"), "{told}");
    let office = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    let told = office.client.get("/api/v1/alerts").await;
    assert_eq!(told.ok()["items"][0]["signs"][0], "请联系本人。");
    tells_nothing(&told);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_read_her_answers_neither_changes_nor_hides_nor_withdraws_them() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let father = world.relative(&mother, MemberRole::Owner, MemberRelation::Father).await;
    let id = mother.user.client.post(&entries(&mother), mood(&world)).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let mut better = example(&world, "mood_epds");
    better["q10_selfharm"] = json!("1");
    let change = json!({ "payload": better });
    father.client.change(Method::PATCH, &address, "\"1\"", change.clone()).await.problem(403, "not_yours");
    let hide = format!("{address}/private");
    let hidden = json!({ "private": true });
    father.client.change(Method::PUT, &hide, "\"1\"", hidden.clone()).await.problem(403, "not_yours");
    father.client.change(Method::DELETE, &address, "\"1\"", json!({})).await.problem(403, "not_yours");

    mother.user.client.change(Method::PATCH, &address, "\"1\"", change).await.ok();
    let before = format!("{}/{}/versions", records(&mother), id.as_str().unwrap());
    let versions = father.client.get(&before).await;
    assert_eq!(versions.ok()["items"][0]["payload"], json!({ "date": "2026-11-20" }));
    tells_nothing(&versions);
    let hers = mother.user.client.get(&before).await.ok();
    assert_eq!(hers["items"][0]["payload"]["q10_selfharm"], "2");
    mother.user.client.change(Method::PUT, &hide, "\"2\"", hidden).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_has_not_proved_who_she_is_reads_what_she_wrote_and_nothing_else_of_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let unproved = world.relative(&mother, MemberRole::Owner, MemberRelation::Woman).await;
    let hers = unproved.client.post(&entries(&mother), mood(&world)).await.ok()["id"].clone();
    let shown = read(&unproved.client, &mother, &hers).await.ok();
    assert_eq!((&shown["author"]["mine"], &shown["payload"]["q10_selfharm"]), (&json!(true), &json!("2")));
    assert_eq!(shown["warnings"][0]["id"], "epds_q10");
    let listed = unproved.client.get(&records(&mother)).await.ok();
    assert_eq!(listed["items"][0]["payload"]["total"], 2);
    let grandmother = world.relative(&mother, MemberRole::Guardian, MemberRelation::Grandparent).await;
    tells_nothing(&read(&grandmother.client, &mother, &hers).await);

    let others = mother.user.client.post(&entries(&mother), mood(&world)).await.ok()["id"].clone();
    tells_nothing(&read(&unproved.client, &mother, &others).await);
    let address = format!("{}/{}", entries(&mother), hers.as_str().unwrap());
    let change = json!({ "payload": mood(&world)["payload"] });
    let mended = unproved.client.change(Method::PATCH, &address, "\"1\"", change.clone()).await;
    assert_eq!(mended.ok()["version"], 2);
    // The author goes on reading the entry: nobody else writes sensitive answers into it.
    mother.user.client.change(Method::PATCH, &address, "\"2\"", change).await.problem(403, "not_yours");
}
