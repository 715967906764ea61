//! What may be lost: a cache in the process or in Redis. A miss, an error and a dead Redis are the same.

mod memory;
mod redis;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::UserId;
use uuid::Uuid;

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

/// How long something is counted, from the first time on.
pub const WINDOW: Duration = Duration::from_secs(60);

/// What is counted, so that nobody asks for too much of it.
#[derive(Debug, Clone, Copy)]
pub enum Counted<'a> {
    /// Dynamic codes that a user has drawn.
    Codes(UserId),
    /// Tickets for live updates that a caller has drawn.
    Tickets(Uuid),
    /// Sign-ins with WeChat from an address, by its keyed hash.
    WechatSignIns(&'a [u8]),
    /// Refreshes of a session; those of others of the account go on.
    Refreshes(Uuid),
    /// Phone codes that a WeChat account has shown, by what its tries are counted by.
    PhoneCodes(&'a str),
}

impl Counted<'_> {
    fn key(self) -> String {
        match self {
            Self::Codes(user) => format!("codes:{user}"),
            Self::Tickets(actor) => format!("tickets:{actor}"),
            Self::WechatSignIns(address) => format!("wechat-sign-ins:{}", URL_SAFE_NO_PAD.encode(address)),
            Self::Refreshes(actor) => format!("refreshes:{actor}"),
            Self::PhoneCodes(account) => format!("phone-codes:{account}"),
        }
    }
}

impl Cache {
    /// Counts one more, and says whether that is more than `most` within the window. Where it cannot be known it is not:
    /// these limits spare others' work and keep no secret.
    pub async fn is_too_much(&self, counted: Counted<'_>, most: u64) -> bool {
        let count = match self {
            Self::Memory(memory) => Some(memory.count(counted.key()).await),
            Self::Redis(redis) => redis.count(&counted.key(), WINDOW).await,
        };
        count.is_some_and(|count| count > most)
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
