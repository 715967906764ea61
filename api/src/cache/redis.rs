//! The cache that replicas share. Every failure is a miss, logged once a minute at most.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisResult, Script};
use tokio::sync::broadcast;

/// How long a request waits for Redis before it goes on without.
const PATIENCE: Duration = Duration::from_millis(250);

/// A connection that heals itself, made on first use so that a dead Redis does not keep Muzi from starting.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    manager: ConnectionManager,
    channels: Arc<Mutex<HashMap<&'static str, broadcast::Sender<String>>>>,
    complained_at: Arc<AtomicI64>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// Prepares the connection; Redis may be away.
    pub fn new(url: &str) -> RedisResult<Self> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_secs(2));
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { client, manager, channels: Arc::default(), complained_at: Arc::default() })
    }

    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let mut manager = self.manager.clone();
        self.heard(tokio::time::timeout(PATIENCE, manager.get::<_, Option<String>>(prefixed(key))).await)
            .flatten()
    }

    pub(crate) async fn put(&self, key: &str, text: String, life: Duration) {
        let mut manager = self.manager.clone();
        let seconds = life.as_secs().max(1);
        self.heard(
            tokio::time::timeout(PATIENCE, manager.set_ex::<_, _, ()>(prefixed(key), text, seconds)).await,
        );
    }

    pub(super) async fn drop(&self, key: &str) {
        let mut manager = self.manager.clone();
        self.heard(tokio::time::timeout(PATIENCE, manager.del::<_, ()>(prefixed(key))).await);
    }

    /// Forgets a value if it begins so, in one step.
    pub(crate) async fn drop_if_begins(&self, key: &str, head: &str) {
        let script = Script::new(
            "local v = redis.call('GET', KEYS[1]) if v and string.sub(v, 1, #ARGV[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
        );
        let mut manager = self.manager.clone();
        let mut call = script.key(prefixed(key));
        self.heard(tokio::time::timeout(PATIENCE, call.arg(head).invoke_async::<u64>(&mut manager)).await);
    }

    pub(super) async fn count(&self, key: &str, window: Duration) -> Option<u64> {
        let script = Script::new(
            "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n",
        );
        let mut manager = self.manager.clone();
        let mut call = script.key(prefixed(key));
        let call = call.arg(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        self.heard(tokio::time::timeout(PATIENCE, call.invoke_async(&mut manager)).await)
    }

    pub(super) async fn publish(&self, channel: &str, message: &str) {
        let mut manager = self.manager.clone();
        self.heard(
            tokio::time::timeout(PATIENCE, manager.publish::<_, _, ()>(prefixed(channel), message)).await,
        );
    }

    /// One task per channel and process listens and passes on to everybody here; it reconnects for ever.
    pub(super) fn subscribe(&self, channel: &'static str) -> broadcast::Receiver<String> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = channels.entry(channel).or_insert_with(|| {
            let (sender, _) = broadcast::channel(1024);
            tokio::spawn(listen(self.client.clone(), channel, sender.clone()));
            sender
        });
        sender.subscribe()
    }

    fn heard<T>(&self, answer: Result<RedisResult<T>, tokio::time::error::Elapsed>) -> Option<T> {
        let reason = match answer {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(err)) => err.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        let now = chrono::Utc::now().timestamp();
        if now - self.complained_at.load(Ordering::Relaxed) >= 60 {
            self.complained_at.store(now, Ordering::Relaxed);
            tracing::warn!(reason, "Redis does not answer; going on without it");
        }
        None
    }
}

async fn listen(client: Client, channel: &'static str, sender: broadcast::Sender<String>) {
    loop {
        if let Ok(mut pubsub) = client.get_async_pubsub().await
            && pubsub.subscribe(prefixed(channel)).await.is_ok()
        {
            let mut messages = pubsub.on_message();
            while let Some(message) = messages.next().await {
                if let Ok(text) = message.get_payload::<String>() {
                    // Nobody listening is fine.
                    let _listeners = sender.send(text);
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn prefixed(key: &str) -> String {
    format!("muzi:{key}")
}
