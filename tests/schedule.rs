//! What the clock asks for: forgetting what has expired, and adding up what was counted.

use api::db::entities::{job, usage_counter, usage_rollup};
use api::outbox::{self, Job};
use api::usage::roll_up::carry_out;
use api::worker::schedule;
use chrono::TimeDelta;
use domain::handbook::Group;
use domain::id::{JobId, PhotoId};
use domain::usage::Evidence;
use sea_orm::{ActiveValue::Set, EntityTrait, PaginatorTrait};
use serde_json::json;
use uuid::Uuid;

use crate::support::World;

async fn waiting(world: &World) -> Vec<String> {
    let jobs = job::Entity::find().all(world.app.db.read()).await.unwrap();
    // What waits for the night has tests of its own.
    let keys = jobs.into_iter().filter_map(|job| job.dedup_key);
    let mut keys: Vec<_> = keys.filter(|key| !key.starts_with("retain")).collect();
    keys.sort();
    keys
}

/// Rows of the roll-up.
async fn rolled(world: &World) -> u64 {
    usage_rollup::Entity::find().count(world.app.db.read()).await.unwrap()
}

/// Counters of which something is not in it.
async fn pending(world: &World) -> usize {
    let counters = usage_counter::Entity::find().all(world.app.db.read()).await.unwrap();
    counters.iter().filter(|counter| counter.count != counter.rolled).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_things_are_forgotten_once_an_hour_however_many_processes_look() {
    let world = World::empty().await;
    schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    for _ in 0..3 {
        schedule(&world.app).await.unwrap();
        world.advance(TimeDelta::minutes(1));
    }
    assert_eq!(
        waiting(&world).await,
        ["add_up_usage 2026-11-22T05", "sweep 2026-11-22T05"],
        "not due yet, and enqueued once"
    );
    world.advance(TimeDelta::hours(1));
    world.carry_out_jobs().await;
    assert_eq!(waiting(&world).await, [""; 0]);
    schedule(&world.app).await.unwrap();
    assert_eq!(waiting(&world).await, ["add_up_usage 2026-11-22T06", "sweep 2026-11-22T06"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_enqueued_is_left_to_it() {
    let world = World::empty().await;
    let now = world.now();
    let (photo, later) = (PhotoId(Uuid::now_v7()), Uuid::now_v7());
    outbox::enqueue(world.app.db.write(), &Job::DropPhoto { photo }, now).await.unwrap();
    let newer = job::ActiveModel {
        id: Set(JobId(later)),
        kind: Set("of_the_future".to_owned()),
        payload: Set(json!({ "job": "of_the_future" })),
        run_at: Set(now),
        attempts: Set(0),
        locked_until: Set(None),
        last_error: Set(None),
        dedup_key: Set(None),
    };
    job::Entity::insert(newer).exec_without_returning(world.app.db.write()).await.unwrap();
    world.carry_out_jobs().await;
    let left = job::Entity::find().all(world.app.db.read()).await.unwrap();
    let left: Vec<_> = left.iter().map(|job| (job.id.0, job.attempts, job.last_error.clone())).collect();
    assert_eq!(left, [(later, 0, None)], "not tried here, and the other one is done");
}

/// A job whose name is in no list would be carried out by nobody.
#[test]
fn every_job_has_its_name_in_the_list() {
    let nothing = serde_json::from_value::<Job>(serde_json::json!({ "job": "nothing" }));
    let told = nothing.unwrap_err().to_string();
    // unknown variant `nothing`, expected one of `drop_photo`, …
    assert_eq!(told.split('`').skip(3).step_by(2).collect::<Vec<_>>(), Job::NAMES);
    let photo = PhotoId(Uuid::nil());
    let jobs = [
        Job::DropPhoto { photo },
        Job::DropStrayPhoto { photo },
        Job::AddUpUsage,
        Job::CloseAuditDay { day: "2026-11-22".parse().unwrap() },
        Job::Sweep,
        Job::Retain,
    ];
    assert_eq!(jobs.map(|job| job.name()), Job::NAMES);
    let some = Job::BY_THE_CLOCK.iter().chain(&Job::NEVER_GIVEN_UP);
    assert!(some.into_iter().all(|name| Job::NAMES.contains(name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_added_up_every_hour() {
    let world = World::empty().await;
    let county = world.county().await;
    let handbook =
        world.issued(county.hospital, Group::Pregnant, "2026-08-10T02:00:00Z".parse().unwrap()).await;
    schedule(&world.app).await.unwrap();
    assert_eq!(rolled(&world).await, 0, "not due yet");
    world.advance(TimeDelta::hours(1));
    world.carry_out_jobs().await;
    assert_eq!((rolled(&world).await, pending(&world).await), (4, 0), "one cell at four levels");

    world.evidence(&handbook, Evidence::Entry, world.now()).await;
    world.issued(county.hospital, Group::Pregnant, world.now()).await;
    assert_eq!(pending(&world).await, 2);
    assert_eq!(world.differences().await, []);
    schedule(&world.app).await.unwrap();
    world.advance(TimeDelta::hours(1));
    world.carry_out_jobs().await;
    assert_eq!((rolled(&world).await, pending(&world).await), (12, 0));
    assert_eq!(world.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_add_up_at_once_while_others_count_add_each_up_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let at = |day: u32| format!("2026-09-{day}T02:00:00Z").parse().unwrap();
    for day in 10..20 {
        world.issued(county.hospital, Group::Child, at(day)).await;
    }
    let counting = async {
        for day in 10..20 {
            world.issued(county.hospital, Group::Child, at(day)).await;
        }
    };
    let (one, two, ()) = tokio::join!(carry_out(&world.app), carry_out(&world.app), counting);
    one.unwrap();
    two.unwrap();
    assert_eq!(world.differences().await, []);
    carry_out(&world.app).await.unwrap();
    assert_eq!((rolled(&world).await, pending(&world).await), (4, 0));
    assert_eq!(world.differences().await, []);
}
