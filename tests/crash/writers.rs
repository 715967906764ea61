//! People who write all the while. Each request has a key or an id and is sent again until it is acknowledged, as a phone
//! without network does.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::calendar::day_in_china;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ground::{Ground, Home};
use crate::support::PATIENCE;
use crate::support::issuing::{EVERYTHING, claim_by_cover, phone, womans_number};
use crate::support::people::VILLAGE;

/// How long a caller waits for an answer, and for how long what was not acknowledged is sent again; nothing may take as long.
const HANG: Duration = PATIENCE.saturating_mul(3);

/// Checkups that a doctor attaches before the next scan.
const CHECKUPS: usize = 6;

/// What a request writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    Entry,
    Amendment,
    Handbook,
    Claim,
    Code,
    Visit,
    Checkup,
}

/// A writing request, as often as it is sent.
#[derive(Debug, Clone)]
pub struct Call {
    pub wrote: Wrote,
    pub token: String,
    method: Method,
    pub path: String,
    /// `Idempotency-Key`, where the body has no id.
    key: Option<String>,
    pub body: Value,
}

impl Call {
    fn post(wrote: Wrote, token: &str, path: impl Into<String>, body: Value) -> Self {
        let key = body["id"].is_null().then(|| Uuid::now_v7().to_string());
        Self { wrote, token: token.to_owned(), method: Method::POST, path: path.into(), key, body }
    }
}

/// How a request was answered that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub retry_after: bool,
}

/// What came of sending a request once.
enum Outcome {
    Acknowledged(Value),
    Refused(Refusal),
    /// The connection broke, or there was none.
    Lost,
}

/// Where requests go: one server after the other.
pub struct Line {
    http: reqwest::Client,
    bases: Vec<String>,
    turn: AtomicUsize,
}

impl Line {
    pub fn to(bases: impl IntoIterator<Item = String>) -> Self {
        let http = reqwest::Client::builder().timeout(HANG).build().unwrap();
        Self { http, bases: bases.into_iter().collect(), turn: AtomicUsize::new(0) }
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> reqwest::RequestBuilder {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let base = &self.bases[turn % self.bases.len()];
        self.http.request(method, format!("{base}{path}")).bearer_auth(token)
    }

    async fn send(&self, call: &Call) -> Outcome {
        let mut request = self.request(call.method.clone(), &call.path, &call.token).json(&call.body);
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        if call.wrote == Wrote::Amendment {
            request = request.header("if-match", "\"1\"");
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(err) => {
                assert!(!err.is_timeout(), "{call:?} was never answered");
                return Outcome::Lost;
            }
        };
        let (status, retry_after) = (answer.status(), answer.headers().contains_key("retry-after"));
        let Ok(bytes) = answer.bytes().await else { return Outcome::Lost };
        let value: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| panic!("{status} without JSON: {}", String::from_utf8_lossy(&bytes)));
        if status.is_success() {
            return Outcome::Acknowledged(value);
        }
        let code = value["code"].as_str().unwrap_or_default().to_owned();
        Outcome::Refused(Refusal { status: status.as_u16(), code, retry_after })
    }
}

/// Everything that was acknowledged, and how requests were refused before.
#[derive(Default)]
pub struct Book {
    acknowledged: Mutex<Vec<(Call, Value)>>,
    refusals: Mutex<Vec<Refusal>>,
    lost: AtomicUsize,
    again: AtomicUsize,
}

impl Book {
    /// What was acknowledged.
    pub fn acknowledged(&self) -> Vec<(Call, Value)> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// How many of one sort.
    pub fn of(&self, wrote: Wrote) -> i64 {
        let is_it = |(call, _): &&(Call, Value)| call.wrote == wrote;
        i64::try_from(self.acknowledged.lock().unwrap().iter().filter(is_it).count()).unwrap()
    }

    /// How requests were refused.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.refusals.lock().unwrap().clone()
    }

    /// How often a connection broke, and how many requests were sent again after that.
    pub fn lost(&self) -> (usize, usize) {
        (self.lost.load(Ordering::Relaxed), self.again.load(Ordering::Relaxed))
    }

    /// Sends a request until it is acknowledged.
    async fn write(&self, line: &Line, call: Call) -> Value {
        let began = Instant::now();
        let mut unsure = false;
        loop {
            assert!(began.elapsed() < HANG, "never acknowledged: {call:?}");
            match line.send(&call).await {
                Outcome::Acknowledged(value) => {
                    self.acknowledged.lock().unwrap().push((call, value.clone()));
                    return value;
                }
                // What was seen is no longer the newest: it was changed by the request that was lost.
                Outcome::Refused(refusal)
                    if unsure && call.wrote == Wrote::Amendment && refusal.code == "stale" =>
                {
                    self.acknowledged.lock().unwrap().push((call, Value::Null));
                    return Value::Null;
                }
                Outcome::Refused(refusal) => {
                    let may_pass = matches!(refusal.status, 503 | 507) || refusal.code == "in_flight";
                    assert!(may_pass, "{call:?}: {refusal:?}");
                    // The commit may have been carried out although its answer was lost.
                    unsure = true;
                    self.refusals.lock().unwrap().push(refusal);
                }
                Outcome::Lost => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    if !unsure {
                        self.again.fetch_add(1, Ordering::Relaxed);
                    }
                    unsure = true;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends everything from `from` on once more with the same key: the first answer comes again.
    pub async fn send_again(&self, line: &Line, from: usize) {
        let sent: Vec<_> = self.acknowledged().split_off(from);
        let keyed = sent.iter().filter(|(call, _)| {
            // Codes are counted against floods, and a change has no key.
            !matches!(call.wrote, Wrote::Amendment | Wrote::Code)
        });
        for some in keyed.collect::<Vec<_>>().chunks(16) {
            join_all(some.iter().map(|(call, first)| async move {
                match line.send(call).await {
                    Outcome::Acknowledged(value) => assert_eq!(value, *first, "{call:?}"),
                    Outcome::Refused(refusal) => panic!("{call:?} again: {refusal:?}"),
                    Outcome::Lost => panic!("{call:?} again: lost"),
                }
            }))
            .await;
        }
    }
}

/// Women of forms, each another one.
static WOMEN: AtomicU32 = AtomicU32::new(1);

/// The people at work: 32 at a time.
pub struct Writers<'a> {
    pub ground: &'a Ground,
    pub line: &'a Line,
    pub book: &'a Book,
    /// Whoever sees it finishes the request at hand and goes home.
    pub stop: Arc<AtomicBool>,
}

impl Writers<'_> {
    /// Writes until it is time to stop and everything is acknowledged.
    pub async fn write(&self) {
        join_all(self.ground.homes.iter().map(async |home| {
            tokio::join!(self.family(home), self.family(home), self.desk(home), self.doctor(home));
        }))
        .await;
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// An entry, and the same one changed.
    async fn family(&self, home: &Home) {
        let entries = format!("/api/v1/handbooks/{}/entries", home.handbook);
        while self.goes_on() {
            let (id, date) = (Uuid::now_v7(), day_in_china(Utc::now()));
            let payload = |text: &str| json!({ "date": date, "text": format!("{text} {id}") });
            let body =
                json!({ "id": id, "kind": "diary", "subject": "household", "payload": payload("今天") });
            self.book
                .write(self.line, Call::post(Wrote::Entry, &home.mother.token(), entries.as_str(), body))
                .await;
            let call = Call {
                wrote: Wrote::Amendment,
                token: home.mother.token(),
                method: Method::PATCH,
                path: format!("{entries}/{id}"),
                key: None,
                body: json!({ "payload": payload("改过") }),
            };
            self.book.write(self.line, call).await;
        }
    }

    /// A handbook, and its claim.
    async fn desk(&self, home: &Home) {
        while self.goes_on() {
            let order = WOMEN.fetch_add(1, Ordering::Relaxed);
            let born = format!("{}0101", 1975 + order / 499 % 25);
            let id_number = womans_number(&born, order % 499 + 1);
            let woman = json!({
                "name": "王小红", "id_number": id_number, "phone": phone(order), "address": "长虹村12号",
                "region_code": VILLAGE,
            });
            let form = json!({ "group": "planning", "woman": woman, "explained": EVERYTHING });
            let call = Call::post(Wrote::Handbook, &home.desk.token(), "/api/v1/handbooks", form);
            let issued = self.book.write(self.line, call).await;
            let claim = claim_by_cover(&issued, &id_number[14..], "woman");
            let claimer = home.some_claimer();
            let call = Call::post(Wrote::Claim, &claimer.token(), "/api/v1/claims", claim);
            self.book.write(self.line, call).await;
        }
    }

    /// The code on the phone, its scan, and checkups.
    async fn doctor(&self, home: &Home) {
        let handbook = format!("/api/v1/handbooks/{}", home.handbook);
        // Codes are counted against floods: one each time that people come to work.
        let code = Call::post(Wrote::Code, &home.mother.token(), format!("{handbook}/code"), json!({}));
        let code = self.book.write(self.line, code).await;
        let scan =
            Call::post(Wrote::Visit, &home.doctor.token(), "/api/v1/visits", json!({ "code": code["url"] }));
        self.book.write(self.line, scan).await;
        while self.goes_on() {
            for _ in 0..CHECKUPS {
                let now = Utc::now();
                let body = json!({
                    "id": Uuid::now_v7(), "kind": "laboratory_result", "subject": "woman",
                    "occurred_on": day_in_china(now),
                    "payload": {
                        "sampled_at": now.to_rfc3339(), "specimen": ["blood"], "origin": "here", "hemoglobin": 118,
                    },
                });
                let call =
                    Call::post(Wrote::Checkup, &home.doctor.token(), format!("{handbook}/checkups"), body);
                self.book.write(self.line, call).await;
            }
        }
    }
}
