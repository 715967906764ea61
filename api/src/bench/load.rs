//! Wants one thing over and over, on so many connections.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::cast::Cast;
use super::scenario::Scenario;
use super::wire::Wire;

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// Seconds from the first to the last turn.
    pub(super) seconds: f64,
    /// How long each turn took, the shortest first.
    pub(super) latencies: Vec<Duration>,
}

impl Load {
    pub(super) fn new(mut latencies: Vec<Duration>, seconds: f64) -> Self {
        latencies.sort_unstable();
        Self { seconds, latencies }
    }

    /// Turns per second.
    #[expect(clippy::cast_precision_loss, reason = "a rate to be read")]
    pub(super) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// The time within which so many of a hundred turns were over, in milliseconds.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (self.latencies.len() * percent / 100).min(last);
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }
}

/// Plays turns on every connection until the time is over; one that fails ends it all.
pub(super) async fn run(
    address: SocketAddr,
    scenario: Scenario,
    cast: &Cast,
    clients: usize,
    lasts: Duration,
) -> anyhow::Result<Load> {
    let (tokens, turns) = (cast.tokens()?, AtomicUsize::new(0));
    let wires = try_join_all((0..clients).map(|_| Wire::connect(address))).await?;
    let began = Instant::now();
    let (tokens, turns) = (&tokens, &turns);
    let playing = wires.into_iter().map(|mut wire| async move {
        let mut latencies = Vec::new();
        while began.elapsed() < lasts {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            let asked = Instant::now();
            scenario.play(&mut wire, cast, tokens, turn).await?;
            latencies.push(asked.elapsed());
        }
        anyhow::Ok(latencies)
    });
    let latencies = try_join_all(playing).await?.into_iter().flatten().collect();
    Ok(Load::new(latencies, began.elapsed().as_secs_f64()))
}
