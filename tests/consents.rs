//! What a family agrees to and takes back: at once, for one purpose, and on record.

use api::consents::store::may_remind;
use api::db::entities::consent_event;
use domain::consent::Purpose;
use domain::member::{MemberRelation, MemberRole};
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::photos::upload_picture;
use crate::support::issuing::{CONSENT, Desk, at, claim_by_phone, pregnant_form};
use crate::support::{Answer, Client, Events, Mother, World, send};

fn consents(mother: &Mother) -> String {
    format!("/api/v1/handbooks/{}/consents", mother.handbook)
}

pub(crate) async fn answer(client: &Client, mother: &Mother, purpose: &str, given: bool) -> Answer {
    let version = purpose.parse::<Purpose>().unwrap().version();
    let mut body = json!({ "given": given });
    if given {
        body["version"] = json!(version);
    }
    send(client.request(Method::PUT, &format!("{}/{purpose}", consents(mother))).json(&body)).await
}

fn stands(state: &Value, purpose: &str) -> Value {
    let all = state["state"].as_array().unwrap();
    all.iter().find(|stands| stands["purpose"] == purpose).unwrap().clone()
}

async fn seen(client: &Client, mother: &Mother) -> Vec<Value> {
    let page = client.get(&records(mother)).await.ok();
    page["items"].as_array().unwrap().iter().map(|record| record["id"].clone()).collect()
}

async fn changes(client: &Client, mother: &Mother, after: i64) -> Value {
    client.get(&format!("/api/v1/handbooks/{}/changes?after={after}", mother.handbook)).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_asked_can_be_read_before_without_a_sign_in() {
    let world = World::empty().await;
    let text = world.anybody().get("/api/v1/privacy-text").await.ok();
    let purposes: Vec<_> =
        text["purposes"].as_array().unwrap().iter().map(|one| one["purpose"].clone()).collect();
    assert_eq!(purposes, ["basic", "child", "share_entries", "reminders"]);
    for one in text["purposes"].as_array().unwrap() {
        assert_eq!(one["optional"] == json!(false), one["purpose"] == "basic");
        assert_eq!(one["hash"].as_str().unwrap().len(), 64);
        assert!(one["text"]["zh"].is_string() && one["stops"]["en"].is_string());
    }
    assert_eq!(text["purposes"][0]["hash"], text["hash"]);
    let ends: Vec<_> = text["retention"].as_array().unwrap().iter().map(|row| row["end"].clone()).collect();
    for end in ["deleted", "anonymised", "blocked"] {
        assert!(ends.contains(&json!(end)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_optional_is_declined_at_the_claim_and_the_handbook_works() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let mut claim = claim_by_phone(&issued, &world.phone_code(1));
    claim["consent"]["share_entries"] = json!(false);
    claim["consent"]["reminders"] = json!(false);
    user.client.post("/api/v1/claims", claim).await.ok();
    let state = user.client.get(&at(&issued, "/consents")).await.ok();
    let given = |purpose| stands(&state, purpose)["given"].clone();
    assert_eq!(
        (given("basic"), given("share_entries"), given("reminders")),
        (json!(true), json!(false), json!(false))
    );
    let events = state["items"].as_array().unwrap();
    assert_eq!(events.len(), 4, "basic, reminders, child and sharing: {events:?}");
    assert!(events.iter().all(|event| event["channel"] == "wechat" && event["mine"] == true));
    let basic = events.iter().find(|event| event["purpose"] == "basic").unwrap();
    let text = world.anybody().get("/api/v1/privacy-text").await.ok();
    assert_eq!((&basic["version"], &basic["text_hash"]), (&json!(CONSENT), &text["hash"]));
    let written = user.client.post(&at(&issued, "/entries"), pressure(172, 112)).await.ok();
    assert_eq!(written["danger"]["institution_told"], false);
    assert!(written["danger"]["text"].as_str().unwrap().contains("没有通知任何机构"));
    assert_eq!(world.number("SELECT COUNT(*) FROM alert").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sharing_is_withdrawn_an_open_visit_shows_no_entry_and_when_it_is_given_again_all() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let photo = upload_picture(&mother).await;
    let diary = json!({ "kind": "diary", "subject": "household", "photos": [photo], "payload": { "date": "2026-11-22", "text": "散步" } });
    let diary = client.post(&entries(&mother), diary).await.ok()["id"].clone();
    let mut private = pressure(120, 80);
    private["private"] = json!(true);
    client.post(&entries(&mother), private).await.ok();
    for systolic in 0..120 {
        client.post(&entries(&mother), pressure(100 + systolic % 20, 70)).await.ok();
    }
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let checkup = doctor.client.post(&checkups(&mother), antenatal(&world)).await.ok()["id"].clone();
    let mut events = Events::follow(&doctor.client, mother.handbook).await;
    let seq = events.change().await;
    let before = seen(&doctor.client, &mother).await;
    assert!(before.len() > 20);

    let state = answer(client, &mother, "share_entries", false).await.ok();
    assert_eq!(stands(&state, "share_entries")["given"], false);
    assert!(events.change().await > seq, "who follows is told to look");
    assert_eq!(
        seen(&doctor.client, &mother).await,
        std::slice::from_ref(&checkup),
        "the cached visit reads nothing of the family"
    );
    let one = format!("{}/{}", records(&mother), diary.as_str().unwrap());
    doctor.client.get(&one).await.problem(404, "not_found");
    doctor.client.get(&format!("{one}/versions")).await.problem(404, "not_found");
    let picture = format!("/api/v1/handbooks/{}/photos/{}", mother.handbook, photo.as_str().unwrap());
    doctor.client.get(&picture).await.problem(404, "not_found");
    let (mut gone, mut after) = (Vec::new(), seq);
    loop {
        let page = changes(&doctor.client, &mother, after).await;
        gone.extend(page["changed"].as_array().unwrap().clone());
        after = page["seq"].as_i64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(
        gone.len(),
        121,
        "each entry that was seen is taken away, and the private one is not spoken of"
    );
    assert!(gone.iter().all(|item| item["state"] == "withdrawn"));

    let written = client.post(&entries(&mother), pressure(172, 112)).await.ok();
    assert_eq!(written["danger"]["institution_told"], false);
    assert_eq!(world.number("SELECT COUNT(*) FROM alert").await, 0);
    assert_eq!(changes(&doctor.client, &mother, after).await["changed"], json!([]), "new entries neither");
    assert_eq!(client.get(&one).await.status, 200, "the family goes on reading");

    answer(client, &mother, "share_entries", true).await.ok();
    let again = changes(&doctor.client, &mother, after).await;
    assert_eq!((again["changed"].as_array().unwrap().len(), &again["more"]), (100, &json!(true)));
    doctor.client.get(&one).await.ok();
    doctor.client.get(&picture).await;
    assert_eq!(
        world.number("SELECT COUNT(*) FROM alert").await,
        1,
        "the danger sign of meanwhile is told now"
    );
    let history = client.get(&consents(&mother)).await.ok();
    let given: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|event| event["given"].clone()).collect();
    assert_eq!(given, [true, false], "the newest first, and both stay");
    answer(client, &mother, "share_entries", true).await.ok();
    assert_eq!(world.number("SELECT COUNT(*) FROM consent_event").await, 2, "said twice it is one answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_entries_that_are_not_shared_any_more_are_not_listed() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = world.doctor(county.health_centre).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    let alerts = async || nurse.client.get("/api/v1/alerts").await.ok()["items"].as_array().unwrap().len();
    assert_eq!(alerts().await, 1);
    answer(&mother.user.client, &mother, "share_entries", false).await.ok();
    assert_eq!(alerts().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_answer_for_the_family_is_an_owner_and_a_guardian_may_withdraw() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let guardian = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await.client;
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Other).await.client;
    answer(&viewer, &mother, "share_entries", false).await.problem(403, "not_a_guardian");
    answer(&guardian, &mother, "share_entries", false).await.ok();
    answer(&guardian, &mother, "share_entries", true).await.problem(403, "only_an_owner_gives");
    answer(&mother.user.client, &mother, "share_entries", true).await.ok();
    answer(&viewer, &mother, "basic", false).await.problem(409, "closes_the_account");
    let client = &mother.user.client;
    let put = async |purpose: &str, body: Value| {
        send(client.request(Method::PUT, &format!("{}/{purpose}", consents(&mother))).json(&body)).await
    };
    let missing = put("reminders", json!({ "given": true })).await.problem(422, "invalid");
    assert_eq!(missing["errors"][0]["pointer"], "/version");
    let old = put("reminders", json!({ "given": true, "version": "2001-01" })).await;
    assert!(old.problem(422, "consent_required")["detail"].as_str().unwrap().contains("提醒"));
    put("research", json!({ "given": true, "version": CONSENT })).await.problem(404, "not_found");
    put("reminders", json!({ "given": true, "research": 1 })).await.problem(422, "invalid");
    assert_eq!(world.number("SELECT COUNT(*) FROM consent_event").await, 2, "a refusal leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_asks_whether_its_reader_agreed_under_the_text_in_force() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (client, db) = (&mother.user.client, world.app.db.read());
    let may = async |user| may_remind(db, mother.handbook, user).await.unwrap();
    assert!(!may(mother.user.id).await, "nobody is reminded unasked");
    answer(client, &mother, "reminders", true).await.ok();
    assert!(may(mother.user.id).await);
    let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    assert!(!may(father.id).await, "each answers for themselves");
    answer(client, &mother, "reminders", false).await.ok();
    assert!(!may(mother.user.id).await);
    answer(client, &mother, "reminders", true).await.ok();
    let now = world.now();
    world
        .execute("UPDATE member SET ended_at = ? WHERE user_id = ?", [now.into(), mother.user.id.into()])
        .await;
    assert!(!may(mother.user.id).await, "who has left is not reminded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_text_is_asked_before_the_next_use_of_its_purpose_and_of_no_other() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (child, _) = world.child(mother.handbook, "王小宝", "51090320260301001").await;
    let client = &mother.user.client;
    let written = client.post(&entries(&mother), pressure(118, 76)).await.ok()["id"].clone();
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;

    world
        .execute(
            "UPDATE handbook SET shares_entries = ? WHERE id = ?",
            ["2025-01".into(), mother.handbook.into()],
        )
        .await;
    assert_eq!(seen(&doctor.client, &mother).await, [json!(null); 0]);
    assert_eq!(seen(client, &mother).await, std::slice::from_ref(&written));
    let state = client.get(&consents(&mother)).await.ok();
    assert_eq!(stands(&state, "share_entries")["asked_again"], true);
    answer(client, &mother, "share_entries", true).await.ok();
    assert_eq!(seen(&doctor.client, &mother).await, [written]);

    world
        .execute(
            "UPDATE handbook SET child_agreed = ? WHERE id = ?",
            ["2025-01".into(), mother.handbook.into()],
        )
        .await;
    let weight = json!({ "kind": "temperature", "subject": { "child": child }, "payload": {} });
    client.post(&entries(&mother), weight.clone()).await.problem(422, "consent_required");
    client.post(&entries(&mother), pressure(118, 76)).await.ok();
    answer(client, &mother, "child", true).await.ok();
    client.post(&entries(&mother), weight).await.problem(422, "invalid");

    world
        .execute(
            "UPDATE member SET agreed_to = ? WHERE user_id = ?",
            ["2025-01".into(), mother.user.id.into()],
        )
        .await;
    client.get(&records(&mother)).await.problem(422, "consent_required");
    client.post(&entries(&mother), pressure(118, 76)).await.problem(422, "consent_required");
    assert_eq!(client.get("/api/v1/me/handbooks").await.ok()["items"][0]["consent_required"], true);
    client.get("/api/v1/me/export").await.bytes.len();
    assert_eq!(seen(&doctor.client, &mother).await.len(), 2, "care goes on");
    answer(client, &mother, "basic", true).await.ok();
    client.get(&records(&mother)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_to_is_never_rewritten_and_follows_the_handbook() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    answer(&mother.user.client, &mother, "reminders", true).await.ok();
    let db = world.app.db.write();
    for change in [
        "UPDATE consent_event SET given = false",
        "UPDATE consent_event SET text_version = 'x'",
        "DELETE FROM consent_event",
    ] {
        use sea_orm::ConnectionTrait;
        let refused = db.execute_unprepared(change).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    world
        .execute(
            "UPDATE consent_event SET handbook_id = ? WHERE handbook_id = ?",
            [other.handbook.into(), mother.handbook.into()],
        )
        .await;
    let kept = consent_event::Entity::find().one(db).await.unwrap().unwrap();
    assert_eq!((kept.handbook_id, kept.given), (other.handbook, true));
}
