//! The chain: sealed once whoever seals, and whatever is changed, missing, added or swapped is found.

use api::audit::verify::{Fault, InBatch};
use api::audit::{Event, head, seal};
use api::db::entities::{audit_batch, audit_event};
use chrono::TimeDelta;
use domain::audit::Kind;
use domain::id::HandbookId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use std::time::Instant;
use uuid::Uuid;

use super::{batches, behind_the_api, bytes, events, fault, literal, sealed, verified};
use crate::entries::records;
use crate::support::World;

/// Three batches of a few events each.
pub(super) async fn a_chain(world: &World) -> Vec<audit_batch::Model> {
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

pub(super) fn in_batch(world: &World, seq: i64, what: InBatch) -> Option<Fault> {
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
        api::audit::store::write(&txn, (0..1000).map(event), world.now()).await.unwrap();
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
