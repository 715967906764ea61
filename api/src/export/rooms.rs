//! Where copies are made: few at a time, and who reads slowly gives way to who asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How slowly a copy may be read while somebody else asks for one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Bytes a second.
    pub(super) least: u32,
    /// How far one may fall behind that.
    pub(super) behind: Duration,
}

/// What a bad mobile network gives.
const PACE: Pace = Pace { least: 16 * 1024, behind: Duration::from_secs(30) };

/// How long after they were told to wait somebody counts as asking: they were told to come again in a minute.
const ASKING: Duration = Duration::from_secs(90);

/// The rooms of this process.
#[derive(Debug)]
pub struct Rooms {
    free: Arc<Semaphore>,
    pub(super) pace: Pace,
    /// When somebody last found none.
    refused: Mutex<Option<Instant>>,
}

impl Rooms {
    /// So many.
    pub fn new(many: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(many)), pace: PACE, refused: Mutex::default() }
    }

    /// A room, if one is free; else those inside hear that somebody asks.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Room> {
        let Ok(permit) = self.free.clone().try_acquire_owned() else {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            return None;
        };
        Some(Room { rooms: self.clone(), _permit: permit, waited: Duration::ZERO, taken: 0 })
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
    /// How long it waited for who reads, which is not what reading the database took.
    waited: Duration,
    /// Bytes that were taken.
    taken: usize,
}

impl Room {
    /// So many bytes were taken after so long a wait.
    pub(super) fn waited_for(&mut self, bytes: usize, waited: Duration) {
        self.waited += waited;
        self.taken += bytes;
    }

    /// Whether it is to be left: it is read slowly, and somebody asks.
    pub(super) fn is_to_be_left(&self) -> bool {
        let Pace { least, behind } = self.rooms.pace;
        let fair = behind + Duration::from_secs_f64(self.taken as f64 / f64::from(least));
        self.waited > fair && self.rooms.is_somebody_asking()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_slow_while_somebody_asks_gives_way() {
        let rooms = Arc::new(Rooms::new(2));
        let (mut slow, mut fair) = (rooms.enter().unwrap(), rooms.enter().unwrap());
        slow.waited_for(64 * 1024, Duration::from_secs(35));
        fair.waited_for(64 * 1024, Duration::from_secs(33));
        assert!(!slow.is_to_be_left(), "nobody asks");
        assert!(rooms.enter().is_none());
        assert!(slow.is_to_be_left() && !fair.is_to_be_left(), "34 s are fair for 64 KiB");
        drop(slow);
        assert!(rooms.enter().is_some());
    }
}
