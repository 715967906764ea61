//! From settings to a running application, and the checks before it may run.

use std::sync::Arc;

use actix_web::web::Data;
use anyhow::Context;
use domain::id::ReplicaId;
use migrations::Migrator;
use miniprogram_adapter::stand_in::{self, StandIn};
use miniprogram_adapter::{AppSecret, Client, Settings, TokenStore};
use sea_orm_migration::MigratorTrait;
use tokio::sync::watch;
use uuid::Uuid;

use crate::app::{App, Clock};
use crate::cache::{Cache, Memory, Redis};
use crate::charts::png::Fonts;
use crate::config::{Config, Misconfigured, WechatConfig};
use crate::db::Db;
use crate::export::Rooms;
use crate::keyring::in_use;
use crate::keys::Keys;
use crate::live::Live;
use crate::photos::Shelf;
use crate::session::password::Passwords;
use crate::session::token::Tokens;
use crate::telemetry::{Metrics, tell_of_slow_statement};
use crate::wechat::TokensInRedis;

/// What may be the matter when the history of the schema cannot be followed.
const OF_ANOTHER_VERSION: &str =
    "the database cannot be brought to the schema of this program; was it made by another version of it?";

/// Passwords hashed at a time: 9 MiB each.
const HASHED_AT_ONCE: usize = 2;

/// Copies of everything made at a time; see `export`.
const EXPORTS_AT_ONCE: usize = 2;

/// Connects everything for a command; nothing is listened on and nothing is migrated.
pub async fn app(config: Config, clock: Clock, wechat: Wechat) -> anyhow::Result<Data<App>> {
    connected(config, clock, wechat, 0).await
}

/// The same for a server, whose threads have connections of their own.
pub async fn serving(config: Config, clock: Clock, wechat: Wechat) -> anyhow::Result<Data<App>> {
    let threads = config.threads;
    connected(config, clock, wechat, threads).await
}

async fn connected(
    config: Config,
    clock: Clock,
    wechat: Wechat,
    threads: usize,
) -> anyhow::Result<Data<App>> {
    let keys = Arc::new(Keys::new(&config.secrets)?);
    let (url, connections) = (&config.database_url, config.database_connections);
    let db = Db::for_server(url, connections, config.database_wait, threads).await?;
    let db = db.watched(tell_of_slow_statement);
    let cache = match &config.redis_url {
        Some(url) => Cache::Redis(Redis::new(url)?),
        None => Cache::Memory(Memory::default()),
    };
    let photos = Shelf::of(&config)?;
    let wechat = wechat.client(&cache, &keys)?;
    let (stop, stopping) = watch::channel(false);
    Ok(Data::new(App {
        live: Live::new(&cache),
        db,
        cache,
        requests: Memory::default(),
        clock,
        wechat,
        keys,
        tokens: Tokens::new(&config.secrets)?,
        passwords: Passwords::new(HASHED_AT_ONCE)?,
        catalogue: crate::catalogue::load(config.catalogue.as_deref())?,
        photos,
        fonts: Fonts::new(config.font.clone()),
        exports: Arc::new(Rooms::new(EXPORTS_AT_ONCE, config.export)),
        metrics: Metrics::new()?,
        replica: ReplicaId(Uuid::now_v7()),
        config,
        stop,
        stopping,
    }))
}

/// How to reach WeChat, or what stands in for it.
#[derive(Debug)]
pub struct Wechat {
    settings: Settings,
    clock: miniprogram_adapter::Clock,
}

impl Wechat {
    /// WeChat itself.
    pub fn real(config: &WechatConfig) -> Self {
        let url = config.url.as_deref().unwrap_or(miniprogram_adapter::OFFICIAL_BASE_URL);
        let settings = Settings::new(url, config.app_id.clone(), AppSecret::new(config.secret.as_str()));
        Self { settings, clock: miniprogram_adapter::Clock::system() }
    }

    /// A stand-in that runs on this machine.
    pub fn stand_in(stand_in: &StandIn) -> Self {
        Self { settings: stand_in.client_settings(), clock: stand_in.control().clock() }
    }

    /// The client, which shares its access token with other replicas where there is a Redis.
    fn client(self, cache: &Cache, keys: &Arc<Keys>) -> anyhow::Result<Client> {
        let store = match cache {
            Cache::Redis(redis) => {
                Some(Arc::new(TokensInRedis::new(redis.clone(), keys.clone())) as Arc<dyn TokenStore>)
            }
            Cache::Memory(_) => None,
        };
        Ok(Client::new(self.settings, self.clock, store)?)
    }
}

/// The stand-in of the demo: it takes `demo-NAME` as a login code.
pub fn demo_stand_in() -> std::io::Result<StandIn> {
    StandIn::start(stand_in::Settings { demo_codes: true, ..stand_in::Settings::default() })
}

/// Brings the database to the schema of this program; one that a later version only added to is left as it is.
pub async fn migrate(db: &Db) -> anyhow::Result<()> {
    if pending_migrations(db).await? > 0 {
        Migrator::up(db.write(), None).await.context(OF_ANOTHER_VERSION)?;
    }
    Ok(())
}

/// How many migrations are pending. Refused where a later version took away what this program needs.
pub async fn pending_migrations(db: &Db) -> anyhow::Result<usize> {
    let standing = Migrator::standing(db.write()).await?;
    anyhow::ensure!(
        standing.contracted.is_empty(),
        "{OF_ANOTHER_VERSION} ({})",
        standing.contracted.join(", ")
    );
    Ok(standing.pending)
}

/// What is told when migrations are pending.
pub fn pending(many: usize) -> String {
    format!("{many} migrations are pending: run `muzi migrate up` first")
}

/// Writes down which keys this process was given, and seals with the one that the database says. Refused when they are not
/// those of the database.
pub async fn take_up_keys(app: &App, serves: bool) -> anyhow::Result<()> {
    let wrong = in_use::take_up(&app.db, &app.config.secrets, &app.keys, serves, app.now()).await?;
    if wrong.is_empty() { Ok(()) } else { Err(Misconfigured(wrong).into()) }
}
