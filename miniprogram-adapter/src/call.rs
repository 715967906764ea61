//! One call on the wire: what is sent, when it is sent again, and what the answer means.

use std::time::Duration;

use aws_lc_rs::rand;
use reqwest::{Method, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    error::{Class, Code, Error, Refusal, Silence, Surprise},
    secret::AccessToken,
};

/// How often and for how long a call that may pass by itself is repeated.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The wait before the second try, the third, and so on; up to half as much again is added by chance, so that
    /// replicas do not come back in step.
    pub waits: Vec<Duration>,
    /// All tries and waits of one call together take no longer than this.
    pub budget: Duration,
}

impl Default for Retry {
    /// Three tries, 0.2 and 0.8 s apart, within 12 s.
    fn default() -> Self {
        Self {
            waits: vec![Duration::from_millis(200), Duration::from_millis(800)],
            budget: Duration::from_secs(12),
        }
    }
}

/// A call as its interface describes it.
pub(crate) struct Call {
    pub(crate) path: &'static str,
    /// Pairs of the query, the access token excepted.
    pub(crate) query: Vec<(&'static str, String)>,
    /// The JSON to POST; a GET has none.
    pub(crate) body: Option<Value>,
    pub(crate) repeat: Repeat,
    /// Codes that mean something else here than elsewhere.
    pub(crate) meanings: &'static [(Code, Class)],
}

impl Call {
    fn class_of(&self, code: Code) -> Class {
        let here = self.meanings.iter().find(|(known, _)| *known == code);
        here.map_or_else(|| code.class(), |&(_, class)| class)
    }
}

/// When a failed call may be sent again.
#[derive(Clone, Copy)]
pub(crate) enum Repeat {
    /// It does no harm: after whatever may pass by itself.
    Freely,
    /// It uses up a code, but a second try tells whether the first one was seen: once, and only if no answer came.
    OnceIfUnanswered,
    /// It uses up a code that the user can renew with one touch: only if WeChat cannot have seen it.
    IfNotReached,
}

impl Repeat {
    fn allows(self, tries: usize, error: &Error) -> bool {
        match self {
            Self::Freely => error.class() == Class::Transient,
            Self::OnceIfUnanswered => tries == 1 && matches!(error, Error::Unanswered(..)),
            Self::IfNotReached => matches!(error, Error::Unanswered(Silence::NotReached, _)),
        }
    }
}

/// The connection to WeChat, or to whatever answers at the base URL.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) timeout: Duration,
    pub(crate) retry: Retry,
}

impl Wire {
    /// Sends the call until it has an answer, may not be repeated, or its budget is used up.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        call: &Call,
        token: Option<&AccessToken>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + self.retry.budget;
        let mut waits = self.retry.waits.iter();
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.try_once(call, token, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            report(call, tries, &error);
            match waits.next().map(|&wait| wait + up_to(wait / 2)) {
                Some(wait) if call.repeat.allows(tries, &error) && Instant::now() + wait < deadline => {
                    sleep(wait).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn try_once<T: DeserializeOwned>(
        &self,
        call: &Call,
        token: Option<&AccessToken>,
        deadline: Instant,
    ) -> Result<T, Error> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = self
            .http
            .request(method, self.address(call, token))
            .timeout(self.timeout.min(deadline.saturating_duration_since(Instant::now())));
        if let Some(body) = &call.body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status();
        understand(call, status, &response.bytes().await?)
    }

    fn address(&self, call: &Call, token: Option<&AccessToken>) -> Url {
        let mut address = self.base.clone();
        address.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        if let Some(token) = token {
            address.query_pairs_mut().append_pair("access_token", token.expose());
        }
        if !call.query.is_empty() {
            address.query_pairs_mut().extend_pairs(&call.query);
        }
        address
    }
}

/// Decides by the body. The HTTP status is 200 for nearly everything, and the content type is not to be relied on.
fn understand<T: DeserializeOwned>(call: &Call, status: StatusCode, body: &[u8]) -> Result<T, Error> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(json) = &json {
        check_errcode(call, json)?;
    }
    if !status.is_success() {
        return Err(Error::Gateway(status.as_u16()));
    }
    // Serde's own message is dropped: it quotes what it stumbled over.
    serde_json::from_value(json.ok_or(Surprise::NotJson)?).map_err(|_| Surprise::Fields.into())
}

/// An errcode that is absent or 0 is no refusal.
fn check_errcode(call: &Call, json: &Value) -> Result<(), Error> {
    let Some(errcode) = json.get("errcode") else { return Ok(()) };
    let code = match errcode.as_i64() {
        Some(0) => return Ok(()),
        Some(number) => Code::from(number),
        None => return Err(Surprise::Fields.into()),
    };
    let message = json.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    Err(Error::Refused(Refusal::new(code, call.class_of(code), message)))
}

/// Logs a failed try. What a person must see to stands out; what a user can cause at will does not.
fn report(call: &Call, tries: usize, error: &Error) {
    let (interface, class) = (call.path, error.class());
    let (errcode, rid) = (error.code().map(Code::number), error.rid());
    match class {
        Class::Quota | Class::Config | Class::Bug => {
            tracing::error!(interface, tries, ?class, errcode, rid, "{error}");
        }
        Class::Transient | Class::Token | Class::Rate | Class::Unexpected => {
            tracing::warn!(interface, tries, ?class, errcode, rid, "{error}");
        }
        Class::Client | Class::Business => {
            tracing::debug!(interface, tries, ?class, errcode, rid, "{error}");
        }
    }
}

/// A random length of time between nothing and `most`.
pub(crate) fn up_to(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    if rand::fill(&mut bytes).is_err() {
        return Duration::ZERO;
    }
    most.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Answer {
        value: u8,
    }

    fn read(status: u16, body: &str) -> Result<Answer, Error> {
        let call = Call {
            path: "/test",
            query: Vec::new(),
            body: None,
            repeat: Repeat::Freely,
            meanings: &[(Code::TokenInvalid, Class::Config)],
        };
        understand(&call, StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn an_errcode_that_is_absent_or_zero_is_success() {
        assert_eq!(read(200, r#"{"value":7}"#).unwrap(), Answer { value: 7 });
        assert_eq!(read(200, r#"{"errcode":0,"errmsg":"ok","value":7}"#).unwrap(), Answer { value: 7 });
    }

    #[test]
    fn an_errcode_is_a_failure_whatever_else_is_in_the_answer() {
        for status in [200, 412, 500] {
            let error = read(status, r#"{"errcode":40029,"errmsg":"no, rid: a-1","value":7}"#).unwrap_err();
            assert_eq!((error.code(), error.class()), (Some(Code::CodeInvalid), Class::Client));
            assert_eq!(error.rid(), Some("a-1"));
        }
    }

    #[test]
    fn a_code_can_mean_something_else_for_one_call() {
        assert_eq!(read(200, r#"{"errcode":40001}"#).unwrap_err().class(), Class::Config);
        assert_eq!(read(200, r#"{"errcode":42001}"#).unwrap_err().class(), Class::Token);
    }

    #[test]
    fn what_is_not_as_promised_is_unexpected_and_a_dead_gateway_is_transient() {
        let cases = [
            (200, "", Class::Unexpected),
            (200, "<html></html>", Class::Unexpected),
            (200, r#"{"value":"#, Class::Unexpected),
            (200, r#"{"value":"seven"}"#, Class::Unexpected),
            (200, r#"{"errcode":"40029","value":7}"#, Class::Unexpected),
            (200, "[]", Class::Unexpected),
            (302, "", Class::Unexpected),
            (404, "<html></html>", Class::Unexpected),
            (500, r#"{"value":7}"#, Class::Transient),
            (502, "<html></html>", Class::Transient),
        ];
        for (status, body, class) in cases {
            assert_eq!(read(status, body).unwrap_err().class(), class, "HTTP {status} {body}");
        }
    }

    #[test]
    fn what_uses_a_code_up_is_repeated_with_care() {
        let unanswered = |silence| Error::Unanswered(silence, None);
        let failures = [
            unanswered(Silence::NotReached),
            unanswered(Silence::TimedOut),
            unanswered(Silence::Broken),
            Error::Gateway(502),
            Error::Refused(Refusal::new(Code::Busy, Class::Transient, "")),
            Error::Refused(Refusal::new(Code::CodeInvalid, Class::Client, "")),
            Error::Unexpected(Surprise::NotJson),
        ];
        let allowed =
            |repeat: Repeat, tries| failures.each_ref().map(|failure| repeat.allows(tries, failure));
        assert_eq!(allowed(Repeat::Freely, 2), [true, true, true, true, true, false, false]);
        assert_eq!(allowed(Repeat::OnceIfUnanswered, 1), [true, true, true, false, false, false, false]);
        assert_eq!(allowed(Repeat::OnceIfUnanswered, 2), [false; 7]);
        assert_eq!(allowed(Repeat::IfNotReached, 2), [true, false, false, false, false, false, false]);
    }

    #[test]
    fn chance_stays_within_its_limit() {
        assert_eq!(up_to(Duration::ZERO), Duration::ZERO);
        let drawn: Vec<_> = (0..100).map(|_| up_to(Duration::from_secs(60))).collect();
        assert!(drawn.iter().all(|some| *some <= Duration::from_secs(60)));
        assert!(drawn.iter().any(|some| *some != drawn[0]));
    }
}
