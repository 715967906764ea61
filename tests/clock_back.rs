//! The clock of the machine is set back by an hour.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::entries::{entries, records};
use crate::support::people::PASSWORD;
use crate::support::{Client, Events, Mother, TOWN, World};
use domain::access::Role;
use domain::place::RegionLevel;

fn diary(text: &str) -> Value {
    json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } })
}

async fn write(mother: &Mother, many: usize) -> Vec<String> {
    write_as(&mother.user.client, mother, many).await
}

async fn write_as(client: &Client, mother: &Mother, many: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for at in 0..many {
        let written = client.post(&entries(mother), diary(&format!("第{at}篇"))).await.ok();
        ids.push(written["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// Every id of a list, page by page; `between` is done after the first page.
async fn paged(client: &Client, path: &str, between: impl AsyncFnOnce()) -> Vec<String> {
    let mut between = Some(between);
    let (mut ids, mut next) = (Vec::new(), Value::Null);
    loop {
        let cursor = next.as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
        let page = client.get(&format!("{path}?limit=4{cursor}")).await.ok();
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        if let Some(between) = between.take() {
            between().await;
        }
        next = page["next_cursor"].clone();
        if next.is_null() {
            return ids;
        }
    }
}

fn back() -> TimeDelta {
    TimeDelta::hours(-1)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_stay_complete_and_without_doubles_and_change_numbers_go_on() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let before = write(&mother, 10).await;
    let mut events = Events::follow(&mother.user.client, mother.handbook).await;
    let seq = events.change().await;

    // What is written while somebody pages may stand on a page that was read; nothing else is missed or comes twice.
    let mut after = Vec::new();
    let list = paged(&mother.user.client, &records(&mother), async || {
        world.advance(back());
        let client = world.sign_in_user(mother.user.id).await;
        after = write_as(&client, &mother, 5).await;
    })
    .await;
    let unique: BTreeSet<_> = list.iter().collect();
    assert_eq!(unique.len(), list.len(), "nothing comes twice");
    assert!(before.iter().all(|id| unique.contains(id)), "nothing is missed");

    let whole: BTreeSet<_> =
        paged(&mother.user.client, &records(&mother), async || {}).await.into_iter().collect();
    assert_eq!(whole, before.iter().chain(&after).cloned().collect());
    assert!(events.change().await > seq);
    let path = format!("/api/v1/handbooks/{}/changes?after={seq}", mother.handbook);
    let changed = mother.user.client.get(&path).await.ok();
    let numbers: Vec<_> = changed["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["change_seq"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 5);
    assert!(numbers.is_sorted() && numbers[0] > seq, "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_codes_and_keys_of_before_are_good_and_refreshing_works() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    world.employee("nurse", &[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let signed_in = world.sign_in("nurse", PASSWORD).await.ok();
    let nurse = world.with_token(signed_in["access_token"].as_str().unwrap());
    let code = mother.show_code().await;
    let key = |client: &Client| {
        client
            .request(reqwest::Method::POST, &entries(&mother))
            .header("idempotency-key", "one")
            .json(&diary("一"))
    };
    let first = crate::support::send(key(&mother.user.client)).await.ok();

    world.advance(back());
    assert_eq!(nurse.get("/api/v1/me").await.status, 200, "a token that is signed in the future");
    assert_eq!(crate::support::send(key(&mother.user.client)).await.ok(), first);
    doctor.scan(code["url"].as_str().unwrap()).await.ok();
    doctor.scan(code["url"].as_str().unwrap()).await.problem(409, "code_used");
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    let renewed = world.anybody().post("/api/v1/sign-in/refresh", refresh).await.ok();
    let nurse = world.with_token(renewed["access_token"].as_str().unwrap());
    assert_eq!(nurse.get("/api/v1/me").await.status, 200);
    world.carry_out_jobs().await;
    api::audit::seal::seal(&world.app).await.unwrap();
    world.advance(TimeDelta::hours(1) + TimeDelta::seconds(10));
    api::audit::seal::seal(&world.app).await.unwrap();
    let verified =
        api::audit::verify::verify(&world.app.db, &world.app.keys, &[], &mut |_, _| {}).await.unwrap();
    assert_eq!((verified.fault, verified.waiting), (None, 0));
}
