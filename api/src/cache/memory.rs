//! The cache of one process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::future::Cache;
use tokio::sync::broadcast;

use super::WINDOW;

/// Counters kept at most; beyond, those that were counted least are forgotten.
const CAPACITY: u64 = 50_000;

type Channels = Arc<Mutex<HashMap<String, broadcast::Sender<String>>>>;

/// Counters and channels in this process.
#[derive(Debug, Clone)]
pub struct Memory {
    counters: Cache<String, Arc<AtomicU64>>,
    channels: Channels,
}

impl Default for Memory {
    fn default() -> Self {
        Self::counting_for(WINDOW)
    }
}

impl Memory {
    fn counting_for(window: Duration) -> Self {
        let counters = Cache::builder().max_capacity(CAPACITY).time_to_live(window).build();
        Self { counters, channels: Channels::default() }
    }

    /// Counts one more, and says whether that is more than `most` within the window.
    pub async fn is_too_much(&self, key: String, most: u64) -> bool {
        self.count(key).await > most
    }

    pub(super) async fn count(&self, key: String) -> u64 {
        let counter = self.counters.get_with(key, async { Arc::default() }).await;
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn publish(&self, channel: &str, message: &str) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = channels.get(channel) {
            // Nobody listening is fine.
            let _listeners = sender.send(message.to_owned());
        }
    }

    pub(super) fn subscribe(&self, channel: &'static str) -> broadcast::Receiver<String> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.entry(channel.to_owned()).or_insert_with(|| broadcast::channel(1024).0).subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_counter_counts_within_one_window_that_begins_with_the_first() {
        let memory = Memory::counting_for(Duration::from_millis(60));
        for expected in 1..=3 {
            assert_eq!(memory.count("k".to_owned()).await, expected);
        }
        tokio::time::sleep(Duration::from_millis(90)).await;
        assert_eq!(memory.count("k".to_owned()).await, 1);
    }
}
