//! Two replicas on one PostgreSQL and one Redis, requests to them in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::db::Db;
use api::outbox::{self, Job};
use chrono::{TimeDelta, Utc};
use domain::id::PhotoId;
use migrations::Migrator;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;
use serde_json::json;
use uuid::Uuid;

use super::ground::{Ground, Muzi, Person};
use super::servers::Redis;
use super::writers::{Book, Line, Refusal, Writers};
use super::{at_work, rounds, until};
use crate::support::{Client, Events, PATIENCE};

/// Jobs that two processes take from each other.
const JOBS: usize = 200;

/// A town on a database and a Redis that processes share; nothing where the test run has none.
async fn shared() -> Option<(Ground, Redis)> {
    if std::env::var_os("TEST_DATABASE_URL").is_none() {
        eprintln!(
            "skipped: replicas need a PostgreSQL, TEST_DATABASE_URL; they run where journeys are on it"
        );
        return None;
    }
    let redis = Redis::start().await?;
    let url = redis.url();
    Some((Ground::with(|config| config.redis_url = Some(url.into())).await, redis))
}

/// Jobs of which each can be carried out without a trace but the count of it.
async fn enqueue_jobs(ground: &Ground) {
    let db = Db::connect(&ground.world.app.config.database_url, 1, PATIENCE).await.unwrap();
    let now = Utc::now();
    for at in 0..JOBS {
        let job = Job::DropPhoto { photo: PhotoId(Uuid::now_v7()) };
        // Over some seconds: each process looks once a second.
        let due = now + TimeDelta::milliseconds(i64::try_from(at).unwrap() * 15);
        outbox::enqueue(db.write(), &job, due).await.unwrap();
    }
    db.close().await.unwrap();
}

async fn jobs_left(ground: &Ground) -> i64 {
    ground.number("SELECT COUNT(*) FROM job WHERE kind = 'drop_photo'").await
}

/// Jobs that a process says it has done.
async fn done_by(muzi: &Muzi) -> usize {
    let metrics = muzi.metrics().await;
    let count = metrics.lines().find_map(|line| {
        line.strip_prefix(r#"muzi_jobs_total{kind="drop_photo",result="done"} "#)?.parse().ok()
    });
    count.unwrap_or_default()
}

async fn execute(ground: &Ground, sql: &str) {
    let db = Db::connect(&ground.world.app.config.database_url, 1, PATIENCE).await.unwrap();
    db.write().execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_replicas_is_killed_and_no_write_and_no_job_is_lost() {
    let Some((ground, _redis)) = shared().await else { return };
    let (stays, mut dies) = (ground.serve().await, ground.serve().await);
    let book = Book::default();
    let line = Line::to([stays.base(), dies.base()]);
    for _ in 0..rounds() {
        let from = book.len();
        let stop = Arc::new(AtomicBool::new(false));
        let writers = Writers { ground: &ground, line: &line, book: &book, stop: stop.clone() };
        let crash = async {
            at_work(&book, from).await;
            enqueue_jobs(&ground).await;
            until("jobs are taken", async || jobs_left(&ground).await < 190).await;
            dies.kill();
            tokio::time::sleep(Duration::from_millis(400)).await;
            stop.store(true, Ordering::SeqCst);
        };
        tokio::join!(writers.write(), crash);
        // What the dead one held comes free after five minutes; here it is set free by hand.
        execute(
            &ground,
            "UPDATE job SET locked_until = '2026-01-01T00:00:00Z' WHERE locked_until IS NOT NULL",
        )
        .await;
        until("the other one does every job", async || jobs_left(&ground).await == 0).await;
        ground.must_be_whole(&Line::to([stays.base()]), &book, from).await;
        ground.start(&mut dies).await;
    }
    assert_eq!(book.refusals(), Vec::<Refusal>::new());
    let (lost, again) = book.lost();
    assert!(again >= rounds(), "the crashes hit {again} requests");
    println!(
        "{} crashes of a replica: {} writes acknowledged, {lost} connections lost",
        rounds(),
        book.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_do_each_job_once_between_them() {
    let Some((ground, _redis)) = shared().await else { return };
    let (one, other) = (ground.serve().await, ground.serve().await);
    enqueue_jobs(&ground).await;
    until("all jobs are done", async || jobs_left(&ground).await == 0).await;
    let done = async || (done_by(&one).await, done_by(&other).await);
    // The last count follows the work.
    let counted = async || {
        let (one, other) = done().await;
        one + other >= JOBS
    };
    until("all jobs are counted", counted).await;
    let done = done().await;
    println!("{JOBS} jobs: {} and {}", done.0, done.1);
    assert_eq!(done.0 + done.1, JOBS);
    assert!(done.0 > 0 && done.1 > 0, "both had a part in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_one_replica_is_heard_and_obeyed_at_the_other_with_and_without_redis() {
    let Some((ground, mut redis)) = shared().await else { return };
    let (one, other) = (ground.serve().await, ground.serve().await);
    let home = &ground.homes[0];
    let client =
        |muzi: &Muzi, person: &Person| Client::new(reqwest::Client::new(), muzi.base(), Some(person.token()));
    let (here, there) = (client(&one, &home.mother), client(&other, &home.mother));
    let handbook = format!("/api/v1/handbooks/{}", home.handbook);
    let diary = json!({
        "kind": "diary", "subject": "household",
        "payload": { "date": domain::calendar::day_in_china(Utc::now()), "text": "今天" },
    });
    let ticket = here.post(&format!("{handbook}/live-ticket"), json!({})).await.ok();
    let mut events = Events::open(&there, ticket["url"].as_str().unwrap()).await;
    let mut seq = events.change().await;
    for redis_is_there in [true, false] {
        if !redis_is_there {
            redis.kill();
        }
        here.post(&format!("{handbook}/entries"), diary.clone()).await.ok();
        let next = events.change().await;
        assert!(next > seq, "redis is there: {redis_is_there}");
        seq = next;
    }
    assert_eq!(there.get("/api/v1/me").await.status, 200);
    assert!(here.post("/api/v1/sign-out", json!({})).await.status.is_success());
    there.get("/api/v1/me").await.problem(401, "not_signed_in");
}

/// An expand migration as a later version would bring it: one more column in every table.
async fn expand(ground: &Ground) {
    let db = Db::connect(&ground.world.app.config.database_url, 1, PATIENCE).await.unwrap();
    let tables =
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'";
    let rows = db.read().query_all_raw(api::db::statement(db.backend(), tables, [])).await.unwrap();
    assert!(rows.len() > 30);
    for row in rows {
        let table: String = row.try_get_by_index(0).unwrap();
        let add = format!("ALTER TABLE \"{table}\" ADD COLUMN of_the_next_version text");
        db.write().execute_unprepared(&add).await.unwrap();
    }
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_added_to_every_table_while_replicas_serve_and_no_request_fails() {
    let Some((ground, _redis)) = shared().await else { return };
    assert!(Migrator::get_pending_migrations(ground.world.app.db.read()).await.unwrap().is_empty());
    let (one, other) = (ground.serve().await, ground.serve().await);
    let (line, book) = (Line::to([one.base(), other.base()]), Book::default());
    let stop = Arc::new(AtomicBool::new(false));
    let writers = Writers { ground: &ground, line: &line, book: &book, stop: stop.clone() };
    let deployment = async {
        // Long enough for every statement to be prepared, sealing of the audit log among them.
        tokio::time::sleep(Duration::from_secs(6)).await;
        expand(&ground).await;
        let sealed = ground.number("SELECT COUNT(*) FROM audit_batch").await;
        let more = async || ground.number("SELECT COUNT(*) FROM audit_batch").await >= sealed + 2;
        until("both seal the audit log", more).await;
        stop.store(true, Ordering::SeqCst);
    };
    tokio::join!(writers.write(), deployment);
    assert_eq!(book.refusals(), Vec::<Refusal>::new());
    assert_eq!(book.lost(), (0, 0));
    ground.must_be_whole(&line, &book, 0).await;
    // A busy machine may have slow statements; nothing may fail.
    let failed = |line: &&str| {
        line.contains("\"ERROR\"") || line.contains("could not") || line.contains("failed\":true")
    };
    assert_eq!(ground.log().lines().find(failed), None);
    let ready = line.request(Method::GET, "/readyz", "").send().await.unwrap();
    assert!(ready.status().is_success());
}
