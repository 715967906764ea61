//! The audit log: what is done leaves an event, events are sealed, and whatever is changed afterwards is found.

use std::time::Instant;

use api::audit::head::Copied;
use api::audit::verify::{Fault, InBatch, InHead, Verified, verify};
use api::audit::{Event, ask, head, seal};
use api::db::entities::{audit_batch, audit_event, audit_head};
use api::worker;
use chrono::{NaiveDate, TimeDelta};
use domain::access::Role;
use domain::audit::Kind;
use domain::id::HandbookId;
use domain::place::RegionLevel;
use reqwest::{Method, StatusCode};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use crate::entries::{entries, pressure, records};
use crate::support::operator::{Operator, said};
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

/// Three batches of a few events each.
async fn a_chain(world: &World) -> Vec<audit_batch::Model> {
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    for _ in 0..3 {
        for _ in 0..3 {
            doctor.client.get(&records(&mother)).await.ok();
        }
        sealed(world).await;
    }
    let batches = batches(world).await;
    assert_eq!(batches.iter().map(|batch| batch.seq).collect::<Vec<_>>(), [1, 2, 3]);
    batches
}

fn in_batch(world: &World, seq: i64, what: InBatch) -> Option<Fault> {
    Some(Fault::Batch { replica: world.app.replica, seq, what })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_nobody_touched_is_as_it_was_sealed() {
    let world = World::empty().await;
    assert_eq!(verified(&world, &[]).await.fault, None, "an empty log");
    a_chain(&world).await;
    let county_events = events(&world).await.len() as u64;
    let found = verified(&world, &[]).await;
    assert_eq!((found.batches, found.events, found.waiting), (3, county_events, 0));
    assert_eq!(found.fault, None);
    world.family_user().await.client.get(&format!("/api/v1/handbooks/{}", Uuid::now_v7())).await;
    assert_eq!(sealed(&world).await, 0, "what has been sealed is not sealed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_change_of_any_event_is_found_in_its_batch() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    let middle = audit_event::Entity::find().filter(audit_event::COLUMN.batch_id.eq(batches[1].id));
    let middle = middle.one(world.app.db.read()).await.unwrap().unwrap();
    let (this, other) = (literal(&world, middle.id.0), literal(&world, Uuid::now_v7()));
    for column in [
        "staff_id",
        "user_id",
        "institution_id",
        "handbook_id",
        "visit_id",
        "record_id",
        "object_id",
        "request_id",
    ] {
        for value in [other.as_str(), "NULL"] {
            changed_and_found(&world, &this, column, value).await;
        }
    }
    for column in ["command", "operation", "tie"] {
        for value in ["'other'", "NULL", "''"] {
            changed_and_found(&world, &this, column, value).await;
        }
    }
    for column in ["kind", "action"] {
        changed_and_found(&world, &this, column, "'other'").await;
    }
    changed_and_found(&world, &this, "at", "'2026-11-22T04:00:00.000001+00:00'").await;
    assert_eq!(fault(&world).await, None, "everything was put back");
    behind_the_api(&world, &format!("UPDATE audit_event SET id = {other} WHERE id = {this}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 2, InBatch::EventChanged));
}

/// Sets a column of the event to something else, verifies, and puts it back.
async fn changed_and_found(world: &World, this: &str, column: &str, value: &str) {
    let copy = format!("CREATE TABLE kept AS SELECT {column} FROM audit_event WHERE id = {this}");
    world.app.db.write().execute_unprepared(&copy).await.unwrap();
    behind_the_api(world, &format!("UPDATE audit_event SET {column} = {value} WHERE id = {this}")).await;
    let differs = format!(
        "SELECT COUNT(*) FROM audit_event, kept WHERE id = {this} AND NOT (audit_event.{column} IS NOT DISTINCT FROM kept.{column})"
    );
    let expected =
        if world.number(&differs).await == 1 { in_batch(world, 2, InBatch::EventChanged) } else { None };
    assert_eq!(fault(world).await, expected, "{column} = {value}");
    let back = format!("UPDATE audit_event SET {column} = (SELECT {column} FROM kept) WHERE id = {this}");
    behind_the_api(world, &back).await;
    world.app.db.write().execute_unprepared("DROP TABLE kept").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_and_an_added_event_are_found() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    for (at, batch) in batches.iter().enumerate().rev() {
        let first = audit_event::Entity::find().filter(audit_event::COLUMN.batch_id.eq(batch.id));
        let first = first.one(world.app.db.read()).await.unwrap().unwrap();
        let (first, new) = (literal(&world, first.id.0), literal(&world, Uuid::now_v7()));
        behind_the_api(
            &world,
            &format!(
                "INSERT INTO audit_event (id, at, kind, action, batch_id) \
                 SELECT {new}, at, kind, action, batch_id FROM audit_event WHERE id = {first}"
            ),
        )
        .await;
        assert_eq!(fault(&world).await, in_batch(&world, at as i64 + 1, InBatch::EventsAdded(1)));
        behind_the_api(&world, &format!("DELETE FROM audit_event WHERE id = {new}")).await;
        assert_eq!(
            fault(&world).await,
            if at == 2 { None } else { in_batch(&world, at as i64 + 2, InBatch::EventsMissing(1)) }
        );
        behind_the_api(&world, &format!("DELETE FROM audit_event WHERE id = {first}")).await;
        assert_eq!(fault(&world).await, in_batch(&world, at as i64 + 1, InBatch::EventsMissing(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_a_batch_that_does_not_exist_is_found() {
    let world = World::empty().await;
    a_chain(&world).await;
    let (new, batch) = (literal(&world, Uuid::now_v7()), Uuid::now_v7());
    behind_the_api(
        &world,
        &format!(
            "INSERT INTO audit_event (id, at, kind, action, batch_id) \
             VALUES ({new}, '2026-11-22T04:00:00+00:00', 'read', 'read_records', {})",
            literal(&world, batch)
        ),
    )
    .await;
    assert_eq!(fault(&world).await, Some(Fault::Stray { events: 1, batch }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_a_missing_and_swapped_batches_are_found() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    let second = format!("WHERE id = {}", literal(&world, batches[1].id.0));
    let other = bytes(&world, &[7; 32]);
    for (change, back, what) in [
        ("events = events + 1".to_owned(), "events = events - 1".to_owned(), InBatch::Changed),
        (
            "sealed_at = '2026-11-22T05:00:00+00:00'".to_owned(),
            format!("sealed_at = '{}'", batches[1].sealed_at.to_rfc3339()),
            InBatch::Changed,
        ),
        (
            format!("digest = {other}"),
            format!("digest = {}", bytes(&world, &batches[1].digest)),
            InBatch::Changed,
        ),
        (format!("hash = {other}"), format!("hash = {}", bytes(&world, &batches[1].hash)), InBatch::Changed),
        (
            format!("previous = {other}"),
            format!("previous = {}", bytes(&world, &batches[1].previous)),
            InBatch::BrokenLink,
        ),
        (
            "removed_at = '2026-11-22T05:00:00+00:00'".to_owned(),
            "removed_at = NULL".to_owned(),
            InBatch::RemovedTooEarly,
        ),
    ] {
        behind_the_api(&world, &format!("UPDATE audit_batch SET {change} {second}")).await;
        assert_eq!(fault(&world).await, in_batch(&world, 2, what), "{change}");
        behind_the_api(&world, &format!("UPDATE audit_batch SET {back} {second}")).await;
        assert_eq!(fault(&world).await, None, "{back}");
    }
    for (from, to) in [(1, 9), (2, 1), (9, 2)] {
        behind_the_api(&world, &format!("UPDATE audit_batch SET seq = {to} WHERE seq = {from}")).await;
    }
    assert_eq!(fault(&world).await, in_batch(&world, 1, InBatch::BrokenLink), "two batches changed places");
    for (from, to) in [(1, 9), (2, 1), (9, 2)] {
        behind_the_api(&world, &format!("UPDATE audit_batch SET seq = {to} WHERE seq = {from}")).await;
    }
    assert_eq!(fault(&world).await, None);
    let of_second = literal(&world, batches[1].id.0);
    behind_the_api(&world, &format!("DELETE FROM audit_batch WHERE id = {of_second}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 2, InBatch::Missing));
    behind_the_api(&world, &format!("DELETE FROM audit_event WHERE batch_id = {of_second}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 2, InBatch::Missing));
}

/// The day is over: the head is made by the job that the clock asks for.
async fn day_closed(world: &World) -> audit_head::Model {
    world.advance(TimeDelta::days(1));
    worker::schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    head::latest(world.app.db.read()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_head_shows_when_the_tail_was_cut_or_the_chain_made_anew() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    let head = day_closed(&world).await;
    assert_eq!((head.day.to_string().as_str(), head.chains.0.len()), ("2026-11-22", 1));
    assert_eq!(verified(&world, &[Copied::of(&head)]).await.fault, None);

    let third = literal(&world, batches[2].id.0);
    behind_the_api(&world, &format!("DELETE FROM audit_event WHERE batch_id = {third}")).await;
    behind_the_api(&world, &format!("DELETE FROM audit_batch WHERE id = {third}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 3, InBatch::Missing));

    // Somebody who can count hashes makes the last batch anew, without its events.
    let mut forged = audit_batch::Model { events: 0, digest: seal::digest([]), ..batches[2].clone() };
    forged.hash = seal::hash(&forged);
    use sea_orm::IntoActiveModel;
    audit_batch::Entity::insert(forged.into_active_model()).exec(world.app.db.write()).await.unwrap();
    assert_eq!(fault(&world).await, in_batch(&world, 3, InBatch::NotAsSigned(head.day)));
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_chained_and_signed_and_a_copy_shows_when_one_is_gone() {
    let world = World::empty().await;
    a_chain(&world).await;
    let first = day_closed(&world).await;
    world.family_user().await.client.post("/api/v1/sign-out", json!({})).await;
    sealed(&world).await;
    let second = day_closed(&world).await;
    assert_eq!(second.previous, first.hash);
    let copies = [Copied::of(&first), Copied::of(&second)];
    let found = verified(&world, &copies).await;
    assert_eq!((found.heads, found.fault), (2, None));

    let told = |day: NaiveDate, what| Some(Fault::Head { day, what });
    behind_the_api(&world, "UPDATE audit_head SET made_at = kept_from WHERE day = '2026-11-22'").await;
    assert_eq!(fault(&world).await, told(first.day, InHead::Changed));
    behind_the_api(&world, "DELETE FROM audit_head WHERE day = '2026-11-22'").await;
    assert_eq!(fault(&world).await, told(second.day, InHead::BrokenLink));
    behind_the_api(&world, "DELETE FROM audit_head").await;
    assert_eq!(fault(&world).await, None, "without a copy nobody can know");
    assert_eq!(verified(&world, &copies[1..]).await.fault, told(second.day, InHead::Missing));
    let forged = Copied { signature: head::hex(&[1; 64]), ..copies[0].clone() };
    assert_eq!(verified(&world, &[forged]).await.fault, told(first.day, InHead::CopyNotSigned));

    // A head that was made anew, by somebody who has no key.
    use sea_orm::IntoActiveModel;
    let mut forged = audit_head::Model { chains: api::db::entities::ChainEnds(Vec::new()), ..first.clone() };
    forged.hash = head::hash(&forged);
    audit_head::Entity::insert(forged.into_active_model())
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
    assert_eq!(fault(&world).await, told(first.day, InHead::NotSigned));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_seal_at_once_and_every_event_is_in_one_batch() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let (second, third) = (world.replica().await, world.replica().await);
    let apps = [&world.app, &second.app, &third.app];
    for _ in 0..5 {
        let reads = (0..20).map(|_| async { doctor.client.get(&records(&mother)).await.ok() });
        let seals = apps.iter().map(|app| async { seal::seal(app).await.unwrap() });
        futures_util::future::join(
            futures_util::future::join_all(reads),
            futures_util::future::join_all(seals),
        )
        .await;
        world.advance(TimeDelta::seconds(3));
    }
    futures_util::future::join_all(apps.into_iter().map(|app| seal::seal(app))).await;
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.waiting), (None, 0));
    assert_eq!(found.events, audit_event::Entity::find().count(world.app.db.read()).await.unwrap());

    world.advance(TimeDelta::days(1));
    futures_util::future::join_all(apps.iter().map(|app| async {
        let day = head::due(app).await.unwrap().unwrap_or_else(|| "2026-11-22".parse().unwrap());
        head::make(app, day).await.unwrap();
    }))
    .await;
    let found = verified(&world, &[]).await;
    assert_eq!((found.heads, found.fault), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_past_their_retention_go_and_the_chain_still_holds() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    day_closed(&world).await;
    assert_eq!(verified(&world, &[]).await.removed, 0);
    world.advance(TimeDelta::days(3 * 366));
    let second = world.replica().await;
    sealed_by(&world, &second.app).await;
    sealed_by(&world, &world.app).await;
    let head = day_closed(&world).await;
    assert!(batches[2].sealed_at < head.kept_from);
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.removed, found.batches), (None, 3, 5));
    assert!(found.events_from.unwrap() > head.kept_from);
    let left = audit_event::Entity::find().filter(audit_event::COLUMN.batch_id.eq(batches[0].id));
    assert_eq!(left.count(world.app.db.read()).await.unwrap(), 0);
    worker::schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    assert_eq!(fault(&world).await, None);

    let fourth = "SET removed_at = '2029-11-22T05:00:00+00:00' WHERE seq = 4";
    behind_the_api(&world, &format!("UPDATE audit_batch {fourth}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 4, InBatch::RemovedTooEarly));
}

/// Somebody signs out, and a process seals that.
async fn sealed_by(world: &World, app: &api::app::App) {
    let user = world.family_user().await;
    user.client.post("/api/v1/sign-out", json!({})).await;
    world.advance(TimeDelta::seconds(3));
    assert!(seal::seal(app).await.unwrap() > 0);
}

/// The clock of one process jumps: it is the only one that says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_years_ahead_deletes_nothing_and_closes_no_day() {
    let world = World::empty().await;
    a_chain(&world).await;
    let head = day_closed(&world).await;
    worker::schedule(&world.app).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM job WHERE kind IN ('sweep', 'retain')";
    let before = world.number(waiting).await;
    assert!(before > 0);

    world.advance(TimeDelta::days(10 * 366));
    sealed_by(&world, &world.app).await;
    let sessions = world.number("SELECT COUNT(*) FROM session").await;
    worker::schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    assert_eq!(head::latest(world.app.db.read()).await.unwrap().unwrap(), head, "no day is closed");
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.removed, found.batches), (None, 0, 4));
    assert_eq!(world.number(waiting).await, before, "they are left to who knows the time");
    assert_eq!(world.number("SELECT COUNT(*) FROM session").await, sessions);

    // A day ten years ahead that somebody asked for is not closed where it is not over.
    world.advance(TimeDelta::days(-10 * 366));
    head::make(&world.app, "2036-11-22".parse().unwrap()).await.unwrap();
    assert_eq!(head::latest(world.app.db.read()).await.unwrap().unwrap(), head);

    // Others say so, too: then it is the time.
    world.advance(TimeDelta::days(10 * 366));
    sealed_by(&world, &world.replica().await.app).await;
    let later = day_closed(&world).await;
    assert!(later.day > head.day && later.kept_from > head.made_at);
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.removed), (None, 3));
    assert!(world.number(waiting).await < before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_verifies_tells_who_saw_and_prints_the_head() {
    let server = Operator::new();
    let world = server.world().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    doctor.client.get(&records(&mother)).await.ok();
    sealed(&world).await;
    let output = server.muzi(&world, &["audit", "head"], "");
    assert_eq!(output.status.code(), Some(1), "there is none before the first midnight");
    day_closed(&world).await;
    let output = server.muzi(&world, &["audit", "head"], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let head = server.file("heads.jsonl", &said(&output));
    let output = server.muzi(&world, &["audit", "verify", "--head", &head], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("1 daily heads are signed; 1 copies were compared"), "{}", said(&output));
    let output = server.muzi(&world, &["audit", "key"], "");
    assert!(said(&output).starts_with("1:"), "{}", said(&output));

    let days = ["2026-11-01", "2026-11-30"];
    let output = server.muzi(&world, &["audit", "who-saw", &mother.id_number, days[0], days[1]], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(!said(&output).contains(&mother.id_number), "{}", said(&output));
    let output =
        server.muzi(&world, &["audit", "who-saw", "-", days[0], days[1]], &format!("{}\n", mother.id_number));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("\tread\t李医生 (船山区人民医院)\trecords_timeline\tvisit\t"), "{told}");
    let asked = "SELECT COUNT(*) FROM audit_event WHERE action = 'who_saw' AND command IS NOT NULL";
    assert_eq!(world.number(asked).await, 1);

    behind_the_api(&world, "UPDATE audit_event SET action = 'read_cover' WHERE action = 'read_records'")
        .await;
    let output = server.muzi(&world, &["audit", "verify"], "");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("batch 1 of replica {}: an event was changed", world.app.replica);
    assert!(said(&output).contains(&expected), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_saw_names_everybody_with_reason_and_is_an_event_itself() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    doctor.scan(code["url"].as_str().unwrap()).await.ok();
    let read = doctor.client.get(&records(&mother)).await;
    let days = ask::Days { from: "2026-11-22".parse().unwrap(), to: "2026-11-22".parse().unwrap() };
    let whom = [
        ask::Whom::Id(mother.person.0),
        ask::Whom::Id(mother.handbook.0),
        ask::Whom::Number(mother.number.clone()),
        ask::Whom::IdNumber(domain::person::IdNumber::parse(&mother.id_number).unwrap()),
    ];
    for whom in whom {
        let handbooks = ask::handbooks_of(&world.app, &whom).await.unwrap();
        assert_eq!(handbooks, [mother.handbook], "{whom:?}");
    }
    let mut lines = Vec::new();
    ask::who_saw(&world.app, "root", vec![mother.handbook], days, &mut |line| lines.push(line.clone()))
        .await
        .unwrap();
    let last = &lines[lines.len() - 2];
    assert_eq!((last.who.as_str(), last.kind.as_str()), ("李医生 (船山区人民医院)", "read"));
    assert_eq!((last.what.as_str(), last.why.as_str()), ("records_timeline", "visit"));
    assert_eq!(last.request, request_of(&read).to_string());
    assert_eq!(last.at.to_rfc3339(), "2026-11-22T12:00:00+08:00");
    assert_eq!(lines.last().unwrap().who, "at the server: root");
    let log = format!("/api/v1/handbooks/{}/access-log", mother.handbook);
    assert_eq!(mother.user.client.get(&log).await.ok()["items"][0]["who"], "系统运维人员");

    let mut lines = Vec::new();
    let told = ask::affected(&world.app, "root", doctor.id, days, &mut |line| lines.push(line.clone())).await;
    assert_eq!(told.unwrap(), 3);
    assert!(lines.iter().all(|line| line.handbook == mother.number.as_str()));
    let before = ask::Days { from: "2026-11-01".parse().unwrap(), to: "2026-11-21".parse().unwrap() };
    assert_eq!(ask::affected(&world.app, "root", doctor.id, before, &mut |_| {}).await.unwrap(), 0);
}

/// How long it takes to seal and to verify 100,000 events; run by hand with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a check"]
async fn sealing_and_verifying_many_events_takes_this_long() {
    const EVENTS: u64 = 100_000;
    let world = World::empty().await;
    let user = domain::id::UserId(Uuid::now_v7());
    let act = api::audit::Act { request: Some(user.0), operation: Some("entries_add") };
    let txn = world.app.db.begin().await.unwrap();
    for _ in 0..EVENTS / 1000 {
        let event = |_| Event::by_user(user, act, Kind::Write, "write_entry").at(HandbookId(Uuid::now_v7()));
        api::audit::event::write(&txn, (0..1000).map(event), world.now()).await.unwrap();
    }
    txn.commit().await.unwrap();
    let began = Instant::now();
    assert_eq!(sealed(&world).await, EVENTS);
    let sealing = began.elapsed();
    let began = Instant::now();
    let found = verified(&world, &[]).await;
    let verifying = began.elapsed();
    assert_eq!((found.events, found.fault), (EVENTS, None));
    let per_second = |took: std::time::Duration| EVENTS as f64 / took.as_secs_f64();
    println!(
        "{:?}: sealed {EVENTS} events in {sealing:.1?} ({:.0}/s), verified in {verifying:.1?} ({:.0}/s)",
        world.app.db.backend(),
        per_second(sealing),
        per_second(verifying),
    );
}
