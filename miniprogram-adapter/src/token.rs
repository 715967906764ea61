//! `POST /cgi-bin/stable_token`: the access token, fetched when needed and shared as far as possible.
//!
//! WeChat gives all who ask the same token while it has more than five minutes to live, then a new one beside it. So
//! sharing a token spares calls and is not needed for correctness, and whatever goes wrong with it never fails a call.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    call::{Call, Repeat, up_to},
    client::Client,
    error::{Class, Code, Error, Surprise},
    flight::Flight,
    secret::AccessToken,
};

/// So long before its end a token is renewed: in these last minutes WeChat gives a new one while the old one works.
const RENEWED_BEFORE_END: TimeDelta = TimeDelta::seconds(300);
/// A token is taken for good at least this long, however little WeChat says it has left.
const GOOD_AT_LEAST: TimeDelta = TimeDelta::seconds(30);
/// Renewal comes earlier by up to this much, by chance, so that replicas do not renew in step.
const EARLIER_BY_UP_TO: Duration = Duration::from_secs(60);
/// After a failed fetch WeChat is left alone for so long, and who needs a token gets that failure.
const PAUSE_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);
/// A store that takes longer than this is done without.
const STORE_PATIENCE: Duration = Duration::from_millis(500);

/// An access token as replicas share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedToken {
    /// The token. It is a secret at rest too.
    pub token: AccessToken,
    /// Until when it needs no renewal.
    pub good_until: DateTime<Utc>,
    /// When WeChat stops taking it. A store need not keep it longer.
    pub expires_at: DateTime<Utc>,
}

/// Where replicas share the access token, one for each appid. An error or a slow answer is done without.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// The token last saved for the appid, good or not.
    fn load<'a>(&'a self, app_id: &'a str) -> StoreFuture<'a, Option<SharedToken>>;

    /// Saves a token for the appid in place of any other.
    fn save<'a>(&'a self, app_id: &'a str, token: &'a SharedToken) -> StoreFuture<'a, ()>;

    /// Forgets the appid's token if it still is this one, in one step: another replica may have saved a good one.
    fn forget<'a>(&'a self, app_id: &'a str, refused: &'a AccessToken) -> StoreFuture<'a, ()>;
}

/// What a [`TokenStore`] will answer.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreUnavailable>> + Send + 'a>>;

/// The store did not do it. Why is for the store to log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the token store is not available")]
pub struct StoreUnavailable;

impl Client {
    /// The token to use now. While one still works nobody waits, not even for its renewal.
    pub(crate) async fn access_token(&self) -> Result<AccessToken, Error> {
        let now = self.inner.clock.now();
        let fetch = {
            let mut held = self.inner.tokens.lock();
            match held.token.clone().filter(|token| now < token.expires_at) {
                Some(token) if now < token.good_until => return Ok(token.token),
                Some(token) => {
                    // Renewal goes on by itself. If it fails, that is logged, and the old token serves till its end.
                    let _renewal = self.join_fetch(&mut held, now, None);
                    return Ok(token.token);
                }
                None => self.join_fetch(&mut held, now, None)?,
            }
        };
        fetch.landed().await.unwrap_or_else(|| Err(Error::interrupted()))
    }

    /// Another token than the one that WeChat refused. Only that very token is dropped: if there already is another,
    /// somebody has renewed it meanwhile.
    pub(crate) async fn access_token_instead_of(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        let now = self.inner.clock.now();
        let fetch = {
            let mut held = self.inner.tokens.lock();
            if held.token.as_ref().is_some_and(|token| token.token == *refused) {
                held.token = None;
            }
            match &held.token {
                Some(other) => return Ok(other.token.clone()),
                None => self.join_fetch(&mut held, now, Some(refused))?,
            }
        };
        let other = fetch.landed().await.unwrap_or_else(|| Err(Error::interrupted()))?;
        if other == *refused { Err(Error::TokenStillRefused) } else { Ok(other) }
    }

    /// Joins the fetch in the air or starts one, unless the last one has just failed.
    fn join_fetch(
        &self,
        held: &mut Held,
        now: DateTime<Utc>,
        refused: Option<&AccessToken>,
    ) -> Result<Flight<Result<AccessToken, Error>>, Error> {
        if let Some(fetch) = held.fetch.as_ref().filter(|fetch| fetch.is_in_air()) {
            return Ok(fetch.clone());
        }
        if let Some(failure) = held.failure.as_ref().filter(|failure| now < failure.pause_until) {
            return Err(failure.error.clone());
        }
        let (client, refused) = (self.clone(), refused.cloned());
        let fetch = Flight::start(async move { client.fetch(refused.as_ref()).await });
        held.fetch = Some(fetch.clone());
        Ok(fetch)
    }

    async fn fetch(&self, refused: Option<&AccessToken>) -> Result<AccessToken, Error> {
        let fetched = self.shared_or_new(refused).await;
        let mut held = self.inner.tokens.lock();
        match fetched {
            Ok(fetched) => {
                let token = fetched.token.clone();
                (held.token, held.failure) = (Some(fetched), None);
                Ok(token)
            }
            Err(error) => {
                let pause_until = self.inner.clock.now() + PAUSE_AFTER_FAILURE;
                held.failure = Some(Failure { error: error.clone(), pause_until });
                Err(error)
            }
        }
    }

    /// The token of the other replicas if it is good, else WeChat's.
    async fn shared_or_new(&self, refused: Option<&AccessToken>) -> Result<SharedToken, Error> {
        let (app_id, store) = (self.inner.app_id.as_str(), self.inner.tokens.store.as_deref());
        if let (Some(store), Some(refused)) = (store, refused) {
            with_patience(store.forget(app_id, refused)).await;
        }
        if let Some(store) = store
            && let Some(shared) = with_patience(store.load(app_id)).await.flatten()
            && self.inner.clock.now() < shared.good_until
            && Some(&shared.token) != refused
        {
            return Ok(shared);
        }
        let new = self.ask_for_token().await?;
        if Some(&new.token) == refused {
            tracing::error!(
                "WeChat refuses the very token that it gives; does another system use this appid?"
            );
            return Err(Error::TokenStillRefused);
        }
        if let Some(store) = store {
            with_patience(store.save(app_id, &new)).await;
        }
        Ok(new)
    }

    /// Asks in normal mode. Forced mode kills the token of everybody else, so only a person may use it.
    async fn ask_for_token(&self) -> Result<SharedToken, Error> {
        let call = Call {
            path: "/cgi-bin/stable_token",
            query: Vec::new(),
            body: Some(json!({
                "grant_type": "client_credential",
                "appid": self.inner.app_id,
                "secret": self.inner.secret.expose(),
                "force_refresh": false,
            })),
            repeat: Repeat::Freely,
            // Here it is the AppSecret that is wrong: no other token helps.
            meanings: &[(Code::TokenInvalid, Class::Config)],
        };
        let asked_at = self.inner.clock.now();
        let answer: Answer = self.inner.wire.send(&call, None).await?;
        answer.into_token(asked_at, up_to(EARLIER_BY_UP_TO))
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: AccessToken,
    /// Seconds.
    expires_in: u32,
}

impl Answer {
    fn into_token(self, asked_at: DateTime<Utc>, earlier_by: Duration) -> Result<SharedToken, Error> {
        if self.access_token.expose().is_empty() {
            return Err(Surprise::Fields.into());
        }
        let life = TimeDelta::seconds(self.expires_in.into());
        let earlier_by = TimeDelta::from_std(earlier_by).unwrap_or_default();
        let good_for = (life - RENEWED_BEFORE_END - earlier_by).max(GOOD_AT_LEAST);
        Ok(SharedToken {
            token: self.access_token,
            good_until: asked_at + good_for,
            expires_at: asked_at + life,
        })
    }
}

/// The token of this process, the fetch in the air, and where replicas share.
#[derive(Debug)]
pub(crate) struct Tokens {
    held: Mutex<Held>,
    store: Option<Arc<dyn TokenStore>>,
}

#[derive(Debug, Default)]
struct Held {
    token: Option<SharedToken>,
    fetch: Option<Flight<Result<AccessToken, Error>>>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    pause_until: DateTime<Utc>,
}

impl Tokens {
    pub(crate) fn new(store: Option<Arc<dyn TokenStore>>) -> Self {
        Self { held: Mutex::default(), store }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn with_patience<T>(answer: StoreFuture<'_, T>) -> Option<T> {
    match timeout(STORE_PATIENCE, answer).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(StoreUnavailable)) | Err(_) => {
            tracing::warn!("the shared token store did not answer; going on without it");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_780_000_000, 0).unwrap();

    fn good_and_alive_for(expires_in: u32, earlier_by: u64) -> (i64, i64) {
        let answer = Answer { access_token: AccessToken::new("token"), expires_in };
        let token = answer.into_token(NOW, Duration::from_secs(earlier_by)).unwrap();
        ((token.good_until - NOW).num_seconds(), (token.expires_at - NOW).num_seconds())
    }

    #[test]
    fn a_token_is_renewed_in_its_last_minutes_and_never_at_every_call() {
        assert_eq!(good_and_alive_for(7200, 0), (6900, 7200));
        assert_eq!(good_and_alive_for(7200, 60), (6840, 7200));
        assert_eq!(good_and_alive_for(345, 0), (45, 345));
        assert_eq!(good_and_alive_for(345, 60), (30, 345));
        assert_eq!(good_and_alive_for(300, 0), (30, 300));
    }

    #[test]
    fn an_empty_token_is_no_answer() {
        let answer = Answer { access_token: AccessToken::new(""), expires_in: 7200 };
        assert!(matches!(answer.into_token(NOW, Duration::ZERO), Err(Error::Unexpected(Surprise::Fields))));
    }
}
