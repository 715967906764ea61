//! What is broken on purpose under load: the real binary is killed, PostgreSQL and Redis die and come back. Whatever was
//! acknowledged is there once, and whatever was not is sent again and takes effect once.
//!
//! [`ground`] is the town with its server processes, [`writers`] are the people who write all the while, [`checks`] says
//! what must hold afterwards, [`servers`] are databases and caches that a test may kill. `MUZI_CRASH_ROUNDS` says how
//! often the faults are repeated.

mod checks;
mod disk_full;
mod ground;
mod muzi_killed;
mod postgres_killed;
mod redis_killed;
mod replicas;
mod servers;
mod writers;

use std::time::Duration;

use writers::Book;

use crate::support::PATIENCE;

/// How often a fault is repeated.
fn rounds() -> usize {
    std::env::var("MUZI_CRASH_ROUNDS").ok().map_or(3, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Waits until everybody is at work: so many writes of the round are acknowledged.
async fn at_work(book: &Book, from: usize) {
    until("people write", async || book.len() >= from + 100).await;
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} within {PATIENCE:?}"));
}
