//! Following a handbook live: the change arrives in the same second, whatever becomes of Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use reqwest::Method;
use serde_json::{Value, json};

use crate::entries::{entries, pressure, records};
use crate::support::{Events, Mother, PATIENCE, World};

fn numbers(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|item| item["change_seq"].as_i64().unwrap()).collect()
}

async fn changes(client: &crate::support::Client, mother: &Mother, after: i64) -> Value {
    client.get(&format!("/api/v1/handbooks/{}/changes?after={after}", mother.handbook)).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_sees_at_once_that_her_code_was_scanned() {
    // Without the once-a-second look, only the message can bring it.
    let world = World::with(|config| config.live.look = Duration::from_secs(3600)).await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let code = mother.show_code().await;
    let mut events = Events::follow(&mother.user.client, mother.handbook).await;
    assert_eq!(events.change().await, 0, "the first says the present number");
    world.doctor(county.hospital).await.scan(code["url"].as_str().unwrap()).await.ok();
    assert_eq!(events.change().await, 1);
    world.execute("UPDATE handbook SET change_seq = 7 WHERE id = ?", [mother.handbook.into()]).await;
    world.app.live.changed(mother.handbook).await;
    assert_eq!(events.change().await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_another_replica_arrives() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let replica = world.replica().await;
    let path = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    let ticket = mother.user.client.post(&path, json!({})).await.ok();
    let mut events = Events::open(&replica.anybody(), ticket["url"].as_str().unwrap()).await;
    assert_eq!(events.change().await, 0);
    let code = mother.show_code().await;
    world.doctor(county.hospital).await.scan(code["url"].as_str().unwrap()).await.ok();
    assert_eq!(events.change().await, 1);
    world.entry(&mother, true).await;
    assert_eq!(events.change().await, 2, "no message was sent: the look of each second finds it");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_redis_gone_changes_still_arrive() {
    let world = World::with(|config| config.redis_url = Some("redis://127.0.0.1:9/".to_owned().into())).await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let replica = world.replica().await;
    let path = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    let ticket = mother.user.client.post(&path, json!({})).await.ok();
    let mut elsewhere = Events::open(&replica.anybody(), ticket["url"].as_str().unwrap()).await;
    let mut here = Events::follow(&mother.user.client, mother.handbook).await;
    assert_eq!((here.change().await, elsewhere.change().await), (0, 0));
    let code = mother.show_code().await;
    world.doctor(county.hospital).await.scan(code["url"].as_str().unwrap()).await.ok();
    assert_eq!((here.change().await, elsewhere.change().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_stream_within_thirty_seconds() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    let ticket = mother.user.client.post(&path, json!({})).await.ok();
    assert_eq!(ticket["expires_in"], 30);
    let url = ticket["url"].as_str().unwrap();
    let opened = futures_util::future::join_all((0..10).map(|_| {
        let request = world.anybody().request(reqwest::Method::GET, url);
        async move { request.send().await.unwrap() }
    }))
    .await;
    assert_eq!(opened.iter().filter(|answer| answer.status() == 200).count(), 1);
    world.anybody().get(url).await.problem(401, "ticket_refused");
    world.anybody().get("/api/v1/live?ticket=made-up").await.problem(401, "ticket_refused");
    world.anybody().get("/api/v1/live").await.problem(400, "bad_query");
    let late = mother.user.client.post(&path, json!({})).await.ok();
    world.advance(TimeDelta::seconds(30));
    world.anybody().get(late["url"].as_str().unwrap()).await.problem(401, "ticket_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_tickets_write_nothing_and_make_their_address_wait_while_good_ones_open() {
    let taken = Arc::new(AtomicU32::new(0));
    let counting = taken.clone();
    let world = World::watched(move |info| {
        if info.statement.sql.starts_with("DELETE FROM live_ticket WHERE hash") {
            counting.fetch_add(1, Ordering::Relaxed);
        }
    })
    .await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let made_up = "/api/v1/live?ticket=made-up";
    for _ in 0..60 {
        world.anybody().get(made_up).await.problem(401, "ticket_refused");
    }
    let refused = world.anybody().get(made_up).await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    let mut events = Events::follow(&mother.user.client, mother.handbook).await;
    assert_eq!(events.change().await, 0, "from the same address");
    assert_eq!(taken.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_closes_when_its_session_or_membership_or_visit_ends() {
    let world = World::with(|config| config.live.recheck = Duration::from_millis(200)).await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let guardian = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    let visit = doctor.scan(code["url"].as_str().unwrap()).await.ok();
    let mut streams = [
        Events::follow(&mother.user.client, mother.handbook).await,
        Events::follow(&guardian.client, mother.handbook).await,
        Events::follow(&doctor.client, mother.handbook).await,
    ];
    for events in &mut streams {
        assert_eq!(events.change().await, 1);
    }
    let [mut by_session, mut by_membership, mut by_visit] = streams;
    let now = world.now();
    world
        .execute("UPDATE session SET ended_at = ? WHERE user_id = ?", [now.into(), mother.user.id.into()])
        .await;
    assert_eq!(by_session.next().await, None);
    world.execute("UPDATE member SET ended_at = ? WHERE user_id = ?", [now.into(), guardian.id.into()]).await;
    assert_eq!(by_membership.next().await, None);
    let end = format!("/api/v1/visits/{}/end", visit["id"].as_str().unwrap());
    doctor.client.post(&end, json!({})).await.ok();
    assert_eq!(by_visit.next().await, None, "who lost the visit is not told that something changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_says_that_it_is_there_and_stopping_closes_it() {
    let world = World::with(|config| config.live.heartbeat = Duration::from_millis(100)).await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mut events = Events::follow(&mother.user.client, mother.handbook).await;
    assert_eq!(events.change().await, 0);
    assert_eq!(events.next().await.as_deref(), Some(": here"));
    let path = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    let ticket = mother.user.client.post(&path, json!({})).await.ok();
    world.app.stop.send_replace(true);
    let closed = async { while events.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("closed");
    world.anybody().get(ticket["url"].as_str().unwrap()).await.problem(503, "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_holds_five_streams_and_the_process_only_so_many() {
    let world = World::with(|config| {
        config.live.streams = 6;
        config.live.heartbeat = Duration::from_millis(100);
    })
    .await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(Events::follow(&mother.user.client, mother.handbook).await);
    }
    let one_more = async |mother: &Mother| {
        let path = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
        let ticket = mother.user.client.post(&path, json!({})).await.ok();
        ticket["url"].as_str().unwrap().to_owned()
    };
    let refused = world.anybody().get(&one_more(&mother).await).await;
    refused.problem(429, "too_many_requests");
    let _sixth = Events::follow(&other.user.client, other.handbook).await;
    let refused = world.anybody().get(&one_more(&other).await).await;
    refused.problem(503, "streams_full");
    assert_eq!(refused.headers["retry-after"], "30");
    drop(open);
    let mut tries = 0;
    while !world
        .anybody()
        .request(reqwest::Method::GET, &one_more(&mother).await)
        .send()
        .await
        .unwrap()
        .status()
        .is_success()
    {
        tries += 1;
        assert!(tries < 50, "closed streams make room");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_stream_poll_and_staff_learn_nothing_of_private_entries() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let managing = world.doctor(county.health_centre).await;
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Grandparent).await;
    let shared = world.entry(&mother, false).await;
    let private = world.entry(&mother, true).await;
    let revoke = format!("/api/v1/handbooks/{}/printed-code/revoke", mother.handbook);
    administrator.client.post(&revoke, json!({})).await.ok();

    let own = changes(&mother.user.client, &mother, 0).await;
    assert_eq!((own["seq"].as_i64(), own["more"].as_bool()), (Some(3), Some(false)));
    assert_eq!(own["changed"][0], json!({ "record": shared, "state": "live", "change_seq": 1 }));
    assert_eq!((numbers(&own["changed"]), numbers(&own["notices"])), (vec![1, 2], vec![3]));
    assert_eq!(own["notices"][0]["kind"], "code_reprinted");
    let later = changes(&mother.user.client, &mother, 2).await;
    assert_eq!((numbers(&later["changed"]), numbers(&later["notices"])), (vec![], vec![3]));

    let staff = changes(&managing.client, &mother, 0).await;
    assert_eq!((numbers(&staff["changed"]), &staff["notices"]), (vec![1], &json!([])));
    assert!(!staff.to_string().contains(&private.to_string()));
    let seen = changes(&viewer.client, &mother, 0).await;
    assert_eq!((numbers(&seen["changed"]), &seen["notices"]), (vec![1, 2], &json!([])));

    let path = format!("/api/v1/handbooks/{}/changes", mother.handbook);
    administrator.client.get(&path).await.problem(403, "forbidden");
    world.doctor(county.hospital).await.client.get(&path).await.problem(404, "not_found");
    world.anybody().get(&path).await.problem(401, "not_signed_in");
    mother.user.client.get(&format!("{path}?after=-1")).await.problem(400, "bad_query");
    mother.user.client.get(&format!("{path}?after=x")).await.problem(400, "bad_query");
    let ticket = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    world.doctor(county.hospital).await.client.post(&ticket, json!({})).await.problem(404, "not_found");
    assert_eq!(viewer.client.post(&ticket, json!({})).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_absence_is_caught_up_with_a_hundred_at_a_time() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    for _ in 0..130 {
        world.entry(&mother, false).await;
    }
    let first = changes(&mother.user.client, &mother, 0).await;
    assert_eq!((first["seq"].as_i64(), first["more"].as_bool()), (Some(100), Some(true)));
    assert_eq!(numbers(&first["changed"]), (1..=100).collect::<Vec<_>>());
    let second = changes(&mother.user.client, &mother, 100).await;
    assert_eq!((second["seq"].as_i64(), second["more"].as_bool()), (Some(130), Some(false)));
    assert_eq!(numbers(&second["changed"]), (101..=130).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_hidden_or_taken_back_vanishes_where_staff_follow() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.health_centre).await;
    let written = mother.user.client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let id = written["id"].as_str().unwrap();
    let address = format!("{}/{id}", entries(&mother));
    let hide = async |version: i64, private: bool| {
        let (path, etag) = (format!("{address}/private"), format!("\"{version}\""));
        mother.user.client.change(Method::PUT, &path, &etag, json!({ "private": private })).await.ok()
    };
    let reads = world.reads().await;
    let seen = changes(&doctor.client, &mother, 0).await;
    assert_eq!(seen["changed"][0]["state"], "live");
    let seq = seen["seq"].as_i64().unwrap();
    assert_eq!(world.reads().await, reads + 1, "who saw when something was written stands in the log");
    changes(&doctor.client, &mother, seq).await;
    changes(&mother.user.client, &mother, 0).await;
    assert_eq!(world.reads().await, reads + 1, "nothing was seen, and the family's own looks are none");

    hide(1, true).await;
    let gone = changes(&doctor.client, &mother, seq).await;
    let hidden_at = gone["seq"].as_i64().unwrap();
    let tombstone = json!([{ "record": id, "state": "withdrawn", "change_seq": hidden_at }]);
    assert_eq!(gone["changed"], tombstone, "an id and that it is gone, and nothing else");
    assert_eq!(doctor.client.get(&records(&mother)).await.ok()["items"], json!([]));
    doctor.client.get(&format!("{}/{id}", records(&mother))).await.problem(404, "not_found");
    let own = changes(&mother.user.client, &mother, seq).await;
    assert_eq!(own["changed"][0]["state"], "live", "the family still has it");

    let mended = json!({ "payload": pressure(120, 78)["payload"] });
    mother.user.client.change(Method::PATCH, &address, "\"2\"", mended).await.ok();
    let quiet = changes(&doctor.client, &mother, hidden_at).await;
    assert_eq!(quiet["changed"], json!([]), "what the family does with it then is not told");
    assert_eq!(changes(&doctor.client, &mother, 0).await["changed"], tombstone);

    hide(3, false).await;
    let back = changes(&doctor.client, &mother, hidden_at).await;
    assert_eq!((&back["changed"][0]["record"], &back["changed"][0]["state"]), (&json!(id), &json!("live")));
    let seq = back["seq"].as_i64().unwrap();
    mother.user.client.change(Method::DELETE, &address, "\"4\"", json!({})).await;
    let taken = changes(&doctor.client, &mother, seq).await;
    assert_eq!(
        (&taken["changed"][0]["record"], &taken["changed"][0]["state"]),
        (&json!(id), &json!("withdrawn"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_entry_that_was_always_hidden_staff_learn_nothing_when_it_is_taken_back() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.health_centre).await;
    let mut body = pressure(118, 76);
    body["private"] = json!(true);
    let id = mother.user.client.post(&entries(&mother), body).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    mother.user.client.change(Method::DELETE, &address, "\"1\"", json!({})).await;
    assert_eq!(changes(&mother.user.client, &mother, 0).await["changed"][0]["state"], "withdrawn");
    assert_eq!(changes(&doctor.client, &mother, 0).await["changed"], json!([]));
}
