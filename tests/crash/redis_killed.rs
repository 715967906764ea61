//! Redis dies under load and comes back; nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ground::Ground;
use super::servers::Redis;
use super::writers::{Book, Line, Refusal, Writers};
use super::{at_work, rounds};

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_under_load_and_no_request_fails() {
    let Some(mut redis) = Redis::start().await else { return };
    let url = redis.url();
    let ground = Ground::with(|config| config.redis_url = Some(url.into())).await;
    ground.world.app.db.close().await.unwrap();
    let (muzi, book) = (ground.serve().await, Book::default());
    let line = Line::to([muzi.base()]);
    for _ in 0..rounds() {
        let from = book.len();
        let stop = Arc::new(AtomicBool::new(false));
        let writers = Writers { ground: &ground, line: &line, book: &book, stop: stop.clone() };
        let outage = async {
            at_work(&book, from).await;
            redis.kill();
            tokio::time::sleep(Duration::from_millis(1500)).await;
            redis.come_back().await;
            tokio::time::sleep(Duration::from_millis(400)).await;
            stop.store(true, Ordering::SeqCst);
        };
        tokio::join!(writers.write(), outage);
        ground.must_be_whole(&line, &book, from).await;
    }
    assert_eq!(book.refusals(), Vec::<Refusal>::new());
    assert_eq!(book.lost(), (0, 0));
    println!("Redis killed {} times: {} writes acknowledged, no error", rounds(), book.len());
}
