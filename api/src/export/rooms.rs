//! Where copies are made: few at a time, and who reads slowly gives way to who asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::ExportConfig;

/// How long after they were told to wait somebody counts as asking: they were told to come again in a minute.
const ASKING: Duration = Duration::from_secs(90);

/// The rooms of this process.
#[derive(Debug)]
pub struct Rooms {
    free: Arc<Semaphore>,
    pace: ExportConfig,
    /// When somebody last found none.
    refused: Mutex<Option<Instant>>,
}

impl Rooms {
    /// So many, and how slowly copies may be read in them.
    pub fn new(many: usize, pace: ExportConfig) -> Self {
        Self { free: Arc::new(Semaphore::new(many)), pace, refused: Mutex::default() }
    }

    /// A room, if one is free; else those inside hear that somebody asks.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Room> {
        let Ok(permit) = self.free.clone().try_acquire_owned() else {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            return None;
        };
        Some(Room { rooms: self.clone(), _permit: permit, behind: Duration::ZERO })
    }

    fn is_somebody_asking(&self) -> bool {
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.is_some_and(|at| at.elapsed() < ASKING)
    }
}

/// A room; free for somebody else once it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    rooms: Arc<Rooms>,
    _permit: OwnedSemaphorePermit,
    /// How far who reads is behind the least rate: waiting for them adds to it, and what they take makes up for it. Nobody
    /// gets ahead, so that haste at the beginning buys no leisure afterwards.
    behind: Duration,
}

impl Room {
    /// So many bytes were taken after so long a wait, which is not what reading the database took.
    pub(super) fn waited_for(&mut self, bytes: usize, waited: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let fair = Duration::from_secs(1) * bytes / self.rooms.pace.least_rate;
        self.behind = (self.behind + waited).saturating_sub(fair);
    }

    /// Whether it is to be left: it is read slowly, and somebody asks.
    pub(super) fn is_to_be_left(&self) -> bool {
        self.behind > self.rooms.pace.behind && self.rooms.is_somebody_asking()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_slow_while_somebody_asks_gives_way() {
        let rooms = Arc::new(Rooms::new(2, ExportConfig::default()));
        let (mut slow, mut fair) = (rooms.enter().unwrap(), rooms.enter().unwrap());
        slow.waited_for(100 * 1024 * 1024, Duration::ZERO);
        slow.waited_for(64 * 1024, Duration::from_secs(65));
        fair.waited_for(64 * 1024, Duration::from_secs(63));
        assert!(!slow.is_to_be_left(), "nobody asks");
        assert!(rooms.enter().is_none());
        assert!(slow.is_to_be_left(), "however fast it began");
        assert!(!fair.is_to_be_left(), "64 s are fair for 64 KiB");
        drop(slow);
        assert!(rooms.enter().is_some());
    }
}
