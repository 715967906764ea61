//! Pools of connections, and which of them a thread asks over.
//!
//! A connection to PostgreSQL is listened to by the runtime of the thread that opened it, and the server has a runtime in
//! each of its threads. A query over a connection of another thread wakes both: the server answered a tenth more pages of
//! a timeline, and half as many entries again, when each thread had connections of its own.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::{DatabaseConnection, DbErr};

use super::Watch;
use super::one_connection::{Spare, has_another};

/// Fewest connections that a thread is given for itself. When they are busy it asks over those that all share.
const FEWEST: u32 = 2;

/// A pool that reads and one that writes. On PostgreSQL they are the same pool.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
    pub(super) spare: Spare,
}

impl Pools {
    /// At most half of the connections that read is spare.
    pub(super) fn new(read: DatabaseConnection, write: DatabaseConnection, reading: u32) -> Self {
        let spare = usize::try_from(reading / 2).unwrap_or_default();
        Self { read, write, spare: Spare::new(spare) }
    }

    pub(super) fn watch(&mut self, watch: &Watch) {
        for pool in [&mut self.read, &mut self.write] {
            let watch = watch.clone();
            pool.set_metric_callback(move |info| watch.tell(info));
        }
    }

    async fn close(&self) -> Result<(), DbErr> {
        self.spare.close();
        self.read.clone().close().await?;
        self.write.clone().close().await
    }
}

/// The pools that every thread may use, and those of which each thread of the server takes one for itself.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    for_all: Pools,
    for_one: Vec<Pools>,
    seats: Arc<Seats>,
}

/// Hands out the pools for one thread. None is handed out twice: the connections in it are those of the first thread's
/// runtime, which ends with it. A thread that takes the place of one that fell over uses the pools for all.
#[derive(Debug)]
struct Seats {
    /// Which database of this process.
    of: usize,
    taken: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    of: usize,
    place: usize,
}

thread_local! {
    /// A thread serves one database.
    static SEAT: Cell<Option<Seat>> = const { Cell::new(None) };
}

impl Shares {
    pub(super) fn new(for_all: Pools, for_one: Vec<Pools>) -> Self {
        static DATABASES: AtomicUsize = AtomicUsize::new(0);
        let of = DATABASES.fetch_add(1, Ordering::Relaxed);
        Self { for_all, for_one, seats: Arc::new(Seats { of, taken: AtomicUsize::new(0) }) }
    }

    /// Gives this thread pools of its own, if there are any left.
    pub(super) fn settle(&self) {
        if self.own().is_none() {
            let place = self.seats.taken.fetch_add(1, Ordering::Relaxed);
            SEAT.set(Some(Seat { of: self.seats.of, place }));
        }
    }

    fn own(&self) -> Option<&Pools> {
        let seat = SEAT.get().filter(|seat| seat.of == self.seats.of)?;
        self.for_one.get(seat.place)
    }

    /// The pools that every thread may use.
    pub(super) fn for_all(&self) -> &Pools {
        &self.for_all
    }

    /// The pools over which this thread asks now: its own, unless all their connections are busy and others are not.
    pub(super) fn here(&self) -> &Pools {
        let has_room = |pools: &Pools| pools.spare.has_some() || has_another(&pools.read);
        match self.own() {
            Some(own) if has_room(own) || !has_room(&self.for_all) => own,
            _ => &self.for_all,
        }
    }

    /// The same for who takes no spare connection: those go back to a pool that has no other.
    pub(super) fn here_without_spare(&self) -> &Pools {
        let here = self.here();
        if !has_another(&here.read) {
            here.spare.give_back();
        }
        here
    }

    /// Has each statement told.
    pub(super) fn watch(&mut self, watch: &Watch) {
        std::iter::once(&mut self.for_all).chain(&mut self.for_one).for_each(|pools| pools.watch(watch));
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        for pools in self.for_one.iter().chain([&self.for_all]) {
            pools.close().await?;
        }
        Ok(())
    }
}

/// How many of the connections each of so many threads has for itself; as many or a few more are for all. None where there
/// are too few.
pub(super) fn for_each(connections: u32, threads: usize) -> Option<u32> {
    let parts = u32::try_from(threads.checked_add(1)?).ok()?;
    Some(connections / parts).filter(|each| *each >= FEWEST)
}

#[cfg(test)]
mod tests {
    use sea_orm::Database;

    use super::*;

    async fn pools() -> Pools {
        let pool = Database::connect("sqlite::memory:").await.unwrap();
        Pools::new(pool.clone(), pool, 1)
    }

    #[test]
    fn a_thread_has_connections_of_its_own_where_all_get_enough() {
        assert_eq!(for_each(12, 2), Some(4));
        assert_eq!(for_each(12, 5), Some(2));
        assert_eq!(for_each(12, 6), None, "one each is too few");
        assert_eq!(for_each(40, 19), Some(2));
        assert_eq!(for_each(2, 2), None);
        assert_eq!(for_each(12, usize::MAX), None);
    }

    #[tokio::test]
    async fn a_thread_that_settles_has_connections_that_no_other_has() {
        let shares = Shares::new(pools().await, vec![pools().await, pools().await]);
        let settled = |shares: &Shares| {
            shares.settle();
            shares.settle();
            shares.for_one.iter().position(|pools| shares.own().is_some_and(|own| std::ptr::eq(own, pools)))
        };
        assert!(shares.own().is_none(), "who does not settle has none");
        // One after the other: a thread that begins when another has ended may look like it.
        let places = [(); 3]
            .map(|()| std::thread::scope(|threads| threads.spawn(|| settled(&shares)).join().unwrap()));
        assert_eq!(places, [Some(0), Some(1), None]);
        let other = Shares::new(pools().await, vec![pools().await]);
        assert_eq!(settled(&other), Some(0), "each database has places of its own");
        shares.close().await.unwrap();
        shares.for_one[0].read.ping().await.unwrap_err();
        other.close().await.unwrap();
    }
}
