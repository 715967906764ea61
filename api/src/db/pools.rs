//! Connections that wait for queries, and whose they are.
//!
//! A connection to PostgreSQL is listened to by the runtime of the thread that opened it, and the server has a runtime in
//! each of its threads. A query over a connection of another thread wakes both: a page of the timeline lost a tenth of its
//! turns by that, an entry with its thirteen statements a third.

use std::sync::{Arc, Mutex as Lock, MutexGuard as Locked, PoisonError};

use sea_orm::{DatabaseConnection, DbErr};
use thread_local::ThreadLocal;

use super::Watch;
use super::one_connection::Spare;

/// Fewest connections that a thread is given for itself: with fewer its requests would wait while those of others idle.
const FEWEST: u32 = 4;

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

/// The pools that all threads share, and those that the threads of the server have for themselves.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    shared: Pools,
    own: Arc<Own>,
}

#[derive(Debug)]
struct Own {
    free: Lock<Vec<Pools>>,
    taken: ThreadLocal<Pools>,
}

impl Own {
    fn free(&self) -> Locked<'_, Vec<Pools>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shares {
    pub(super) fn new(shared: Pools, of_threads: Vec<Pools>) -> Self {
        let own = Own { free: Lock::new(of_threads), taken: ThreadLocal::new() };
        Self { shared, own: Arc::new(own) }
    }

    /// Those of this thread.
    pub(super) fn here(&self) -> &Pools {
        self.own.taken.get().unwrap_or(&self.shared)
    }

    /// Gives this thread pools of its own, if there are any left.
    pub(super) fn settle(&self) {
        if self.own.taken.get().is_none()
            && let Some(pools) = self.own.free().pop()
        {
            self.own.taken.get_or(|| pools);
        }
    }

    /// Has each statement told but those of threads that have settled.
    pub(super) fn watch(&mut self, watch: &Watch) {
        self.shared.watch(watch);
        self.own.free().iter_mut().for_each(|pools| pools.watch(watch));
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        let free = std::mem::take(&mut *self.own.free());
        for pools in free.iter().chain(self.own.taken.iter()) {
            pools.close().await?;
        }
        self.shared.close().await
    }
}

/// How many of the connections each of so many threads has for itself; the jobs beside them have as many. None where there
/// are too few.
pub(super) fn share(connections: u32, threads: usize) -> u32 {
    let share = u32::try_from(threads + 1).map_or(0, |parts| connections / parts);
    if share < FEWEST { 0 } else { share }
}

#[cfg(test)]
mod tests {
    use sea_orm::Database;

    use super::*;

    async fn pools() -> Pools {
        let pool = Database::connect("sqlite::memory:").await.unwrap();
        Pools::new(pool.clone(), pool, 1)
    }

    /// Whether this thread has pools of its own.
    fn has_own(shares: &Shares) -> bool {
        !std::ptr::eq(shares.here(), &raw const shares.shared)
    }

    #[test]
    fn a_thread_gets_a_share_where_all_get_enough() {
        assert_eq!(share(12, 2), 4);
        assert_eq!(share(40, 9), 4);
        assert_eq!(share(100, 4), 20);
        assert_eq!(share(12, 3), 0, "three each are too few");
        assert_eq!(share(1, 2), 0);
        assert_eq!(share(12, usize::MAX - 1), 0);
    }

    #[tokio::test]
    async fn a_thread_that_settles_has_connections_that_no_other_has() {
        let shares = Shares::new(pools().await, vec![pools().await]);
        assert!(!has_own(&shares), "who does not settle shares");
        std::thread::scope(|threads| {
            let settled = threads.spawn(|| {
                shares.settle();
                shares.settle();
                has_own(&shares)
            });
            assert!(settled.join().unwrap());
            let late = threads.spawn(|| {
                shares.settle();
                has_own(&shares)
            });
            assert!(!late.join().unwrap(), "there are none left");
        });
        let own = shares.own.taken.iter().next().unwrap().clone();
        shares.close().await.unwrap();
        own.read.ping().await.unwrap_err();
    }
}
