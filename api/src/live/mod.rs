//! Live updates: whoever follows a handbook hears in the same second that something changed.
//!
//! A change is a number: `handbook.change_seq`, raised in the transaction that changes something, so that it grows
//! without gaps in the order of the commits. What changed is read from the database; a message only says *look*.

use domain::id::HandbookId;
use tokio::sync::broadcast;

use crate::cache::Cache;

/// The channel that carries handbook ids between replicas.
const CHANNEL: &str = "changed";

/// Tells and hears that handbooks changed.
#[derive(Debug, Clone)]
pub struct Live {
    cache: Cache,
    here: broadcast::Sender<HandbookId>,
}

impl Live {
    /// Live updates over the cache's channels.
    pub fn new(cache: &Cache) -> Self {
        Self { cache: cache.clone(), here: broadcast::channel(1024).0 }
    }

    /// Says that a handbook changed; call it after the commit.
    pub async fn changed(&self, handbook: HandbookId) {
        // Nobody listening is fine.
        let _listeners = self.here.send(handbook);
        self.cache.publish(CHANNEL, &handbook.to_string()).await;
    }

    /// Handbooks changed by this process, from now on.
    pub fn here(&self) -> broadcast::Receiver<HandbookId> {
        self.here.subscribe()
    }

    /// Handbooks changed by any process, as far as the cache tells.
    pub fn elsewhere(&self) -> broadcast::Receiver<String> {
        self.cache.subscribe(CHANNEL)
    }
}
