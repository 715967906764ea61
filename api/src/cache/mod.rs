//! What may be lost: a cache in the process or in Redis. A miss, an error and a dead Redis are the same.

mod memory;
mod redis;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use memory::Memory;
pub use redis::Redis;

/// Where values are cached.
#[derive(Debug, Clone)]
pub enum Cache {
    /// In this process.
    Memory(Memory),
    /// Shared by replicas.
    Redis(Redis),
}

/// A key that names the type of its value.
pub trait Key: Send + Sync {
    /// What is cached.
    type Value: Serialize + DeserializeOwned + Send + Sync;
    /// How long it is good at most.
    const LIFE: Duration;
    /// The key as text, unique among all kinds of keys.
    fn text(&self) -> String;
}

impl Cache {
    /// The cached value, if there is one and it can be read.
    pub async fn get<K: Key>(&self, key: &K) -> Option<K::Value> {
        let text = match self {
            Self::Memory(memory) => memory.get(&key.text()).await,
            Self::Redis(redis) => redis.get(&key.text()).await,
        }?;
        serde_json::from_str(&text).ok()
    }

    /// Keeps a value for its life; failing to keep it is no failure.
    pub async fn put<K: Key>(&self, key: &K, value: &K::Value) {
        let Ok(text) = serde_json::to_string(value) else { return };
        match self {
            Self::Memory(memory) => memory.put(key.text(), text, K::LIFE).await,
            Self::Redis(redis) => redis.put(&key.text(), text, K::LIFE).await,
        }
    }

    /// Forgets a value.
    pub async fn drop<K: Key>(&self, key: &K) {
        match self {
            Self::Memory(memory) => memory.drop(&key.text()).await,
            Self::Redis(redis) => redis.drop(&key.text()).await,
        }
    }

    /// Counts one more of something within a window and gives the count; `None` when it cannot be known.
    pub async fn count(&self, key: &str, window: Duration) -> Option<u64> {
        match self {
            Self::Memory(memory) => Some(memory.count(key, window).await),
            Self::Redis(redis) => redis.count(key, window).await,
        }
    }

    /// Tells every process that something changed; nobody relies on it arriving.
    pub async fn publish(&self, channel: &str, message: &str) {
        match self {
            Self::Memory(memory) => memory.publish(channel, message),
            Self::Redis(redis) => redis.publish(channel, message).await,
        }
    }

    /// Messages of a channel from now on. Gaps are possible: whoever must not miss anything looks into the database.
    pub fn subscribe(&self, channel: &'static str) -> tokio::sync::broadcast::Receiver<String> {
        match self {
            Self::Memory(memory) => memory.subscribe(channel),
            Self::Redis(redis) => redis.subscribe(channel),
        }
    }
}
