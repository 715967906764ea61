//! The cache of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use moka::ops::compute::Op;
use tokio::sync::broadcast;

/// Entries kept at most: some 20 MB of small values.
const CAPACITY: u64 = 50_000;

#[derive(Debug, Clone)]
struct Kept {
    text: String,
    life: Duration,
}

#[derive(Debug)]
struct OwnLife;

impl Expiry<String, Kept> for OwnLife {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.life)
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept,
        _: Instant,
        left: Option<Duration>,
    ) -> Option<Duration> {
        // A counter goes on within its first window; a value put again lives anew.
        if kept.life.is_zero() { left } else { Some(kept.life) }
    }
}

type Channels = Arc<Mutex<HashMap<String, broadcast::Sender<String>>>>;

/// Values and channels in this process.
#[derive(Debug, Clone)]
pub struct Memory {
    values: Cache<String, Kept>,
    channels: Channels,
}

impl Default for Memory {
    fn default() -> Self {
        let values = Cache::builder().max_capacity(CAPACITY).expire_after(OwnLife).build();
        Self { values, channels: Channels::default() }
    }
}

impl Memory {
    pub(super) async fn get(&self, key: &str) -> Option<String> {
        self.values.get(key).await.map(|kept| kept.text)
    }

    pub(super) async fn put(&self, key: String, text: String, life: Duration) {
        self.values.insert(key, Kept { text, life }).await;
    }

    pub(super) async fn drop(&self, key: &str) {
        self.values.invalidate(key).await;
    }

    pub(super) async fn count(&self, key: &str, window: Duration) -> u64 {
        let counted = self.values.entry(key.to_owned()).and_compute_with(|entry| {
            let before = entry.and_then(|entry| entry.into_value().text.parse::<u64>().ok());
            let kept = match before {
                None => Kept { text: "1".to_owned(), life: window },
                Some(count) => Kept { text: (count + 1).to_string(), life: Duration::ZERO },
            };
            std::future::ready(Op::Put(kept))
        });
        counted.await.into_entry().and_then(|entry| entry.into_value().text.parse().ok()).unwrap_or(1)
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
    async fn a_counter_counts_within_one_window() {
        let memory = Memory::default();
        for expected in 1..=3 {
            assert_eq!(memory.count("k", Duration::from_millis(60)).await, expected);
        }
        tokio::time::sleep(Duration::from_millis(90)).await;
        assert_eq!(
            memory.count("k", Duration::from_millis(60)).await,
            1,
            "the window began with the first count"
        );
    }
}
