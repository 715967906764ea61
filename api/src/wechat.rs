//! WeChat's access token, shared by replicas through Redis. Losing it costs one more fetch and nothing else.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use miniprogram_adapter::{AccessToken, SharedToken, StoreFuture, StoreUnavailable, TokenStore};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cache::Redis;
use crate::keys::{Keys, Place, places};

/// The token at rest: sealed, with a keyed hash beside it so that Redis can compare without opening.
#[derive(Debug)]
pub struct TokensInRedis {
    redis: Redis,
    keys: Arc<Keys>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    token: String,
    good_until: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// There is one token per app id, so its place has no row.
const PLACE: Place = Place::new(places::REDIS_WECHAT_TOKEN, Uuid::nil());

impl TokensInRedis {
    /// A store in this Redis.
    pub fn new(redis: Redis, keys: Arc<Keys>) -> Self {
        Self { redis, keys }
    }

    /// What stands before the sealed token: the same for equal tokens, and nothing can be read from it.
    fn mark(&self, token: &AccessToken) -> String {
        URL_SAFE_NO_PAD.encode(self.keys.blind("wechat_token", token.expose()))
    }
}

impl TokenStore for TokensInRedis {
    fn load<'a>(&'a self, app_id: &'a str) -> StoreFuture<'a, Option<SharedToken>> {
        Box::pin(async move {
            let Some(text) = self.redis.get(&key(app_id)).await else { return Ok(None) };
            let sealed = text
                .split_once(':')
                .and_then(|(_, sealed)| URL_SAFE_NO_PAD.decode(sealed).ok())
                .ok_or(StoreUnavailable)?;
            let kept: Kept = self.keys.open(PLACE, &sealed).map_err(|_| StoreUnavailable)?;
            let Kept { token, good_until, expires_at } = kept;
            Ok(Some(SharedToken { token: AccessToken::new(token), good_until, expires_at }))
        })
    }

    fn save<'a>(&'a self, app_id: &'a str, token: &'a SharedToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let SharedToken { token, good_until, expires_at } = token;
            let kept =
                Kept { token: token.expose().to_owned(), good_until: *good_until, expires_at: *expires_at };
            let sealed = self.keys.seal(PLACE, &kept).map_err(|_| StoreUnavailable)?;
            let text = format!("{}:{}", self.mark(token), URL_SAFE_NO_PAD.encode(&sealed));
            // WeChat's tokens live two hours at most.
            self.redis.put(&key(app_id), text, Duration::from_secs(7200)).await;
            Ok(())
        })
    }

    fn forget<'a>(&'a self, app_id: &'a str, refused: &'a AccessToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.redis.drop_if_begins(&key(app_id), &format!("{}:", self.mark(refused))).await;
            Ok(())
        })
    }
}

fn key(app_id: &str) -> String {
    format!("wechat-token:{app_id}")
}
