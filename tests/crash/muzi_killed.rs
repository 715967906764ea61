//! Muzi itself is killed in the middle of everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ground::Ground;
use super::servers::Postgres;
use super::writers::{Book, Line, Writers};
use super::{at_work, rounds};

/// Another moment of the work each time.
fn moment(round: usize) -> Duration {
    Duration::from_millis(7 * u64::try_from(round % 10).unwrap())
}

/// A town on the embedded database; where journeys are on PostgreSQL, on one that waits for the disk at each commit, as that
/// of the test run does not. Nothing where this machine has none.
async fn town() -> Option<(Option<Postgres>, Ground)> {
    if std::env::var_os("TEST_DATABASE_URL").is_none() {
        return Some((None, Ground::new().await));
    }
    let postgres = Postgres::start().await?;
    let url = postgres.url();
    let ground = Ground::with(|config| config.database_url = url.into()).await;
    Some((Some(postgres), ground))
}

#[tokio::test(flavor = "multi_thread")]
async fn muzi_is_killed_under_32_writers_and_every_acknowledged_write_is_there_once() {
    let Some((_postgres, ground)) = town().await else { return };
    // What this process holds open would spare the database its recovery.
    ground.world.app.db.close().await.unwrap();
    let (mut muzi, book) = (ground.serve().await, Book::default());
    for round in 0..rounds() {
        let (line, from) = (Line::to([muzi.base()]), book.len());
        let stop = Arc::new(AtomicBool::new(false));
        let writers = Writers { ground: &ground, line: &line, book: &book, stop: stop.clone() };
        let crash = async {
            at_work(&book, from).await;
            tokio::time::sleep(moment(round)).await;
            muzi.kill();
            stop.store(true, Ordering::SeqCst);
            ground.start(&mut muzi).await;
        };
        tokio::join!(writers.write(), crash);
        ground.must_be_whole(&line, &book, from).await;
    }
    let (lost, again) = book.lost();
    assert!(again >= rounds(), "the crashes hit {again} requests");
    println!(
        "{} crashes: {} writes acknowledged, {again} in flight sent again, {lost} connections lost",
        rounds(),
        book.len()
    );
}
