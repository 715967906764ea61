//! What must happen once, or only on what was seen: codes, keys, versions.

use api::db::entities::visit;
use chrono::TimeDelta;
use domain::id::VisitId;
use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::json;
use uuid::Uuid;

use super::post_with;
use crate::entries::{entries, pressure, records};
use crate::support::{Client, World, send};

/// Fifty scans at once are in `scan`; here is who comes afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a13_a_code_that_was_used_is_over_or_was_photographed_opens_nothing_more() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let [doctor, colleague] = [world.doctor(county.hospital).await, world.doctor(county.hospital).await];
    let foreign = world.doctor(county.foreign_hospital).await;
    let code = mother.show_code().await["url"].as_str().unwrap().to_owned();
    let opened = doctor.scan(&code).await.ok();
    for second in [&doctor, &colleague, &foreign] {
        second.scan(&code).await.problem(409, "code_used");
    }
    // Dressed up it is the same code.
    let token = code.rsplit_once('/').unwrap().1;
    for dressed in
        [token.to_owned(), format!("https://elsewhere.example/s/{token}?x=1#y"), format!(" {code}\n")]
    {
        colleague.scan(&dressed).await.problem(409, "code_used");
    }
    let path = format!("/api/v1/handbooks/{}/changes", mother.handbook);
    doctor.client.get(&path).await.ok();
    foreign.client.get(&path).await.problem(404, "not_found");
    let at = format!("/api/v1/visits/{}", opened["id"].as_str().unwrap());
    foreign.client.get(&at).await.problem(404, "not_found");
    foreign.client.post(&format!("{at}/end"), json!({})).await.problem(404, "not_found");
    let kept = visit::Entity::find_by_id(VisitId(opened["id"].as_str().unwrap().parse().unwrap()));
    let kept = kept.one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!((kept.staff_id, kept.institution_id), (doctor.id, county.hospital), "bound to who scanned");

    let late = mother.show_code().await["url"].as_str().unwrap().to_owned();
    world.advance(TimeDelta::minutes(5));
    colleague.scan(&late).await.problem(410, "code_expired");
    let family = world.family_user().await;
    family.client.post("/api/v1/visits", json!({ "code": late })).await.problem(403, "forbidden");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a21_a_key_is_of_one_user_one_request_and_one_effect() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let client = &mother.user.client;
    let json_with = |key: &'static str| [("content-type", "application/json"), ("idempotency-key", key)];
    let body = pressure(118, 76).to_string();
    let path = entries(&mother);
    let one = json_with("one");
    let at_once = join_all((0..20).map(|_| post_with(client, &path, &one, body.clone()))).await;
    for twin in &at_once {
        // Where the machine is busy a twin may wait for too long: it is told to come again, and gets the same answer.
        let comes_again = twin.status == 503 && twin.headers.contains_key("retry-after");
        assert!(
            [201, 409].contains(&twin.status.as_u16()) || comes_again,
            "{}: {}",
            twin.status,
            twin.text()
        );
    }
    let first = at_once.iter().find(|twin| twin.status == 201).unwrap();
    assert!(at_once.iter().filter(|twin| twin.status == 201).all(|twin| twin.bytes == first.bytes));
    let again = post_with(client, &path, &one, body.clone()).await;
    assert_eq!((again.status.as_u16(), &again.bytes), (201, &first.bytes));
    assert_eq!(client.get(&records(&mother)).await.ok()["items"].as_array().unwrap().len(), 1, "one effect");

    let changed = pressure(119, 76).to_string();
    post_with(client, &entries(&mother), &json_with("one"), changed)
        .await
        .problem(422, "idempotency_key_reused");
    let elsewhere = format!("/api/v1/handbooks/{}/code", mother.handbook);
    post_with(client, &elsewhere, &json_with("one"), body.clone())
        .await
        .problem(422, "idempotency_key_reused");
    let hers = post_with(&other.user.client, &entries(&other), &json_with("one"), body.clone()).await;
    assert_eq!(hers.status, 201, "another user's key is another key");
    assert_ne!(hers.bytes, first.bytes);
    let at_mine = post_with(&other.user.client, &entries(&mother), &json_with("one"), body.clone()).await;
    at_mine.problem(404, "not_found");

    for key in ["", " ", "ä", "a b", "\t", &"k".repeat(129)] {
        let request =
            client.request(Method::POST, &entries(&mother)).header("content-type", "application/json");
        let value = reqwest::header::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        send(request.header("idempotency-key", value).body(body.clone()))
            .await
            .problem(400, "idempotency_key_required");
    }
    let long = "k".repeat(1024 * 1024);
    let apart = Client::new(reqwest::Client::new(), world.base_url.clone(), Some(client.token().to_owned()));
    let request = apart.request(Method::POST, &entries(&mother)).header("idempotency-key", long);
    match request.json(&pressure(118, 76)).send().await {
        Ok(answer) => assert!(answer.status().is_client_error(), "{}", answer.status()),
        // The connection is closed while the head is still being sent.
        Err(err) => assert!(err.is_request() || err.is_body(), "{err}"),
    }
    assert_eq!(client.get(&records(&mother)).await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a23_nobody_overwrites_what_they_have_not_seen() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let written = client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let path = format!("{}/{}", entries(&mother), written["id"].as_str().unwrap());
    let change = |systolic: i64| json!({ "payload": pressure(systolic, 70)["payload"] });
    send(client.request(Method::PATCH, &path).json(&change(120))).await.problem(428, "if_match_required");
    for wrong in ["*", "\"*\"", "", "\"\"", "abc", "\"1\", \"2\"", "99999999999999999999", "1.0", "ä"] {
        let value = reqwest::header::HeaderValue::from_bytes(wrong.as_bytes()).unwrap();
        let request = client.request(Method::PATCH, &path).header("if-match", value);
        send(request.json(&change(120))).await.problem(428, "if_match_required");
    }
    for stale in ["\"0\"", "\"2\"", "\"-1\"", "\"2147483647\""] {
        client.change(Method::PATCH, &path, stale, change(120)).await.problem(412, "stale");
    }
    let edits =
        join_all((0..10).map(|at| client.change(Method::PATCH, &path, "\"1\"", change(121 + at)))).await;
    let won = edits.iter().filter(|edit| edit.status == 200).count();
    assert_eq!(won, 1, "{:?}", edits.iter().map(|edit| edit.status.as_u16()).collect::<Vec<_>>());
    for lost in edits.iter().filter(|edit| edit.status != 200) {
        lost.problem(412, "stale");
    }
    let remove = client.request(Method::DELETE, &path);
    send(remove).await.problem(428, "if_match_required");
    let kept = client.get(&format!("{}/{}", records(&mother), written["id"].as_str().unwrap())).await;
    assert_eq!(kept.etag(), "\"2\"");
    let nowhere = format!("{}/{}", entries(&mother), Uuid::now_v7());
    client.change(Method::PATCH, &nowhere, "\"1\"", change(120)).await.problem(404, "not_found");
}
