//! The audit log: what is done leaves an event, events are sealed, and whatever is changed afterwards is found.

mod chain;
mod commands;
mod heads;

use api::audit::head::Copied;
use api::audit::verify::{Fault, Verified, verify};
use api::audit::{head, seal};
use api::db::entities::{audit_batch, audit_event};
use chrono::TimeDelta;
use domain::access::Role;
use domain::place::RegionLevel;
use reqwest::{Method, StatusCode};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use crate::entries::{entries, pressure, records};
use crate::support::people::{COUNTY, PASSWORD};
use crate::support::{Answer, World, send};

/// Events that were written since the last seal are sealed, as a few seconds later they are.
async fn sealed(world: &World) -> u64 {
    world.advance(TimeDelta::seconds(3));
    seal::seal(&world.app).await.unwrap()
}

async fn verified(world: &World, copies: &[Copied]) -> Verified {
    verify(&world.app.db, &world.app.keys, copies, &mut |_, _| {}).await.unwrap()
}

async fn fault(world: &World) -> Option<Fault> {
    verified(world, &[]).await.fault
}

async fn events(world: &World) -> Vec<audit_event::Model> {
    audit_event::Entity::find().order_by_asc(audit_event::COLUMN.id).all(world.app.db.read()).await.unwrap()
}

async fn batches(world: &World) -> Vec<audit_batch::Model> {
    audit_batch::Entity::find().order_by_asc(audit_batch::COLUMN.seq).all(world.app.db.read()).await.unwrap()
}

async fn behind_the_api(world: &World, sql: &str) {
    let done =
        world.app.db.write().execute_unprepared(sql).await.unwrap_or_else(|err| panic!("{err}: {sql}"));
    assert!(done.rows_affected() > 0, "{sql}");
}

/// An id as both databases take it in a statement.
fn literal(world: &World, id: Uuid) -> String {
    match world.app.db.backend() {
        sea_orm::DbBackend::Postgres => format!("'{id}'"),
        _ => format!("x'{}'", id.simple()),
    }
}

fn bytes(world: &World, bytes: &[u8]) -> String {
    let hex = head::hex(bytes);
    match world.app.db.backend() {
        sea_orm::DbBackend::Postgres => format!("'\\x{hex}'"),
        _ => format!("x'{hex}'"),
    }
}

fn request_of(answer: &Answer) -> Uuid {
    answer.headers["x-request-id"].to_str().unwrap().parse().unwrap()
}

/// What the log says of a request.
async fn said_of(world: &World, answer: &Answer) -> Vec<(String, String, Option<String>)> {
    let told = events(world).await.into_iter().filter(|event| event.request_id == Some(request_of(answer)));
    told.map(|event| (event.kind, event.action, event.operation)).collect()
}

fn event(kind: &str, action: &str, operation: &str) -> (String, String, Option<String>) {
    (kind.to_owned(), action.to_owned(), Some(operation.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_family_and_a_clinic_write_and_what_the_clinic_reads_are_events() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let before = events(&world).await.len();

    let written = mother.user.client.post(&entries(&mother), pressure(118, 76)).await;
    assert_eq!(said_of(&world, &written).await, [event("write", "write_entry", "entries_add")]);
    let told = events(&world).await.pop().unwrap();
    assert_eq!((told.user_id, told.staff_id), (Some(mother.user.id), None));
    assert_eq!(told.handbook_id, Some(mother.handbook));
    assert_eq!(told.record_id.map(|id| id.to_string()).as_deref(), written.ok()["id"].as_str());
    mother.user.client.get(&records(&mother)).await.ok();
    assert_eq!(events(&world).await.len(), before + 1, "what a family reads of its own is no event");

    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    let scanned = doctor.scan(code["url"].as_str().unwrap()).await;
    let expected = [event("write", "open_visit", "visits_scan"), event("read", "read_cover", "visits_scan")];
    assert_eq!(said_of(&world, &scanned).await, expected);
    let read = doctor.client.get(&records(&mother)).await;
    assert_eq!(said_of(&world, &read).await, [event("read", "read_records", "records_timeline")]);
    let told = events(&world).await.pop().unwrap();
    assert_eq!((told.staff_id, told.institution_id), (Some(doctor.id), Some(county.hospital)));
    assert_eq!(told.visit_id.map(|id| id.to_string()).as_deref(), scanned.ok()["id"].as_str());
    let attached =
        doctor.client.post(&crate::checkups::checkups(&mother), crate::checkups::antenatal(&world)).await;
    assert_eq!(said_of(&world, &attached).await, [event("write", "attach_checkup", "checkups_attach")]);
    assert_eq!(events(&world).await.pop().unwrap().tie.as_deref(), Some("visit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_given_again_is_an_event_at_the_same_handbook() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let ask = || {
        let request = mother.user.client.request(Method::POST, &entries(&mother));
        request.header("idempotency-key", "one").json(&pressure(118, 76))
    };
    send(ask()).await.ok();
    let again = send(ask()).await;
    assert_eq!(again.status, StatusCode::CREATED);
    let expected = [event("answered_again", "answered_again", "entries_add")];
    assert_eq!(said_of(&world, &again).await, expected);
    let told = events(&world).await.pop().unwrap();
    assert_eq!((told.handbook_id, told.user_id), (Some(mother.handbook), Some(mother.user.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_accounts_and_every_sign_in_and_lock_out_are_events() {
    let world = World::empty().await;
    let county = world.county().await;
    let office = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    let added = office
        .client
        .post(
            "/api/v1/staff",
            json!({ "user_name": "new.doctor", "name": "陈新", "title": "医师", "roles": ["clinician"],
                    "institution": county.hospital }),
        )
        .await;
    added.ok();
    assert_eq!(said_of(&world, &added).await, [event("write", "manage_staff", "staff_add_staff")]);

    world.employee("desk.one", &[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let signed_in = world.sign_in("desk.one", PASSWORD).await;
    assert_eq!(said_of(&world, &signed_in).await, [event("sign_in", "sign_in", "sign_in_sign_in_as_staff")]);
    let client = world.as_signed_in(&signed_in);
    let out = client.post("/api/v1/sign-out", json!({})).await;
    assert_eq!(said_of(&world, &out).await, [event("write", "sign_out", "sign_in_sign_out")]);

    for name in ["desk.one", "nobody.here"] {
        let before = events(&world).await.len();
        for _ in 0..5 {
            world.sign_in(name, "wrong").await.problem(401, "wrong_credentials");
        }
        for _ in 0..3 {
            world.sign_in(name, PASSWORD).await.problem(429, "too_many_tries");
        }
        let told = events(&world).await;
        assert_eq!(told.len(), before + 1, "once a minute");
        let locked = told
            .iter()
            .find(|event| event.kind == "locked_out" && (event.staff_id.is_some() == (name == "desk.one")));
        assert_eq!(locked.unwrap().operation.as_deref(), Some("sign_in_sign_in_as_staff"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_at_a_handbook_leaves_one_event_a_minute() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let stranger = world.family_user().await;
    let outside = world.clinician(county.foreign_hospital).await;
    let refusals = async || world.number("SELECT COUNT(*) FROM audit_event WHERE kind = 'refused'").await;
    for client in [&stranger.client, &outside] {
        for _ in 0..3 {
            client.get(&records(&mother)).await.problem(404, "not_found");
        }
        client.get(&format!("/api/v1/handbooks/{}/records", Uuid::now_v7())).await.problem(404, "not_found");
    }
    assert_eq!(refusals().await, 2, "one for each caller, none for a handbook that does not exist");
    let told = events(&world).await;
    let refused: Vec<_> = told.iter().filter(|event| event.kind == "refused").collect();
    assert!(
        refused
            .iter()
            .all(|event| event.handbook_id == Some(mother.handbook) && event.action == "read_records")
    );
    assert!(refused.iter().any(|event| event.user_id == Some(stranger.id)));
    world.advance(TimeDelta::minutes(1));
    stranger.client.get(&records(&mother)).await.problem(404, "not_found");
    stranger.client.post(&entries(&mother), pressure(118, 76)).await.problem(404, "not_found");
    assert_eq!(refusals().await, 4, "another minute, and another action");
    outside.get("/api/v1/staff").await.problem(403, "forbidden");
    assert_eq!(refusals().await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_or_written_when_the_log_cannot_be_written() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    world.app.db.write().execute_unprepared("ALTER TABLE audit_event RENAME TO hidden").await.unwrap();
    let read = doctor.client.get(&records(&mother)).await;
    assert!(read.status.is_server_error() && !read.text().contains("items"), "{}", read.text());
    let written = mother.user.client.post(&entries(&mother), pressure(118, 76)).await;
    assert!(written.status.is_server_error(), "{}", written.text());
    assert_eq!(world.number("SELECT COUNT(*) FROM record").await, 0);
    world.app.db.write().execute_unprepared("ALTER TABLE hidden RENAME TO audit_event").await.unwrap();
    doctor.client.get(&records(&mother)).await.ok();
    mother.user.client.post(&entries(&mother), pressure(118, 76)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_process_logged_is_taken_over_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let (backend, id) = (world.app.db.backend(), Uuid::now_v7());
    let read = api::db::statement(
        backend,
        "INSERT INTO access_log (id, at, staff_id, institution_id, handbook_id, action, tie, request_id) \
         VALUES (?, ?, ?, ?, ?, 'read_records', 'managing', ?)",
        [
            id.into(),
            world.now().into(),
            doctor.id.into(),
            county.hospital.into(),
            mother.handbook.into(),
            Uuid::now_v7().into(),
        ],
    );
    world.app.db.write().execute_raw(read).await.unwrap();
    for _ in 0..2 {
        api::audit::store::take_over(world.app.db.write(), world.now() - TimeDelta::days(1000))
            .await
            .unwrap();
    }
    let path = format!("/api/v1/handbooks/{}/access-log", mother.handbook);
    let log = mother.user.client.get(&path).await.ok();
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["id"], json!(id));
    sealed(&world).await;
    assert_eq!(fault(&world).await, None);
}
