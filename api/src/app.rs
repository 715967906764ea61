//! What every request can reach: database, cache, clock, keys, WeChat, settings.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::{day_in_china, to_microseconds};
use domain::catalogue::Catalogue;
use domain::id::ReplicaId;
use tokio::sync::watch;

use crate::cache::{Cache, Memory};
use crate::charts::png::Fonts;
use crate::config::Config;
use crate::db::Db;
use crate::export::Rooms;
use crate::keys::Keys;
use crate::live::Live;
use crate::photos::Shelf;
use crate::session::password::Passwords;
use crate::session::token::Tokens;
use crate::telemetry::Metrics;

/// The application. One per process; tests make one per test.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub db: Db,
    /// What may be lost.
    pub cache: Cache,
    /// Requests of each caller, and made-up tickets of each address, within a minute, in this process: asking Redis would
    /// cost more than it spares.
    pub requests: Memory,
    /// Where the time comes from.
    pub clock: Clock,
    /// Sealing, blind indexes, printed codes.
    pub keys: Arc<Keys>,
    /// Access tokens.
    pub tokens: Tokens,
    /// Password hashing in a bounded pool.
    pub passwords: Passwords,
    /// Every kind of record.
    pub catalogue: Arc<Catalogue>,
    /// WeChat's server interfaces.
    pub wechat: miniprogram_adapter::Client,
    /// Where photos are kept.
    pub photos: Shelf,
    /// Copies of everything that are made at a time: each holds a database connection while its phone reads.
    pub exports: Arc<Rooms>,
    /// What charts are written with where they are pixels.
    pub fonts: Fonts,
    /// What is counted for operators.
    pub metrics: Metrics,
    /// Live updates of this process.
    pub live: Live,
    /// This process, as the audit log knows the chain that it seals.
    pub replica: ReplicaId,
    /// Settings.
    pub config: Config,
    /// Says that the process is stopping: open streams end.
    pub stop: watch::Sender<bool>,
    /// Hears that the process is stopping.
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// Now, in whole microseconds: what is answered is what both databases keep.
    pub fn now(&self) -> DateTime<Utc> {
        to_microseconds(self.clock.now())
    }

    /// Today in China.
    pub fn today(&self) -> NaiveDate {
        day_in_china(self.now())
    }
}

/// Where the time comes from; tests hold their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock of one's own.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
