//! A stand-in and a client that live in the same time, and the few things that tests say often.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use miniprogram_adapter::{
    AccessToken, Class, Client, Clock, Code, Error, Settings, SharedToken, StoreFuture, StoreUnavailable,
    TokenStore,
    stand_in::{self, Control, StandIn},
};
use serde_json::Value;

pub(crate) const LOGIN: &str = "/sns/jscode2session";
pub(crate) const TOKEN: &str = "/cgi-bin/stable_token";
pub(crate) const PHONE: &str = "/wxa/business/getuserphonenumber";

/// When every world begins; only [`Control::advance`] moves on from there.
const NOON: DateTime<Utc> =
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap().and_hms_opt(4, 0, 0).unwrap().and_utc();

pub(crate) struct World {
    pub(crate) wechat: StandIn,
    pub(crate) client: Client,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A world whose stand-in behaves otherwise than usual.
    pub(crate) fn with(change: impl FnOnce(&mut stand_in::Settings)) -> Self {
        let mut settings = stand_in::Settings { clock: Clock::new(|| NOON), ..stand_in::Settings::default() };
        change(&mut settings);
        let wechat = StandIn::start(settings).unwrap();
        let client = Client::new(patient(&wechat), wechat.control().clock(), None).unwrap();
        Self { wechat, client }
    }

    /// Another replica: a client that shares nothing but the store.
    pub(crate) fn replica(&self, store: Option<Arc<dyn TokenStore>>) -> Client {
        Client::new(patient(&self.wechat), self.control().clock(), store).unwrap()
    }

    /// A client with other settings than usual.
    pub(crate) fn client_with(&self, change: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = patient(&self.wechat);
        change(&mut settings);
        Client::new(settings, self.control().clock(), None).unwrap()
    }

    /// A client that gives up on a try soon.
    pub(crate) fn hasty_client(&self) -> Client {
        self.client_with(|settings| settings.timeout = Duration::from_millis(500))
    }

    pub(crate) fn control(&self) -> &Control {
        self.wechat.control()
    }

    pub(crate) fn calls(&self, path: &str) -> usize {
        self.control().calls(path)
    }

    /// Exchanges a fresh phone code, as any call that needs a token.
    pub(crate) async fn call(&self) -> Result<(), Error> {
        self.call_by(&self.client).await
    }

    pub(crate) async fn call_by(&self, client: &Client) -> Result<(), Error> {
        let code = self.control().phone_code("mum1", "13800000000");
        client.phone_number(&code).await.map(|_| ())
    }

    /// Waits for what happens in the background.
    pub(crate) async fn until(&self, happened: impl Fn(&Control) -> bool) {
        for _ in 0..5000 {
            if happened(self.control()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("it did not happen within ten seconds");
    }
}

/// The usual settings, but without waiting between tries.
fn patient(wechat: &StandIn) -> Settings {
    let mut settings = wechat.client_settings();
    settings.retry.waits = vec![Duration::from_millis(1); 2];
    settings
}

pub(crate) fn failure<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (Class, Option<Code>) {
    let error = outcome.unwrap_err();
    (error.class(), error.code())
}

/// HTTP without the client under test.
pub(crate) struct Http {
    client: reqwest::Client,
    base_url: String,
}

impl Http {
    pub(crate) fn to(wechat: &StandIn) -> Self {
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        Self { client, base_url: wechat.base_url().to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.base_url))
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.base_url))
    }

    pub(crate) async fn ask(&self, path: &str, body: Value) -> Value {
        json(self.post(path).json(&body)).await
    }
}

pub(crate) async fn json(request: reqwest::RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

/// A store in memory, which can be made to fail or to hang.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) tokens: Mutex<HashMap<String, SharedToken>>,
    pub(crate) trouble: Mutex<Option<Trouble>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Fails,
    Hangs,
    /// Loads and saves, but cannot forget.
    NeverForgets,
}

impl Store {
    fn answer<'a, T: Send + 'a>(&'a self, answer: impl FnOnce() -> T + Send + 'a) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let trouble = *self.trouble.lock().unwrap();
            match trouble {
                None | Some(Trouble::NeverForgets) => Ok(answer()),
                Some(Trouble::Fails) => Err(StoreUnavailable),
                Some(Trouble::Hangs) => std::future::pending().await,
            }
        })
    }
}

impl TokenStore for Store {
    fn load<'a>(&'a self, app_id: &'a str) -> StoreFuture<'a, Option<SharedToken>> {
        self.answer(move || self.tokens.lock().unwrap().get(app_id).cloned())
    }

    fn save<'a>(&'a self, app_id: &'a str, token: &'a SharedToken) -> StoreFuture<'a, ()> {
        self.answer(move || drop(self.tokens.lock().unwrap().insert(app_id.to_owned(), token.clone())))
    }

    fn forget<'a>(&'a self, app_id: &'a str, refused: &'a AccessToken) -> StoreFuture<'a, ()> {
        if let Some(Trouble::NeverForgets) = *self.trouble.lock().unwrap() {
            return Box::pin(async { Err(StoreUnavailable) });
        }
        self.answer(move || {
            self.tokens.lock().unwrap().retain(|key, kept| key != app_id || kept.token != *refused);
        })
    }
}
