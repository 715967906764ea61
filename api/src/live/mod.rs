//! Live updates: whoever follows a handbook hears in the same second that something changed.
//!
//! A change is a number: `handbook.change_seq`, raised in the transaction that changes something, so that it grows
//! without gaps in the order of the commits. What changed is read from the database; a message only says *look*.

pub mod changes;
pub mod follow;
pub mod store;
pub mod stream;
pub mod ticket;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::HandbookId;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::cache::Cache;
use crate::config::LiveConfig;
use crate::error::ApiError;
use crate::problem::Code;

/// The channel that carries handbook ids between replicas.
const CHANNEL: &str = "changed";

/// Tells and hears that handbooks changed, and holds the open streams of this process.
#[derive(Debug, Clone)]
pub struct Live {
    cache: Cache,
    here: broadcast::Sender<HandbookId>,
    watched: Arc<Mutex<HashMap<HandbookId, watch::Sender<i64>>>>,
    seats: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Live {
    /// Live updates over the cache's channels.
    pub fn new(cache: &Cache) -> Self {
        Self {
            cache: cache.clone(),
            here: broadcast::channel(1024).0,
            watched: Arc::default(),
            seats: Arc::default(),
        }
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

    /// Follows the change number of a handbook, of which `seq` was just read.
    fn watch(&self, handbook: HandbookId, seq: i64) -> watch::Receiver<i64> {
        let mut watched = locked(&self.watched);
        let sender = watched.entry(handbook).or_insert_with(|| watch::channel(seq).0);
        raise(sender, seq);
        sender.subscribe()
    }

    /// The handbooks that somebody follows; whatever nobody follows any more is forgotten.
    fn watched(&self) -> Vec<HandbookId> {
        let mut watched = locked(&self.watched);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    /// Tells the streams how far their handbooks are.
    fn tell(&self, latest: impl IntoIterator<Item = (HandbookId, i64)>) {
        let watched = locked(&self.watched);
        for (handbook, seq) in latest {
            if let Some(sender) = watched.get(&handbook) {
                raise(sender, seq);
            }
        }
    }

    /// A seat for one more stream of a caller, free again when it is dropped.
    fn seat(&self, actor: Uuid, limits: &LiveConfig) -> Result<Seat, ApiError> {
        let mut seats = locked(&self.seats);
        if seats.values().sum::<usize>() >= limits.streams {
            return Err(ApiError::told(Code::StreamsFull));
        }
        let own = seats.entry(actor).or_default();
        if *own >= limits.streams_each {
            return Err(ApiError::Wait(Code::TooManyRequests, Duration::from_secs(30)));
        }
        *own += 1;
        Ok(Seat { seats: self.seats.clone(), actor })
    }
}

/// Raises a number; an older one that was read late changes nothing and wakes nobody.
fn raise(sender: &watch::Sender<i64>, seq: i64) {
    sender.send_if_modified(|known| {
        let newer = seq > *known;
        *known = seq.max(*known);
        newer
    });
}

/// One stream's place among those that the process holds.
#[derive(Debug)]
struct Seat {
    seats: Arc<Mutex<HashMap<Uuid, usize>>>,
    actor: Uuid,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = locked(&self.seats);
        if let Some(own) = seats.get_mut(&self.actor) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                seats.remove(&self.actor);
            }
        }
    }
}

/// Nothing that holds these locks can leave them half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Memory;

    fn live() -> Live {
        Live::new(&Cache::Memory(Memory::default()))
    }

    #[test]
    fn a_caller_and_the_process_hold_so_many_streams_and_a_closed_one_makes_room() {
        let (live, limits) = (live(), LiveConfig { streams: 3, streams_each: 2, ..LiveConfig::default() });
        let (mother, father) = (Uuid::now_v7(), Uuid::now_v7());
        let first = live.seat(mother, &limits).unwrap();
        let _second = live.seat(mother, &limits).unwrap();
        assert_eq!(live.seat(mother, &limits).unwrap_err().code(), Code::TooManyRequests);
        let _third = live.seat(father, &limits).unwrap();
        assert_eq!(live.seat(father, &limits).unwrap_err().code(), Code::StreamsFull);
        drop(first);
        assert!(live.seat(mother, &limits).is_ok());
    }

    #[test]
    fn a_number_read_late_takes_nothing_back_and_what_nobody_follows_is_forgotten() {
        let (live, handbook) = (live(), HandbookId(Uuid::now_v7()));
        let mut seqs = live.watch(handbook, 7);
        live.tell([(handbook, 5)]);
        assert!(!seqs.has_changed().unwrap());
        live.tell([(handbook, 8)]);
        assert!(seqs.has_changed().unwrap());
        assert_eq!(*seqs.borrow_and_update(), 8);
        assert_eq!(live.watched(), [handbook]);
        drop(seqs);
        assert!(live.watched().is_empty());
    }
}
