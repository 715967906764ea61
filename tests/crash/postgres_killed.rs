//! PostgreSQL dies under load and comes back; Muzi stays up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;

use super::ground::Ground;
use super::servers::Postgres;
use super::writers::{Book, Line, Writers};
use super::{at_work, rounds, until};

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_killed_under_load_and_muzi_answers_503_until_it_is_back() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let url = postgres.url();
    let ground = Ground::with(|config| {
        config.database_url = url.into();
        config.database_wait = Duration::from_secs(3);
    })
    .await;
    ground.world.app.db.close().await.unwrap();
    let (muzi, book) = (ground.serve().await, Book::default());
    let line = Line::to([muzi.base()]);
    let mut away = 0;
    for _ in 0..rounds() {
        let (from, before) = (book.len(), book.refusals().len());
        let stop = Arc::new(AtomicBool::new(false));
        let writers = Writers { ground: &ground, line: &line, book: &book, stop: stop.clone() };
        let outage = async {
            at_work(&book, from).await;
            postgres.kill();
            let ready = async || line.request(Method::GET, "/readyz", "").send().await.unwrap();
            until("/readyz says no", async || ready().await.status() == 503).await;
            until("somebody is refused", async || book.refusals().len() > before + 32).await;
            postgres.come_back().await;
            until("/readyz says yes", async || ready().await.status() == 200).await;
            stop.store(true, Ordering::SeqCst);
        };
        tokio::join!(writers.write(), outage);
        let refusals = book.refusals().split_off(before);
        for refusal in &refusals {
            let told = (refusal.status, refusal.code.as_str(), refusal.retry_after);
            assert_eq!(told, (503, "unavailable", true), "{refusal:?}");
        }
        away += refusals.len();
        ground.must_be_whole(&line, &book, from).await;
    }
    let (lost, _) = book.lost();
    assert_eq!(lost, 0, "Muzi answers each request");
    assert!(!ground.log().contains("\"status\":500"));
    println!("PostgreSQL killed {} times: {} writes acknowledged, {away} answers 503", rounds(), book.len());
}
