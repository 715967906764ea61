//! The cache that replicas share. Every failure is a miss, and then nothing is asked for a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisResult, Script};
use tokio::sync::broadcast;

/// How long a request waits for Redis before it goes on without.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a Redis that failed is left alone.
const REST: Duration = Duration::from_secs(1);

/// How often the log says that Redis is away.
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(60);

/// A connection that heals itself, made on first use so that a dead Redis does not keep Muzi from starting.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    manager: ConnectionManager,
    channels: Arc<Mutex<HashMap<&'static str, broadcast::Sender<String>>>>,
    silence: Arc<Silence>,
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
        Ok(Self { client, manager, channels: Arc::default(), silence: Arc::new(Silence::new()) })
    }

    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        self.ask(async |mut redis| redis.get::<_, Option<String>>(prefixed(key)).await).await.flatten()
    }

    pub(crate) async fn put(&self, key: &str, text: String, life: Duration) {
        let seconds = life.as_secs().max(1);
        self.ask(async |mut redis| redis.set_ex::<_, _, ()>(prefixed(key), text, seconds).await).await;
    }

    /// Forgets a value if it begins so, in one step.
    pub(crate) async fn drop_if_begins(&self, key: &str, head: &str) {
        let script = Script::new(
            "local v = redis.call('GET', KEYS[1]) if v and string.sub(v, 1, #ARGV[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
        );
        let mut call = script.key(prefixed(key));
        call.arg(head);
        self.ask(async |mut redis| call.invoke_async::<u64>(&mut redis).await).await;
    }

    pub(super) async fn count(&self, key: &str, window: Duration) -> Option<u64> {
        let script = Script::new(
            "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n",
        );
        let mut call = script.key(prefixed(key));
        call.arg(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        self.ask(async |mut redis| call.invoke_async(&mut redis).await).await
    }

    pub(super) async fn publish(&self, channel: &str, message: &str) {
        self.ask(async |mut redis| redis.publish::<_, _, ()>(prefixed(channel), message).await).await;
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

    /// Asks Redis, unless it failed just now: a dead one costs a request its patience once a second, not each time.
    async fn ask<T>(&self, question: impl AsyncFnOnce(ConnectionManager) -> RedisResult<T>) -> Option<T> {
        if self.silence.is_kept() {
            return None;
        }
        let reason = match tokio::time::timeout(PATIENCE, question(self.manager.clone())).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(err)) => err.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.silence.begin(&reason);
        None
    }
}

/// When Redis failed last, in milliseconds since this process began to ask it.
#[derive(Debug)]
struct Silence {
    since: Instant,
    kept_until: AtomicU64,
    complain_from: AtomicU64,
}

impl Silence {
    fn new() -> Self {
        Self { since: Instant::now(), kept_until: AtomicU64::new(0), complain_from: AtomicU64::new(0) }
    }

    fn is_kept(&self) -> bool {
        self.now() < self.kept_until.load(Ordering::Relaxed)
    }

    fn begin(&self, reason: &str) {
        let now = self.now();
        self.kept_until.store(now + millis(REST), Ordering::Relaxed);
        if now >= self.complain_from.load(Ordering::Relaxed) {
            self.complain_from.store(now + millis(BETWEEN_COMPLAINTS), Ordering::Relaxed);
            tracing::warn!(reason, "Redis does not answer; going on without it");
        }
    }

    fn now(&self) -> u64 {
        millis(self.since.elapsed())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
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
