//! The keys that a database was written with: which seal, which only open, how many values each still seals, and how
//! values move from one to the next. What a key does with a value is [`crate::keys`].

pub mod count;
pub mod in_use;
pub mod rotate;
pub mod sample;
pub(crate) mod store;

use std::sync::Arc;

use crate::config::Config;
use crate::db::Db;
use crate::keys::Keys;
use crate::photos::Shelf;

/// What a command needs that works on sealed values for as long as it takes.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The database, without limits of time.
    pub db: Db,
    /// The keys.
    pub keys: Arc<Keys>,
    /// The photos.
    pub photos: Shelf,
}

impl Ground {
    /// The ground that settings name. Nothing is migrated.
    pub async fn of(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            db: Db::patient(&config.database_url).await?,
            keys: Arc::new(Keys::new(&config.secrets)?),
            photos: Shelf::of(config)?,
        })
    }
}
