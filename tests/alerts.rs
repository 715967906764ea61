//! Danger signs reach the managing institution, and stay there until somebody answers.

use domain::access::Role;
use domain::consent::Purpose;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::checkups::checkups;
use crate::entries::{entries, pressure};
use crate::support::people::{COUNTY, OTHER_COUNTY, TOWN};
use crate::support::{Client, County, Mother, StaffMember, World, send};

async fn nurse(world: &World, county: &County) -> StaffMember {
    world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await
}

async fn alerts(client: &Client) -> Vec<Value> {
    client.get("/api/v1/alerts").await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_managing_institution_sees_a_danger_sign_and_answers_it_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    mother.user.client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let written = mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    let nurse = nurse(&world, &county).await;
    let open = alerts(&nurse.client).await;
    assert_eq!(open.len(), 1);
    assert_eq!((&open[0]["record"], &open[0]["level"]), (&written["id"], &json!("emergency")));
    assert_eq!(open[0]["name"], "王**");
    assert!(open[0]["phone"].as_str().unwrap().contains("****"));
    assert!(open[0]["signs"][0].as_str().unwrap().contains("160/110"));

    let address =
        format!("/api/v1/handbooks/{}/alerts/{}/answer", mother.handbook, open[0]["id"].as_str().unwrap());
    nurse.client.post(&address, json!({ "answer": " " })).await.problem(422, "invalid");
    nurse.client.post(&address, json!({ "answer": "超声提示男胎" })).await.problem(422, "invalid");
    assert_eq!(nurse.client.post(&address, json!({ "answer": "已电话联系，正在来院" })).await.status, 201);
    nurse.client.post(&address, json!({ "answer": "再答" })).await.problem(409, "alert_answered");
    let other = format!("/api/v1/handbooks/{}/alerts/{}/answer", mother.handbook, mother.handbook);
    nurse.client.post(&other, json!({ "answer": "x" })).await.problem(404, "not_found");
    let answered = alerts(&nurse.client).await;
    assert_eq!(answered[0]["answer"], "已电话联系，正在来院");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_danger_sign_is_told_to_nobody_until_it_is_shown() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let nurse = nurse(&world, &county).await;
    let mut body = pressure(172, 112);
    body["private"] = json!(true);
    let written = client.post(&entries(&mother), body).await.ok();
    assert!(written["danger"]["text"].is_string(), "the family is told all the same");
    assert!(alerts(&nurse.client).await.is_empty());
    let hide = format!("{}/{}/private", entries(&mother), written["id"].as_str().unwrap());
    client.change(Method::PUT, &hide, "\"1\"", json!({ "private": false })).await.ok();
    assert_eq!(alerts(&nurse.client).await.len(), 1);
    client.change(Method::PUT, &hide, "\"2\"", json!({ "private": true })).await.ok();
    assert!(alerts(&nurse.client).await.is_empty(), "what was hidden is shown no more");
    client.change(Method::PUT, &hide, "\"3\"", json!({ "private": false })).await.ok();
    assert_eq!(alerts(&nurse.client).await.len(), 1, "and not told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_brings_a_danger_sign_raises_it_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let nurse = nurse(&world, &county).await;
    let id = client.post(&entries(&mother), pressure(118, 76)).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    for (version, systolic) in [(1, 171), (2, 118), (3, 175)] {
        let body = json!({ "payload": pressure(systolic, 76 + systolic / 10)["payload"] });
        client.change(Method::PATCH, &address, &format!("\"{version}\""), body).await.ok();
    }
    assert_eq!(alerts(&nurse.client).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_signs_come_first_page_by_page_and_each_office_sees_its_own() {
    let world = World::empty().await;
    let county = world.county().await;
    let nurse = nurse(&world, &county).await;
    let mut mothers = Vec::new();
    for _ in 0..5 {
        let mother = world.mother(&county).await;
        mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
        mothers.push(mother);
    }
    for alert in &alerts(&nurse.client).await[..2] {
        let (handbook, id) = (alert["handbook"].as_str().unwrap(), alert["id"].as_str().unwrap());
        let address = format!("/api/v1/handbooks/{handbook}/alerts/{id}/answer");
        nurse.client.post(&address, json!({ "answer": "已处理" })).await.ok();
        world.advance(chrono::TimeDelta::seconds(1));
    }
    let (mut answered, mut seen, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = nurse.client.get(&format!("/api/v1/alerts?limit=2{cursor}")).await.ok();
        for alert in page["items"].as_array().unwrap() {
            answered.push(alert["answered_at"].is_string());
            seen.push(alert["id"].clone());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(answered, [false, false, false, true, true]);
    seen.dedup();
    assert_eq!(seen.len(), 5);

    let hospital = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    assert!(alerts(&hospital.client).await.is_empty());
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    assert_eq!(alerts(&mch.client).await.len(), 5);
    let abroad = world.staff(&[Role::CountyMch], None, OTHER_COUNTY, RegionLevel::County).await;
    assert!(alerts(&abroad.client).await.is_empty());
    let desk = world
        .staff(&[Role::HandbookAdministrator], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
    desk.client.get("/api/v1/alerts").await.problem(403, "forbidden");
    mothers[0].user.client.get("/api/v1/alerts").await.problem(403, "forbidden");
    let foreign = format!("/api/v1/handbooks/{}/alerts/{}/answer", mothers[0].handbook, mothers[0].handbook);
    hospital.client.post(&foreign, json!({ "answer": "x" })).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn thoughts_of_self_harm_are_told_to_who_manages_her() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mut payload = crate::fetal_sex::example(&world, "mood_epds");
    payload["q10_selfharm"] = json!("2");
    let body = json!({ "kind": "mood_epds", "subject": "woman", "payload": payload });
    let written = mother.user.client.post(&entries(&mother), body).await;
    assert!(written.ok()["danger"]["text"].is_string(), "{}", written.text());
    let nurse = nurse(&world, &county).await;
    assert_eq!(alerts(&nurse.client).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_hospital_finds_is_told_to_who_manages_her() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let anaemia = json!({
        "kind": "laboratory_result",
        "subject": "woman",
        "occurred_on": "2026-11-22",
        "payload": { "sampled_at": "2026-11-22T08:00:00+08:00", "specimen": ["blood"], "origin": "here", "hemoglobin": 52 },
    });
    let attached = clinician.client.post(&checkups(&mother), anaemia.clone()).await;
    assert_eq!(attached.ok()["warnings"][0]["level"], "emergency");
    assert_eq!(alerts(&nurse.client).await.len(), 1);
    nurse.client.post(&checkups(&mother), anaemia).await.ok();
    assert_eq!(alerts(&nurse.client).await.len(), 1, "what it found itself it knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_signs_follow_a_transfer_and_what_was_answered_stays() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let before = nurse(&world, &county).await;
    let other = another_centre(&world).await;
    let after = world.staff(&[Role::Clinician], Some(other), TOWN, RegionLevel::Town).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    let answered = alerts(&before.client).await[0]["id"].clone();
    let address =
        format!("/api/v1/handbooks/{}/alerts/{}/answer", mother.handbook, answered.as_str().unwrap());
    before.client.post(&address, json!({ "answer": "已处理" })).await.ok();
    let open = mother.user.client.post(&entries(&mother), pressure(175, 115)).await.ok()["id"].clone();

    let transfer = format!("/api/v1/handbooks/{}/transfer", mother.handbook);
    before.client.post(&transfer, json!({ "institution": other, "reason": "搬家" })).await.ok();
    let ids =
        |list: Vec<Value>, key: &str| -> Vec<Value> { list.iter().map(|alert| alert[key].clone()).collect() };
    assert_eq!(ids(alerts(&before.client).await, "id"), [answered]);
    assert_eq!(ids(alerts(&after.client).await, "record"), [open]);
    mother.user.client.post(&entries(&mother), pressure(180, 118)).await.ok();
    assert_eq!(alerts(&after.client).await.len(), 2, "what comes later goes to the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_that_is_written_while_the_handbook_moves_reaches_the_new_institution() {
    let world = World::empty().await;
    let county = world.county().await;
    let before = nurse(&world, &county).await;
    let other = another_centre(&world).await;
    for _ in 0..5 {
        let mother = world.mother(&county).await;
        let transfer = format!("/api/v1/handbooks/{}/transfer", mother.handbook);
        let address = entries(&mother);
        let (written, moved) = tokio::join!(
            mother.user.client.post(&address, pressure(172, 112)),
            before.client.post(&transfer, json!({ "institution": other, "reason": "搬家" })),
        );
        written.ok();
        moved.ok();
    }
    let astray = "SELECT COUNT(*) FROM alert JOIN handbook ON handbook.id = alert.handbook_id \
                  WHERE alert.institution_id <> handbook.managing_id";
    assert_eq!(world.number(astray).await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM alert").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_county_of_the_family_sees_a_sign_and_answers_it_whoever_manages_her() {
    let world = World::empty().await;
    let county = world.county().await;
    let nurse = nurse(&world, &county).await;
    let classes = [domain::institution::AgencyClass::PrimaryCare];
    let abroad = world.institution("任城区卫生院", OTHER_COUNTY, RegionLevel::County, &classes, &[]).await;
    let mch_of = |code| world.staff(&[Role::CountyMch], None, code, RegionLevel::County);
    let (home, away) = (mch_of(COUNTY).await.client, mch_of(OTHER_COUNTY).await.client);
    for (moves_house, sees, sees_not) in [(false, &home, &away), (true, &away, &home)] {
        let mother = world.mother(&county).await;
        let sign = mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok()["id"].clone();
        let mut transfer = json!({ "institution": abroad, "reason": "就近管理" });
        if moves_house {
            transfer["region_code"] = json!(OTHER_COUNTY);
        }
        let address = format!("/api/v1/handbooks/{}/transfer", mother.handbook);
        nurse.client.post(&address, transfer).await.ok();
        assert_eq!(open_signs(sees).await, std::slice::from_ref(&sign));
        assert_eq!(open_signs(sees_not).await, Vec::<Value>::new());
        let id = alerts(sees).await[0]["id"].clone();
        let answer = format!("/api/v1/handbooks/{}/alerts/{}/answer", mother.handbook, id.as_str().unwrap());
        sees_not.post(&answer, json!({ "answer": "已联系" })).await.problem(404, "not_found");
        sees.post(&answer, json!({ "answer": "已联系" })).await.ok();
    }
}

/// A world in which the pregnancy of [`World::mother`] has its 29th week, so that movements count.
async fn in_december() -> World {
    let world = World::empty().await;
    world.advance(chrono::TimeDelta::days(20));
    world
}

fn few_movements() -> Value {
    json!({ "kind": "fetal_movement_count", "subject": "woman", "payload": { "date": "2026-12-12", "method": "2h", "count": 4 } })
}

/// Which records have a sign that nobody has answered.
async fn open_signs(client: &Client) -> Vec<Value> {
    let open = alerts(client).await.into_iter().filter(|sign| sign["answered_at"].is_null());
    open.map(|sign| sign["record"].clone()).collect()
}

async fn ends(by: &Client, mother: &Mother, outcome: &str) {
    let address = format!("/api/v1/handbooks/{}/pregnancies/{}/outcome", mother.handbook, mother.pregnancy);
    by.post(&address, json!({ "outcome": outcome, "ended_on": "2026-12-12" })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_nobody_asks_for_movements_but_her_own_danger_signs_stay() {
    let world = in_december().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let own = mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok()["id"].clone();
    mother.user.client.post(&entries(&mother), few_movements()).await.ok();
    assert_eq!(open_signs(&nurse.client).await.len(), 2);
    ends(&nurse.client, &mother, "stillbirth").await;
    assert_eq!(open_signs(&nurse.client).await, [own]);
    let answered = alerts(&nurse.client).await[1]["answer"].clone();
    assert!(answered.as_str().unwrap().starts_with("已登记妊娠丢失"), "{answered}");

    // Whatever she writes of the days before speaks of the child no more.
    let before = json!({ "kind": "fetal_movement_count", "subject": "woman", "payload": { "date": "2026-12-11", "method": "2h", "count": 4 } });
    assert_eq!(mother.user.client.post(&entries(&mother), before).await.ok()["warnings"], json!([]));
    assert_eq!(alerts(&nurse.client).await.len(), 2, "nobody is told of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_seen_again_after_a_loss_call_nobody_about_the_child() {
    let world = in_december().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let client = &mother.user.client;
    let mut hidden = few_movements();
    hidden["private"] = json!(true);
    let hidden = client.post(&entries(&mother), hidden).await.ok()["id"].as_str().unwrap().to_owned();
    let share = async |given: bool| {
        let path = format!("/api/v1/handbooks/{}/consents/share_entries", mother.handbook);
        let body = json!({ "given": given, "version": Purpose::ShareEntries.version() });
        send(client.request(Method::PUT, &path).json(&body)).await.ok();
    };
    share(false).await;
    client.post(&entries(&mother), few_movements()).await.ok();
    let own = client.post(&entries(&mother), pressure(172, 112)).await.ok()["id"].clone();
    ends(&nurse.client, &mother, "stillbirth").await;

    share(true).await;
    assert_eq!(open_signs(&nurse.client).await, std::slice::from_ref(&own), "her own signs are told");
    let private = format!("{}/{hidden}/private", entries(&mother));
    client.change(Method::PUT, &private, "\"1\"", json!({ "private": false })).await.ok();
    assert_eq!(open_signs(&nurse.client).await, [own]);
}

#[tokio::test(flavor = "multi_thread")]
async fn movements_are_counted_in_pregnancy_only_and_what_stands_may_still_be_corrected() {
    let world = in_december().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let counted = mother.user.client.post(&entries(&mother), few_movements()).await;
    let id = counted.ok()["id"].as_str().unwrap().to_owned();
    let address = format!("/api/v1/handbooks/{}/pregnancies/{}/outcome", mother.handbook, mother.pregnancy);
    let born = json!({ "outcome": "stillbirth", "ended_on": "2026-12-11" });
    nurse.client.post(&address, born).await.ok();
    let late = mother.user.client.post(&entries(&mother), few_movements()).await;
    let told = late.problem(422, "stage_not_allowed")["detail"].as_str().unwrap().to_owned();
    assert_eq!(told, "“胎动计数”只用于孕期，2026-12-12 不在其中；孕情如有变化，请先登记。");
    let entry = format!("{}/{id}", entries(&mother));
    let corrected = json!({ "payload": { "date": "2026-12-12", "method": "2h", "count": 5 } });
    mother.user.client.change(Method::PATCH, &entry, "\"1\"", corrected).await.ok();
    mother.user.client.post(&entries(&mother), pressure(112, 70)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_her_death_nobody_calls_about_a_woman_any_more() {
    let world = in_december().await;
    let county = world.county().await;
    let (died, lives) = (world.mother(&county).await, world.mother(&county).await);
    let nurse = nurse(&world, &county).await;
    for body in [pressure(172, 112), few_movements()] {
        died.user.client.post(&entries(&died), body).await.ok();
    }
    let other = lives.user.client.post(&entries(&lives), pressure(172, 112)).await.ok()["id"].clone();
    ends(&nurse.client, &died, "maternal_death").await;
    assert_eq!(open_signs(&nurse.client).await, std::slice::from_ref(&other), "of another woman");

    let moved = world.mother(&county).await;
    let open = moved.user.client.post(&entries(&moved), pressure(172, 112)).await.ok()["id"].clone();
    let close = |mother: &Mother| format!("/api/v1/handbooks/{}/close", mother.handbook);
    nurse.client.post(&close(&moved), json!({ "reason": "moved_away" })).await.ok();
    assert_eq!(open_signs(&nurse.client).await, [open.clone(), other]);
    nurse.client.post(&close(&lives), json!({ "reason": "death" })).await.ok();
    assert_eq!(open_signs(&nurse.client).await, [open], "a woman who moved away is still in danger");
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    assert_eq!(alerts(&mch.client).await.len(), 4, "what was answered stays in the list");
}

async fn another_centre(world: &World) -> domain::id::InstitutionId {
    let classes = [domain::institution::AgencyClass::PrimaryCare];
    world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &classes, &[]).await
}
