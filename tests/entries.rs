//! What a family writes down: added, changed, hidden and taken back.

use api::db::entities::record;
use chrono::NaiveDate;
use domain::id::RecordId;
use domain::member::{MemberRelation, MemberRole};
use reqwest::Method;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, Mother, World, send};

/// The address of a mother's entries.
pub fn entries(mother: &Mother) -> String {
    format!("/api/v1/handbooks/{}/entries", mother.handbook)
}

/// The address of a mother's records.
pub fn records(mother: &Mother) -> String {
    format!("/api/v1/handbooks/{}/records", mother.handbook)
}

/// A blood pressure of this morning.
pub fn pressure(systolic: i64, diastolic: i64) -> Value {
    json!({
        "kind": "blood_pressure",
        "subject": "woman",
        "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "systolic": systolic, "diastolic": diastolic },
    })
}

fn diary(text: &str) -> Value {
    json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } })
}

async fn read(client: &Client, mother: &Mother, id: &Value) -> Answer {
    client.get(&format!("{}/{}", records(mother), id.as_str().unwrap())).await
}

fn pointers(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_writes_her_blood_pressure_and_reads_it_in_the_timeline() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let written = mother.user.client.post(&entries(&mother), pressure(118, 76)).await;
    assert_eq!(written.status, 201);
    let written = written.ok();
    assert_eq!((&written["version"], &written["warnings"]), (&json!(1), &json!([])));
    assert!(written["danger"].is_null());

    let timeline = mother.user.client.get(&records(&mother)).await.ok();
    let entry = &timeline["items"][0];
    assert_eq!(entry["id"], written["id"]);
    assert_eq!(
        (&entry["zh"], &entry["source"], &entry["occurred_on"]),
        (&json!("血压"), &json!("family"), &json!("2026-11-22"))
    );
    assert_eq!(entry["author"], json!({ "role": "woman", "mine": true }));
    assert_eq!(
        (&entry["private"], &entry["edited"], &entry["understood"]),
        (&json!(false), &json!(false), &json!(true))
    );
    assert_eq!(entry["payload"]["pulse_pressure"], 42, "what is computed is there");
    let alone = read(&mother.user.client, &mother, &written["id"]).await;
    assert_eq!((alone.etag(), &alone.ok()), ("\"1\"", entry));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_danger_sign_answers_at_once_with_what_to_do_and_whom_to_call() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let written = mother.user.client.post(&entries(&mother), pressure(170, 115)).await.ok();
    assert_eq!(written["warnings"][0]["level"], "emergency");
    assert!(written["danger"]["text"].as_str().unwrap().contains("120"));
    let call = written["danger"]["call"].as_array().unwrap();
    assert_eq!(call[0]["phone"], "120");
    assert_eq!(call[1], json!({ "name": "河沙镇卫生院", "phone": "0825-2222333" }));
    let shown = read(&mother.user.client, &mother, &written["id"]).await.ok();
    assert_eq!(shown["warnings"], written["warnings"], "warnings stay on the record");

    let request = mother.user.client.request(Method::POST, &entries(&mother));
    let in_english = send(
        request.header("accept-language", "en").header("idempotency-key", "k").json(&pressure(165, 100)),
    )
    .await
    .ok();
    assert!(in_english["danger"]["text"].as_str().unwrap().contains("emergency"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_told_at_once_with_its_range_and_unit_and_changes_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let mut body = pressure(1200, 80);
    body["colour"] = json!("red");
    body["photos"] = json!("none");
    body["payload"]["arm"] = json!("third");
    body["payload"]["pulse_pressure"] = json!(40);
    body["payload"]["doctor"] = json!("x");
    let refused = client.post(&entries(&mother), body.clone()).await;
    let problem = refused.problem(422, "invalid");
    let mut told = pointers(&problem);
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("/colour", "unknown_field"),
            ("/payload/arm", "not_an_option"),
            ("/payload/doctor", "unknown_field"),
            ("/payload/pulse_pressure", "derived"),
            ("/payload/systolic", "above_range"),
            ("/photos", "wrong_type"),
        ]
    );
    let range = problem["errors"].as_array().unwrap().iter().find(|error| error["code"] == "above_range");
    assert_eq!(range.unwrap()["message"], "收缩压：填写的 1200 高于允许范围，应为 40～300 mmHg");

    let request = client.request(Method::POST, &entries(&mother)).header("accept-language", "en");
    let english = send(request.header("idempotency-key", "k").json(&body)).await.problem(422, "invalid");
    assert!(english.to_string().contains("1200 is above the range; allowed is 40 to 300 mmHg"));
    assert_eq!(
        (&english["title"], &english["detail"]),
        (&json!("Some fields are wrong"), &json!("Fields that need mending: 6; see errors."))
    );
    assert_eq!(client.get(&records(&mother)).await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_answer() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let child = world.birth(&mother, "2026-11-10".parse().unwrap()).await;
    let client = &mother.user.client;
    let of_child = json!({ "child": child });
    let grams = json!({ "kind": "growth", "subject": of_child, "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "weight": 3500 } });
    let cases = [
        (grams, "invalid", "/payload/weight"),
        (
            json!({ "kind": "weight", "subject": "woman", "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "weight": 62500 } }),
            "invalid",
            "/payload/weight",
        ),
        (
            json!({ "id": "6b2f3c1e-8d4a-4f6b-9c7d-2e1f0a3b4c5d", "kind": "diary", "subject": "household", "payload": {} }),
            "invalid",
            "/id",
        ),
        (json!({ "kind": "no_such", "subject": "woman", "payload": {} }), "kind_unknown", ""),
        (json!({ "kind": "antenatal_first", "subject": "woman", "payload": {} }), "invalid", "/kind"),
        (json!({ "kind": "blood_pressure", "subject": of_child, "payload": {} }), "subject_not_allowed", ""),
        (
            json!({ "kind": "growth", "subject": { "child": mother.handbook }, "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "weight": 3.5 } }),
            "invalid",
            "/subject/child",
        ),
        (
            json!({ "kind": "growth", "subject": of_child, "occurred_on": "2026-11-09", "payload": { "measured_at": "2026-11-09T08:00:00+08:00", "weight": 3.5 } }),
            "date_before_birth",
            "/occurred_on",
        ),
        (
            json!({ "kind": "tooth", "subject": of_child, "payload": { "position": "p71", "eruption_date": "2026-11-09" } }),
            "date_before_birth",
            "/payload/eruption_date",
        ),
        (
            json!({ "kind": "diary", "subject": "household", "occurred_on": "2026-11-23", "payload": { "date": "2026-11-23", "text": "x" } }),
            "date_in_future",
            "/occurred_on",
        ),
        (
            json!({ "kind": "blood_pressure", "subject": "woman", "payload": { "measured_at": "2026-11-24T08:00:00+08:00", "systolic": 118, "diastolic": 76 } }),
            "date_in_future",
            "/payload/measured_at",
        ),
        (
            json!({ "kind": "diary", "subject": "household", "occurred_on": "1926-11-23", "payload": { "date": "1926-11-23", "text": "x" } }),
            "date_too_old",
            "/occurred_on",
        ),
        (
            json!({ "kind": "diary", "subject": "household", "occurred_on": "2026-11-21", "payload": { "date": "2026-11-20", "text": "x" } }),
            "invalid",
            "/payload/date",
        ),
        (
            json!({ "kind": "diary", "subject": "nobody", "payload": { "date": "2026-11-20", "text": "x" } }),
            "invalid",
            "/subject",
        ),
        (json!({ "kind": "diary", "subject": "household" }), "invalid", "/payload"),
        (
            json!({ "kind": "diary", "subject": "household", "photos": [mother.handbook], "payload": { "date": "2026-11-20", "text": "x" } }),
            "invalid",
            "/photos",
        ),
        (
            json!({ "kind": "vaccine_reaction", "subject": of_child, "payload": { "dose_ref": child, "onset": "2026-11-21T08:00:00+08:00", "signs": ["fever"] } }),
            "invalid",
            "/payload/dose_ref",
        ),
    ];
    for (body, code, pointer) in cases {
        let problem = client.post(&entries(&mother), body.clone()).await.problem(422, code);
        if !pointer.is_empty() {
            let found = pointers(&problem).iter().any(|(told, _)| *told == pointer);
            assert!(found, "{body}: {problem}");
        }
    }
    client.post(&entries(&mother), json!(["not", "an", "object"])).await.problem(422, "invalid");
    assert_eq!(client.get(&records(&mother)).await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_confirming_its_rule() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mut body = pressure(150, 20);
    let problem = mother.user.client.post(&entries(&mother), body.clone()).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "confirm_needed");
    body["confirmed"] = json!([problem["errors"][0]["rule"]]);
    assert_eq!(mother.user.client.post(&entries(&mother), body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_lost_its_network_sends_again_and_nothing_is_doubled() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let mut body = diary("今天第一次感到胎动");
    body["id"] = json!(uuid::Uuid::now_v7());
    let without_key = || client.request(Method::POST, &entries(&mother));
    let first = send(without_key().json(&body)).await.ok();
    let again = send(without_key().json(&body)).await;
    assert_eq!((again.status.as_u16(), again.json()), (201, first));

    let mut other = body.clone();
    other["payload"]["text"] = json!("别的内容");
    send(without_key().json(&other)).await.problem(409, "id_in_use");
    client.post(&entries(&mother), other.clone()).await.problem(409, "id_in_use");

    let keyed = |body: &Value| send(without_key().header("idempotency-key", "evening").json(body));
    let mut third = diary("晚上");
    keyed(&third).await.ok();
    third["payload"]["text"] = json!("深夜");
    keyed(&third).await.problem(422, "idempotency_key_reused");
    third.as_object_mut().unwrap().remove("id");
    send(without_key().json(&third)).await.problem(400, "idempotency_key_required");
    assert_eq!(client.get(&records(&mother)).await.ok()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_family_is_in_use_here_too() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let mut body = diary("今天天气好");
    body["id"] = json!(uuid::Uuid::now_v7());
    mother.user.client.post(&entries(&mother), body.clone()).await.ok();
    other.user.client.post(&entries(&other), body).await.problem(409, "id_in_use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_changes_her_entry_and_the_old_one_stays_readable() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let id = client.post(&entries(&mother), pressure(188, 76)).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let mended = json!({ "payload": pressure(118, 76)["payload"] });
    let unseen = send(client.request(Method::PATCH, &address).json(&mended)).await;
    unseen.problem(428, "if_match_required");
    let changed = client.change(Method::PATCH, &address, "\"1\"", mended.clone()).await.ok();
    assert_eq!((&changed["version"], &changed["warnings"]), (&json!(2), &json!([])));
    let stale = client.change(Method::PATCH, &address, "\"1\"", mended).await.problem(412, "stale");
    assert!(stale["detail"].as_str().unwrap().contains('2'));
    let wrong =
        json!({ "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "systolic": 5, "diastolic": 70 } });
    client.change(Method::PATCH, &address, "\"2\"", wrong).await.problem(422, "invalid");

    let shown = read(client, &mother, &id).await.ok();
    assert_eq!((&shown["edited"], &shown["payload"]["systolic"]), (&json!(true), &json!(118)));
    let versions = client.get(&format!("{}/{}/versions", records(&mother), id.as_str().unwrap())).await.ok();
    assert_eq!(versions["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&versions["items"][0]["version"], &versions["items"][0]["payload"]["systolic"]),
        (&json!(1), &json!(188))
    );

    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let seen = read(&clinician.client, &mother, &id).await.ok();
    assert_eq!((&seen["edited"], &seen["private"]), (&json!(true), &Value::Null));
    let before =
        clinician.client.get(&format!("{}/{}/versions", records(&mother), id.as_str().unwrap())).await;
    assert_eq!(before.ok()["items"], json!([]), "a clinician sees that it was edited, not what stood there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_or_the_author_changes_an_entry_and_nobody_else() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (father, grandmother, viewer) =
        (world.family_user().await, world.family_user().await, world.family_user().await);
    let roles = [
        (&father, MemberRole::Guardian, MemberRelation::Father),
        (&grandmother, MemberRole::Guardian, MemberRelation::Grandparent),
        (&viewer, MemberRole::Viewer, MemberRelation::Other),
    ];
    for (user, role, relation) in roles {
        world.join(mother.handbook, user.id, role, relation, false).await;
    }
    let id = father.client.post(&entries(&mother), diary("爸爸写的")).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let text = |text: &str| json!({ "payload": diary(text)["payload"] });
    grandmother
        .client
        .change(Method::PATCH, &address, "\"1\"", text("奶奶改的"))
        .await
        .problem(403, "not_yours");
    viewer.client.change(Method::PATCH, &address, "\"1\"", text("看看")).await.problem(403, "forbidden");
    viewer.client.post(&entries(&mother), diary("看看")).await.problem(403, "forbidden");
    father.client.change(Method::PATCH, &address, "\"1\"", text("爸爸改的")).await.ok();
    mother.user.client.change(Method::PATCH, &address, "\"2\"", text("妈妈改的")).await.ok();
    assert_eq!(read(&viewer.client, &mother, &id).await.ok()["author"]["role"], "father");

    let stranger = world.family_user().await;
    stranger.client.post(&entries(&mother), diary("路过")).await.problem(404, "not_found");
    world.anybody().post(&entries(&mother), diary("路过")).await.problem(401, "not_signed_in");
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    clinician.client.post(&entries(&mother), diary("医生")).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_family_hides_no_clinician_sees_and_it_still_counts_as_usage() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let mut body = diary("心里难受");
    body["private"] = json!(true);
    let id = client.post(&entries(&mother), body).await.ok()["id"].clone();
    let open = client.post(&entries(&mother), diary("产检回来")).await.ok()["id"].clone();
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let timeline = clinician.client.get(&records(&mother)).await.ok();
    assert_eq!(timeline["items"].as_array().unwrap().len(), 1);
    read(&clinician.client, &mother, &id).await.problem(404, "not_found");
    assert_eq!(read(client, &mother, &id).await.ok()["private"], true);

    let hide = |id: &Value| format!("{}/{}/private", entries(&mother), id.as_str().unwrap());
    client.change(Method::PUT, &hide(&open), "\"1\"", json!({ "private": true })).await.ok();
    client.change(Method::PUT, &hide(&id), "\"1\"", json!({ "private": false })).await.ok();
    read(&clinician.client, &mother, &open).await.problem(404, "not_found");
    let shown = read(&clinician.client, &mother, &id).await.ok();
    assert_eq!((&shown["edited"], &shown["version"]), (&json!(false), &json!(2)), "hiding is no edit");
    assert_eq!(evidence(&world, &mother).await, ["entry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_entry_leaves_the_timeline_and_stays_counted() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let id = client.post(&entries(&mother), diary("写错了")).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    client.delete(&address).await.problem(428, "if_match_required");
    let delete = || client.request(Method::DELETE, &address).header("if-match", "\"1\"");
    assert_eq!(send(delete()).await.status, 204);
    send(delete()).await.problem(409, "record_ended");
    read(client, &mother, &id).await.problem(404, "not_found");
    let text = json!({ "payload": diary("再改")["payload"] });
    client.change(Method::PATCH, &address, "\"2\"", text).await.problem(409, "record_ended");
    assert_eq!(evidence(&world, &mother).await, ["entry"]);
    assert_eq!(client.get(&records(&mother)).await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_handbook_takes_no_more_entries() {
    use api::db::entities::handbook;
    use sea_orm::{ActiveValue::Set, EntityTrait};
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let closed = handbook::ActiveModel {
        id: Set(mother.handbook),
        state: Set(domain::handbook::State::Closed),
        ..Default::default()
    };
    handbook::Entity::update(closed).exec(world.app.db.write()).await.unwrap();
    mother.user.client.post(&entries(&mother), diary("x")).await.problem(409, "handbook_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_come_from_earlier_entries_of_the_same_child() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let child = world.birth(&mother, "2026-05-20".parse().unwrap()).await;
    let client = &mother.user.client;
    let tooth = |position: &str| json!({ "kind": "tooth", "subject": { "child": child }, "payload": { "position": position, "eruption_date": "2026-11-20" } });
    let first = client.post(&entries(&mother), tooth("p71")).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = client.post(&entries(&mother), tooth("p71")).await;
    assert_eq!(again.status, 422, "the same tooth does not come twice: {}", again.text());
    assert_eq!(client.post(&entries(&mother), tooth("p81")).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compared_with_long_ago_is_found_behind_hundreds_of_entries() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    // 36 weeks today; the first 20 weeks ended on 2026-08-01.
    let due_on: NaiveDate = "2026-12-20".parse().unwrap();
    world.execute("UPDATE pregnancy SET due_on = ?", [due_on.into()]).await;
    let pressure = |day: &str, systolic: i64, diastolic: i64| {
        json!({ "kind": "blood_pressure", "subject": "woman", "payload": {
            "measured_at": format!("{day}T08:00:00+08:00"), "systolic": systolic, "diastolic": diastolic } })
    };
    let weight = |day: &str, rest: Value| {
        let mut payload = json!({ "measured_at": format!("{day}T08:00:00+08:00") });
        payload.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({ "kind": "weight", "subject": "woman", "payload": payload })
    };
    // Of the last week before the pregnancy the last counts.
    let before =
        [("2026-03-08", json!({ "weight": 60 })), ("2026-03-13", json!({ "weight": 51.2, "height": 160 }))];
    let before = before.map(|(day, rest)| weight(day, rest));
    for entry in [pressure("2026-05-01", 100, 60), weight("2026-04-01", json!({ "weight": 55 }))]
        .into_iter()
        .chain(before)
    {
        client.post(&entries(&mother), entry).await.ok();
    }
    let mut since = Vec::new();
    for entry in [pressure("2026-09-01", 125, 70), weight("2026-09-01", json!({ "weight": 58 }))] {
        let id: Uuid =
            client.post(&entries(&mother), entry).await.ok()["id"].as_str().unwrap().parse().unwrap();
        let row = record::Entity::find_by_id(RecordId(id)).one(world.app.db.read()).await.unwrap().unwrap();
        since.extend((0..450).map(|_| record::Model { id: RecordId(Uuid::now_v7()), ..row.clone() }));
    }
    for some in since.chunks(100) {
        let rows = some.iter().cloned().map(IntoActiveModel::into_active_model);
        record::Entity::insert_many(rows).exec_without_returning(world.app.db.write()).await.unwrap();
    }
    let told = client.post(&entries(&mother), pressure("2026-11-22", 131, 74)).await.ok();
    let rules: Vec<_> = told["warnings"].as_array().unwrap().iter().map(|told| told["id"].clone()).collect();
    assert!(rules.contains(&json!("bp_rising")), "31 over that of the first weeks: {told}");
    let told = client.post(&entries(&mother), weight("2026-11-22", json!({ "weight": 62 }))).await.ok();
    let path = format!("{}/{}", records(&mother), told["id"].as_str().unwrap());
    let read = client.get(&path).await.ok();
    assert_eq!(read["payload"]["pre_bmi"], 20.0, "{read}");
}

/// The kinds of usage evidence of a handbook.
async fn evidence(world: &World, mother: &Mother) -> Vec<String> {
    use api::db::entities::usage_evidence;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    let rows = usage_evidence::Entity::find()
        .filter(usage_evidence::Column::HandbookId.eq(mother.handbook))
        .all(world.app.db.read())
        .await
        .unwrap();
    rows.iter().map(|row| row.kind.code().to_owned()).collect()
}
