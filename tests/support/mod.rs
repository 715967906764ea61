//! `World`: a real server on its own database, a clock that tests move, the WeChat stand-in, and the people.

mod clinic;
pub mod database;
pub mod gate;
mod http;
mod issues;
pub mod issuing;
mod log;
pub mod operator;
pub mod people;

use std::net::TcpListener;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use api::app::{App, Clock};
use api::config::{Environment, Settings};
use api::db::Db;
use api::session::password::Turn;
use api::start::Wechat;
use api::{server, start};
use chrono::{DateTime, TimeDelta, Utc};
use miniprogram_adapter::stand_in::StandIn;
use sea_orm::metric::Info;

pub use clinic::Events;
pub use http::{Answer, Client, send};
pub use people::{COUNTY, County, Mother, OTHER_COUNTY, StaffMember, TOWN};

/// One test's world. Dropping it stops the server and drops the database.
pub struct World {
    pub app: Data<App>,
    pub wechat: StandIn,
    pub base_url: String,
    clock: TestClock,
    server: ServerHandle,
    http: reqwest::Client,
    database: database::TestDatabase,
    _data: tempfile::TempDir,
}

/// A clock that starts at a fixed instant and moves only when a test says so.
#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn starting_at(at: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(at.timestamp_micros())))
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// The longest that a test waits for what must come: far longer than it takes, as machines are slow now and then. What
/// would come some other way in that time is switched off instead.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Noon in China on the first day of every world.
pub const FIRST_NOON: &str = "2026-11-22T04:00:00Z";

impl World {
    /// A world with the newest schema and nothing in it.
    pub async fn empty() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose settings are changed before it starts.
    pub async fn with(change: impl FnOnce(&mut api::config::Config)) -> Self {
        Self::made(change, |db| db).await
    }

    /// A world in which each statement is told to somebody.
    pub async fn watched(watch: impl Fn(&Info<'_>) + Send + Sync + 'static) -> Self {
        Self::made(|_| {}, |db| db.watched(watch)).await
    }

    async fn made(change: impl FnOnce(&mut api::config::Config), watched: impl FnOnce(Db) -> Db) -> Self {
        log::start();
        let data = tempfile::tempdir().unwrap();
        let database = database::TestDatabase::create(data.path()).await;
        let settings = Settings { data: Some(data.path().to_owned()), ..Settings::default() };
        let mut config = settings.resolve(true, &Environment::from_pairs([])).unwrap();
        config.database_url = database.url().to_owned().into();
        config.threads = 2;
        config.database_connections = 12;
        config.database_wait = PATIENCE;
        config.redis_url = std::env::var("TEST_REDIS_URL").ok().map(Into::into);
        config.run_jobs = false;
        // Every world calls from one address, and those of one run share a Redis.
        config.wechat.sign_ins_a_minute = u32::MAX;
        change(&mut config);
        let clock = TestClock::starting_at(FIRST_NOON.parse().unwrap());
        let wechat = wechat(&clock);
        let reading = clock.clone();
        let app = start::serving(config, Clock::from_fn(move || reading.now()), Wechat::stand_in(&wechat))
            .await
            .unwrap();
        let app = Arc::into_inner(app.into_inner()).expect("nobody else holds the app yet");
        let app = Data::new(App { db: watched(app.db.clone()), ..app });
        start::migrate(&app.db).await.unwrap();
        start::take_up_keys(&app, true).await.unwrap();
        let (base_url, server) = serve(app.clone());
        Self { app, wechat, base_url, clock, server, http: reqwest::Client::new(), database, _data: data }
    }

    /// Where the database is, for a process of its own.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Now, by the world's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the clock of the server and of WeChat.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    /// Carries out jobs until none is due.
    pub async fn carry_out_jobs(&self) {
        while api::worker::run_due(&self.app).await.unwrap() {}
    }

    /// Every place in which passwords are hashed: sign-ins wait for them.
    pub async fn every_password_place(&self) -> Vec<Turn<'_>> {
        let mut places = Vec::new();
        let soon = Duration::from_millis(200);
        while let Ok(Ok(place)) = tokio::time::timeout(soon, self.app.passwords.turn()).await {
            places.push(place);
        }
        places
    }

    /// Somebody who is not signed in.
    pub fn anybody(&self) -> Client {
        Client::new(self.http.clone(), self.base_url.clone(), None)
    }

    /// A caller with an access token.
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(self.http.clone(), self.base_url.clone(), Some(token.to_owned()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        log::keep_metrics(&self.app.metrics);
        self.app.stop.send_replace(true);
        drop(self.server.stop(false));
    }
}

/// WeChat reads the same clock as the server.
fn wechat(clock: &TestClock) -> StandIn {
    use miniprogram_adapter::stand_in::Settings;
    let reading = clock.clone();
    let clock = miniprogram_adapter::Clock::new(move || reading.now());
    StandIn::start(Settings { clock, ..Settings::default() }).unwrap()
}

/// A real server on a free port, in a thread of its own: the test's runtime may block without stopping it.
fn serve(app: Data<App>) -> (String, ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = server::serve(&app, listener).unwrap();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    (base_url, receiver.recv().unwrap())
}

/// Says why something is not tried on this machine. Where everything is checked nothing may be left out.
pub fn skip(why: &str) {
    let on_ci = std::env::var("CI").is_ok_and(|ci| ci != "false");
    assert!(!on_ci, "left out, which continuous integration does not allow: {why}");
    eprintln!("skipped: {why}");
}
