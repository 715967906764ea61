//! From settings to a running application, and the checks before it may run.

use std::sync::Arc;

use actix_web::web::Data;
use migrations::Migrator;
use miniprogram_adapter::stand_in::{self, StandIn};
use miniprogram_adapter::{AppSecret, Client, Settings};
use sea_orm_migration::MigratorTrait;
use tokio::sync::watch;

use crate::app::{App, Clock};
use crate::cache::{Cache, Memory, Redis};
use crate::config::{Config, WechatConfig};
use crate::db::Db;
use crate::keys::Keys;
use crate::live::Live;
use crate::photos::Shelf;
use crate::session::password::Passwords;
use crate::session::token::Tokens;
use crate::telemetry::Metrics;

/// Passwords hashed at a time: 19 MiB each.
const HASHED_AT_ONCE: usize = 2;

/// Connects everything; nothing is listened on and nothing is migrated.
pub async fn app(config: Config, clock: Clock, wechat: Client) -> anyhow::Result<Data<App>> {
    let db = Db::connect(&config.database_url, config.database_connections).await?;
    let cache = match &config.redis_url {
        Some(url) => Cache::Redis(Redis::new(url)?),
        None => Cache::Memory(Memory::default()),
    };
    let photos = match &config.photos {
        Some(url) => Shelf::bucket(url)?,
        None => Shelf::folder(&config.data.join("photos"))?,
    };
    let (stop, stopping) = watch::channel(false);
    Ok(Data::new(App {
        live: Live::new(&cache),
        db,
        cache,
        clock,
        keys: Keys::new(&config.secrets)?,
        tokens: Tokens::new(&config.secrets)?,
        passwords: Passwords::new(HASHED_AT_ONCE)?,
        catalogue: Arc::new(crate::catalogue::load(config.catalogue.as_deref())?),
        wechat,
        photos,
        metrics: Metrics::new()?,
        config,
        stop,
        stopping,
    }))
}

/// A client of WeChat itself.
pub fn wechat_client(config: &WechatConfig) -> anyhow::Result<Client> {
    let url = config.url.as_deref().unwrap_or(miniprogram_adapter::OFFICIAL_BASE_URL);
    let settings = Settings::new(url, config.app_id.clone(), AppSecret::new(config.secret.as_str()));
    Ok(Client::new(settings, miniprogram_adapter::Clock::system(), None)?)
}

/// The stand-in of the demo and a client of it.
pub fn stand_in() -> anyhow::Result<(StandIn, Client)> {
    let stand_in = StandIn::start(stand_in::Settings { demo_codes: true, ..stand_in::Settings::default() })?;
    let client = Client::new(stand_in.client_settings(), stand_in.control().clock(), None)?;
    Ok((stand_in, client))
}

/// Brings the database to the newest schema.
pub async fn migrate(db: &Db) -> Result<(), sea_orm::DbErr> {
    Migrator::up(db.write(), None).await
}

/// How many migrations are pending.
pub async fn pending_migrations(db: &Db) -> Result<usize, sea_orm::DbErr> {
    Ok(Migrator::get_pending_migrations(db.write()).await?.len())
}
