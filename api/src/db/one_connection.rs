//! The queries of one request on one connection.

use std::sync::{Arc, Mutex as Lock, MutexGuard as Locked, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::metric::Info;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::{self, AssertSqlSafe, Database, Executor, IntoArguments, Postgres, Sqlite};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::Watch;

/// How long a connection goes from request to request before the pool looks at it again.
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);

/// Takes a connection for its first query and holds it for the next ones.
///
/// Whoever needs another connection meanwhile, to write, gives this one back before ([`OneConnection::release`]): requests
/// that hold one each and wait for a second would wait for each other.
#[derive(Debug)]
pub struct OneConnection {
    pool: DatabaseConnection,
    spare: Spare,
    watch: Option<Watch>,
    held: Mutex<Option<Held>>,
}

/// A connection on which no query runs: one whose query failed, or was left in the middle because who asked had hung up,
/// goes back to the pool, which looks at it.
#[derive(Debug)]
struct Held {
    connection: Connection,
    since: Instant,
}

#[derive(Debug)]
enum Connection {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

/// Connections that one request has read on and that wait for the next: with each that is given back to the pool the
/// database is asked once more whether it is well, which costs as much as a small query.
#[derive(Debug, Clone)]
pub(super) struct Spare(Arc<Lock<Places>>);

#[derive(Debug)]
struct Places {
    most: usize,
    taken: Vec<Held>,
    runtime: Handle,
}

/// Whoever drops the last of the database may be no task of a runtime, and a connection goes back to its pool in a task.
impl Drop for Places {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.taken.clear();
    }
}

impl Spare {
    /// Room for so many.
    pub(super) fn new(most: usize) -> Self {
        let (taken, runtime) = (Vec::with_capacity(most), Handle::current());
        Self(Arc::new(Lock::new(Places { most, taken, runtime })))
    }

    /// Gives all back to the pool, and those that come later.
    pub(super) fn close(&self) {
        let mut places = self.places();
        places.most = 0;
        places.taken.clear();
    }

    fn take(&self) -> Option<Held> {
        loop {
            let held = self.places().taken.pop()?;
            if held.since.elapsed() < BETWEEN_LOOKS {
                return Some(held);
            }
        }
    }

    /// Keeps a connection that nobody waits for: where the pool has no other, it goes back there, to whoever waited longest.
    fn keep(&self, held: Held, pool: &DatabaseConnection) {
        let mut places = self.places();
        if places.taken.len() < places.most && has_another(pool) {
            places.taken.push(held);
        }
    }

    /// Whether one waits.
    pub(super) fn has_some(&self) -> bool {
        !self.places().taken.is_empty()
    }

    /// Gives all back to the pool, for who takes from there alone.
    pub(super) fn give_back(&self) {
        let mut places = self.places();
        let runtime = places.runtime.clone();
        let _entered = runtime.enter();
        places.taken.clear();
    }

    fn places(&self) -> Locked<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a pool has another connection for who asks next.
pub(super) fn has_another(pool: &DatabaseConnection) -> bool {
    let (idle, open, most) = match pool.get_database_backend() {
        DbBackend::Postgres => counts(pool.get_postgres_connection_pool()),
        _ => counts(pool.get_sqlite_connection_pool()),
    };
    idle > 0 || open < most
}

/// The idle ones of the pool, those that are open, and the most that there may be.
fn counts<D: Database>(pool: &sqlx::Pool<D>) -> (usize, u32, u32) {
    (pool.num_idle(), pool.size(), pool.options().get_max_connections())
}

impl Drop for OneConnection {
    fn drop(&mut self) {
        if let Some(held) = self.held.get_mut().take() {
            self.spare.keep(held, &self.pool);
        }
    }
}

impl OneConnection {
    pub(super) fn new(pool: DatabaseConnection, spare: Spare, watch: Option<Watch>) -> Self {
        Self { pool, spare, watch, held: Mutex::default() }
    }

    /// Gives the connection back; the next query takes another.
    pub async fn release(&self) {
        if let Some(held) = self.held.lock().await.take() {
            self.spare.keep(held, &self.pool);
        }
    }

    async fn taken(&self, place: &mut Option<Held>) -> Result<Held, DbErr> {
        match place.take().or_else(|| self.spare.take()) {
            Some(held) => Ok(held),
            None => self.acquired().await.map_err(not_acquired),
        }
    }

    async fn acquired(&self) -> sqlx::Result<Held> {
        let connection = match self.pool.get_database_backend() {
            DbBackend::Postgres => {
                Connection::Postgres(self.pool.get_postgres_connection_pool().acquire().await?)
            }
            _ => Connection::Sqlite(self.pool.get_sqlite_connection_pool().acquire().await?),
        };
        Ok(Held { connection, since: Instant::now() })
    }

    fn tell<T>(&self, statement: &Statement, began: Instant, answer: &sqlx::Result<T>) {
        if let Some(watch) = &self.watch {
            watch.tell(&Info { elapsed: began.elapsed(), statement, failed: answer.is_err() });
        }
    }
}

/// A statement with its values, as the driver takes it.
fn query<D: Database>(statement: &Statement) -> Query<'_, D, SqlxValues>
where
    SqlxValues: IntoArguments<D>,
{
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

// Errors as sea-orm tells of them, so that they are answered the same.

fn not_acquired(err: sqlx::Error) -> DbErr {
    match err {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        err => DbErr::Conn(RuntimeErr::SqlxError(err.into())),
    }
}

fn not_executed(err: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(err.into()))
}

fn not_found_out(err: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(err.into()))
}

/// The same call on the connection of either database; it is held on to when the call went well.
macro_rules! call {
    ($one:expr, $connection:ident => $call:expr) => {{
        let mut place = $one.held.lock().await;
        let mut held = $one.taken(&mut place).await?;
        let began = Instant::now();
        let done = match &mut held.connection {
            Connection::Postgres(held) => {
                let $connection = &mut **held;
                $call
            }
            Connection::Sqlite(held) => {
                let $connection = &mut **held;
                $call
            }
        };
        if done.is_ok() {
            *place = Some(held);
        }
        (done, began)
    }};
}

#[async_trait::async_trait]
impl ConnectionTrait for OneConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let (done, began) = call!(self, it => query(&statement).execute(it).await.map(ExecResult::from));
        self.tell(&statement, began, &done);
        done.map_err(not_executed)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let (done, _) = call!(self, it => it.execute(AssertSqlSafe(sql)).await.map(ExecResult::from));
        done.map_err(not_executed)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let (found, began) = call!(self, it => {
            query(&statement).fetch_optional(it).await.map(|row| row.map(QueryResult::from))
        });
        self.tell(&statement, began, &found);
        found.map_err(not_found_out)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let (found, began) = call!(self, it => {
            let rows = query(&statement).fetch_all(it).await;
            rows.map(|rows| rows.into_iter().map(QueryResult::from).collect::<Vec<_>>())
        });
        self.tell(&statement, began, &found);
        found.map_err(not_found_out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Db;
    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    async fn db(folder: &tempfile::TempDir) -> Db {
        Db::connect(&Db::embedded(folder.path()), 6, WAIT).await.unwrap()
    }

    fn spare(db: &Db) -> usize {
        db.shares.here().spare.places().taken.len()
    }

    #[tokio::test]
    async fn what_was_read_on_is_read_on_next_unless_a_query_failed() {
        let folder = tempfile::tempdir().unwrap();
        let db = db(&folder).await;
        let first = db.one_connection();
        first.execute_unprepared("CREATE TEMP TABLE seen_here (it TEXT)").await.unwrap();
        drop(first);
        assert_eq!(spare(&db), 1);
        let next = db.one_connection();
        next.execute_unprepared("SELECT it FROM seen_here").await.unwrap();
        next.execute_unprepared("SELECT it FROM nowhere").await.unwrap_err();
        drop(next);
        assert_eq!(spare(&db), 0, "the pool looks at it");
    }

    #[tokio::test]
    async fn closing_waits_for_none_that_is_spare_and_keeps_none_that_comes_later() {
        let folder = tempfile::tempdir().unwrap();
        let db = db(&folder).await;
        let (early, late) = (db.one_connection(), db.one_connection());
        early.execute_unprepared("SELECT 1").await.unwrap();
        late.execute_unprepared("SELECT 1").await.unwrap();
        drop(early);
        assert_eq!(spare(&db), 1);
        let closing = async {
            tokio::join!(db.close(), async {
                tokio::task::yield_now().await;
                drop(late);
            })
        };
        tokio::time::timeout(WAIT, closing).await.expect("closed").0.unwrap();
        assert_eq!(spare(&db), 0);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_connection_comes_before_those_that_begin_later() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&Db::embedded(folder.path()), 3, WAIT).await.unwrap();
        let held = [db.one_connection(), db.one_connection(), db.one_connection()];
        for one in &held {
            one.execute_unprepared("SELECT 1").await.unwrap();
        }
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.ping().await }
        });
        tokio::task::yield_now().await;
        held[0].release().await;
        assert_eq!(spare(&db), 0, "it goes to whoever waits");
        tokio::time::timeout(WAIT, waiting).await.expect("the waiting one has it").unwrap().unwrap();
    }

    #[tokio::test]
    async fn spare_connections_go_to_whoever_finds_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&Db::embedded(folder.path()), 4, WAIT).await.unwrap();
        let held = [(); 4].map(|()| db.one_connection());
        for one in &held {
            one.execute_unprepared("SELECT 1").await.unwrap();
        }
        drop(held);
        let pool = db.shares.here().read.get_sqlite_connection_pool().clone();
        let all_are_back = async {
            while pool.num_idle() + spare(&db) < 4 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT, all_are_back).await.unwrap();
        let two = [db.one_connection(), db.one_connection()];
        for one in &two {
            one.execute_unprepared("SELECT 1").await.unwrap();
        }
        drop(two);
        assert_eq!(spare(&db), 2);
        let _busy = [db.snapshot().await.unwrap(), db.snapshot().await.unwrap()];
        tokio::time::timeout(WAIT / 4, db.ping()).await.expect("one was given back").unwrap();
        assert_eq!(spare(&db), 0);
    }

    #[tokio::test]
    async fn who_finds_no_connection_in_time_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&Db::embedded(folder.path()), 3, Duration::from_millis(100)).await.unwrap();
        let _held = db.begin().await.unwrap();
        let refused = tokio::time::timeout(WAIT / 4, db.begin()).await.expect("sooner than the driver would");
        assert!(matches!(refused, Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))), "{refused:?}");
    }

    #[test]
    fn whoever_drops_the_last_of_a_database_need_not_be_a_task() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let db = runtime.block_on(async {
            let db = db(&folder).await;
            db.one_connection().execute_unprepared("SELECT 1").await.unwrap();
            db
        });
        assert_eq!(spare(&db), 1);
        drop(runtime);
        drop(db);
    }
}
