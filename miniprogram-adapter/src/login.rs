//! `GET /sns/jscode2session`: the code that `wx.login` gave the phone, for who the user is.
//!
//! A code works once and for five minutes. A phone that taps twice, or that lost its network and tries again, sends the
//! same code twice, so the answer to a code is remembered for a minute for who sent it, and both get the same one. For
//! somebody else who learned the code it goes to WeChat, which refuses it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::{
    call::{Call, Repeat},
    client::{Client, check_code},
    digest::sha256,
    error::{Class, Error, Surprise},
    flight::Flight,
    secret::{OpenId, UnionId},
};

/// How long the answer to a code is remembered.
const REMEMBERED: TimeDelta = TimeDelta::seconds(60);
/// How often what is too old is thrown out.
const SWEPT_EVERY: TimeDelta = TimeDelta::seconds(10);

/// Who the user is. The session key that WeChat gives as well is neither returned nor kept: nothing needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user within this mini-program.
    pub openid: OpenId,
    /// The user across apps, once the mini-program is bound to an Open Platform account.
    pub unionid: Option<UnionId>,
}

impl Client {
    /// Exchanges a login code. Whoever `sender` names (an address, say) gets the first answer again for a minute.
    ///
    /// # Errors
    ///
    /// [`Class::Client`]: the phone must call `wx.login` again (the code is used, expired or not ours), or WeChat blocks
    /// the user. A lost answer is asked for once more; [`Class::Transient`] means that this failed too, and the phone
    /// may send the same code again. [`Class::Rate`]: this user came more than 100 times in a minute.
    pub async fn login(&self, code: &str, sender: &str) -> Result<Login, Error> {
        check_code(code)?;
        let exchange = || {
            let (client, code) = (self.clone(), code.to_owned());
            Flight::start(async move { client.exchange(code).await })
        };
        let flight = self.inner.logins.join(digest(code, sender), self.inner.clock.now(), exchange);
        flight.landed().await.unwrap_or_else(|| Err(Error::interrupted()))
    }

    async fn exchange(&self, code: String) -> Result<Login, Error> {
        let call = Call {
            path: "/sns/jscode2session",
            query: vec![
                ("appid", self.inner.app_id.clone()),
                ("secret", self.inner.secret.expose().to_owned()),
                ("js_code", code),
                ("grant_type", "authorization_code".to_owned()),
            ],
            body: None,
            repeat: Repeat::OnceIfUnanswered,
            meanings: &[],
        };
        let answer: Answer = self.inner.wire.send(&call, None).await?;
        answer.into_login()
    }
}

#[derive(Deserialize)]
struct Answer {
    openid: OpenId,
    unionid: Option<UnionId>,
}

impl Answer {
    fn into_login(self) -> Result<Login, Error> {
        if self.openid.expose().is_empty() {
            return Err(Surprise::Fields.into());
        }
        let unionid = self.unionid.filter(|unionid| !unionid.expose().is_empty());
        Ok(Login { openid: self.openid, unionid })
    }
}

/// The SHA-256 of a code and of who sent it; neither is kept itself.
type RequestDigest = [u8; 32];

fn digest(code: &str, sender: &str) -> RequestDigest {
    sha256(&[sha256(code.as_bytes()).as_slice(), sender.as_bytes()].concat())
}

/// The exchanges in the air, and the answers of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Logins(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    by_request: HashMap<RequestDigest, Remembered>,
    sweep_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Remembered {
    flight: Flight<Result<Login, Error>>,
    forget_at: DateTime<Utc>,
}

impl Logins {
    /// Joins the exchange of this request that is in the air or was answered within the minute, or starts one.
    fn join(
        &self,
        request: RequestDigest,
        now: DateTime<Utc>,
        exchange: impl FnOnce() -> Flight<Result<Login, Error>>,
    ) -> Flight<Result<Login, Error>> {
        let mut memory = self.lock();
        memory.sweep(now);
        if let Some(known) = memory.by_request.get(&request).filter(|known| known.is_good(now)) {
            return known.flight.clone();
        }
        let flight = exchange();
        let remembered = Remembered { flight: flight.clone(), forget_at: now + REMEMBERED };
        memory.by_request.insert(request, remembered);
        flight
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn sweep(&mut self, now: DateTime<Utc>) {
        if now >= self.sweep_at {
            self.by_request.retain(|_, known| now < known.forget_at);
            self.sweep_at = now + SWEPT_EVERY;
        }
    }
}

impl Remembered {
    /// A failure that says nothing about the code is not an answer to it: the next one may ask again.
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        let is_answer = match self.flight.outcome() {
            None => !self.flight.is_lost(),
            Some(Ok(_)) => true,
            Some(Err(error)) => error.class() == Class::Client,
        };
        is_answer && now < self.forget_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Login, Error> {
        serde_json::from_str::<Answer>(json).unwrap().into_login()
    }

    #[test]
    fn an_empty_unionid_is_none_and_an_empty_openid_is_no_answer() {
        let login = read(r#"{"openid":"o1","session_key":"AAAA","unionid":""}"#).unwrap();
        assert_eq!(login, Login { openid: OpenId::new("o1"), unionid: None });
        assert_eq!(read(r#"{"openid":"o1","unionid":"u1"}"#).unwrap().unionid, Some(UnionId::new("u1")));
        assert!(matches!(read(r#"{"openid":""}"#), Err(Error::Unexpected(Surprise::Fields))));
    }

    #[tokio::test]
    async fn what_is_older_than_a_minute_is_thrown_out() {
        let logins = Logins::default();
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let exchange = || Flight::start(async { Err(Error::NotACode) });
        for second in 0..600 {
            let request = sha256(&[u8::try_from(second % 256).unwrap(), u8::try_from(second / 256).unwrap()]);
            logins.join(request, start + TimeDelta::seconds(second), exchange);
        }
        let kept = i64::try_from(logins.lock().by_request.len()).unwrap();
        assert!(kept <= (REMEMBERED + SWEPT_EVERY).num_seconds(), "{kept} requests are kept");
    }
}
