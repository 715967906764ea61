//! What the clock asks for: forgetting what has expired, and rolling up a month once it is closed.

use api::db::entities::{job, usage_rollup};
use api::usage::store;
use api::worker::schedule;
use chrono::TimeDelta;
use domain::calendar::Month;
use domain::handbook::Group;
use domain::usage::Evidence;
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::support::World;

async fn waiting(world: &World) -> Vec<String> {
    let jobs = job::Entity::find().all(world.app.db.read()).await.unwrap();
    // What waits for the night has tests of its own.
    let keys = jobs.into_iter().filter_map(|job| job.dedup_key);
    let mut keys: Vec<_> = keys.filter(|key| !key.starts_with("retain")).collect();
    keys.sort();
    keys
}

async fn rolled(world: &World) -> Option<Month> {
    store::rolled_until(world.app.db.read()).await.unwrap()
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
    assert_eq!(waiting(&world).await, ["sweep 2026-11-22T05"], "not due yet, and enqueued once");
    world.advance(TimeDelta::hours(1));
    world.carry_out_jobs().await;
    assert_eq!(waiting(&world).await, [""; 0]);
    schedule(&world.app).await.unwrap();
    assert_eq!(waiting(&world).await, ["sweep 2026-11-22T06"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_rolled_up_on_the_second_day_of_the_next() {
    let world = World::empty().await;
    let county = world.county().await;
    let handbook =
        world.issued(county.hospital, Group::Pregnant, "2026-08-10T02:00:00Z".parse().unwrap()).await;
    schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    assert_eq!(rolled(&world).await, "2026-10".parse().ok(), "every closed month, from the first on");
    world.evidence(&handbook, Evidence::Entry, world.now()).await;

    world.advance(TimeDelta::hours(9 * 24 - 4 + 7));
    schedule(&world.app).await.unwrap();
    assert!(
        waiting(&world).await.iter().all(|key| key.starts_with("sweep")),
        "the first of December: {}",
        world.now()
    );
    world.advance(TimeDelta::days(1));
    let rows = usage_rollup::Entity::find().count(world.app.db.read()).await.unwrap();
    for _ in 0..2 {
        schedule(&world.app).await.unwrap();
    }
    assert_eq!(waiting(&world).await.iter().filter(|key| key.starts_with("roll_up_usage")).count(), 1);
    world.carry_out_jobs().await;
    assert_eq!(rolled(&world).await, "2026-11".parse().ok());
    let more = usage_rollup::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!((rows, more), (4, 8), "one cell at four levels, then the first use of it");
    schedule(&world.app).await.unwrap();
    assert!(waiting(&world).await.iter().all(|key| key.starts_with("sweep")), "done once");
    assert_eq!(world.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_roll_up_at_once_do_it_once() {
    let world = World::empty().await;
    let county = world.county().await;
    for day in 10..20 {
        let at = format!("2026-09-{day}T02:00:00Z").parse().unwrap();
        world.issued(county.hospital, Group::Child, at).await;
    }
    let month = "2026-10".parse().unwrap();
    let both = tokio::join!(
        api::usage::roll_up::carry_out(&world.app, month),
        api::usage::roll_up::carry_out(&world.app, month)
    );
    both.0.unwrap();
    both.1.unwrap();
    assert_eq!(rolled(&world).await, Some(month));
    assert_eq!(world.differences().await, []);
    let open = api::usage::roll_up::carry_out(&world.app, "2026-11".parse().unwrap()).await;
    assert!(open.unwrap_err().to_string().contains("not closed"), "a month that can still change stays live");
}
