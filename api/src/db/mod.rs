//! Connecting, beginning a transaction, and every difference between SQLite and PostgreSQL.

pub mod entities;
mod one_connection;
mod pools;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use one_connection::OneConnection;
use pools::{Pools, Shares};

use sea_orm::metric::Info;
use sea_orm::sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Connection as _, Row as _, ValueRef as _};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DatabaseTransaction, DbBackend, DbErr, EntityTrait, IsolationLevel, QueryFilter, QueryResult, RuntimeErr,
    Select, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, TryGetable,
};

/// How long a command that is not a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database, as the thread reaches it that asks.
#[derive(Debug, Clone)]
pub struct Db {
    shares: Shares,
    watch: Option<Watch>,
}

/// Who is told of each statement.
#[derive(Clone)]
struct Watch(Arc<dyn Fn(&Info<'_>) + Send + Sync>);

impl Watch {
    fn tell(&self, info: &Info<'_>) {
        (self.0)(info);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Db {
    /// Connects to `sqlite://FILE` or `postgres://…`. Whoever waits longer than `wait` for one of the connections is told
    /// to come again; a request may need one that reads and then one that writes.
    pub async fn connect(url: &str, connections: u32, wait: Duration) -> Result<Self, DbErr> {
        Self::for_server(url, connections, wait, 0).await
    }

    /// The same for a server, each of whose threads will [settle](Self::settle).
    pub async fn for_server(
        url: &str,
        connections: u32,
        wait: Duration,
        threads: usize,
    ) -> Result<Self, DbErr> {
        if url.starts_with("sqlite:") {
            // Each connection has a thread of its own already.
            let write = Database::connect(sqlite(url, 1, wait)).await?;
            let connections = connections.min(useful_readers());
            let read = Database::connect(sqlite(url, connections, wait)).await?;
            return Ok(Self::of(Pools::new(read, write, connections), Vec::new()));
        }
        let (mut for_one, mut left) = (Vec::new(), connections);
        if let Some(each) = pools::for_each(connections, threads) {
            for _ in 0..threads {
                let mut options = postgres(url, each, wait, IMPATIENT);
                options.min_connections(0).connect_lazy(true);
                let pool = Database::connect(options).await?;
                for_one.push(Pools::new(pool.clone(), pool, each));
                left -= each;
            }
        }
        let pool = Database::connect(postgres(url, left, wait, IMPATIENT)).await?;
        Ok(Self::of(Pools::new(pool.clone(), pool, left), for_one))
    }

    fn of(for_all: Pools, for_one: Vec<Pools>) -> Self {
        Self { shares: Shares::new(for_all, for_one), watch: None }
    }

    /// A thread of the server begins: what it asks goes over connections of its own, where there are enough.
    pub fn settle(&self) {
        self.shares.settle();
    }

    /// Connects for what may take as long as it needs, migrations and checks of everything: an index on a large table is no
    /// runaway statement.
    pub async fn patient(url: &str) -> Result<Self, DbErr> {
        if url.starts_with("sqlite:") {
            return Self::connect(url, 1, PATIENCE).await;
        }
        let pool = Database::connect(postgres(url, 2, PATIENCE, &[])).await?;
        Ok(Self::of(Pools::new(pool.clone(), pool, 2), Vec::new()))
    }

    /// The same database, with each statement told to `watch` once it was carried out.
    pub fn watched(mut self, watch: impl Fn(&Info<'_>) + Send + Sync + 'static) -> Self {
        let watch = Watch(Arc::new(watch));
        self.shares.watch(&watch);
        self.watch = Some(watch);
        self
    }

    /// The URL of an embedded database in a folder.
    pub fn embedded(folder: &Path) -> String {
        format!("sqlite://{}?mode=rwc", folder.join("muzi.db").display())
    }

    /// For queries that change nothing.
    pub fn read(&self) -> &DatabaseConnection {
        &self.shares.here_without_spare().read
    }

    /// For the queries of one request, which follow one another.
    pub fn one_connection(&self) -> OneConnection {
        let Pools { read, spare, .. } = self.shares.here();
        OneConnection::new(read.clone(), spare.clone(), self.watch.clone())
    }

    /// For a single statement that changes something by itself.
    pub fn write(&self) -> &DatabaseConnection {
        &self.shares.here_without_spare().write
    }

    /// Begins a writing transaction; dropping it rolls back. On SQLite it is immediate and goes through the one write
    /// connection, so that a read inside it never turns stale; inside, use the transaction only.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.write().begin_with_options(options).await
    }

    /// Begins a reading transaction in which every query sees the same moment; dropping it ends it. For answers whose
    /// parts must add up.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        self.snapshot_of(self.read()).await
    }

    /// The same for an answer that takes minutes to go out: no connection of a thread's own is held for so long.
    pub async fn long_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        self.snapshot_of(&self.shares.for_all().read).await
    }

    async fn snapshot_of(&self, read: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
        let options = match self.backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
                ..TransactionOptions::default()
            },
        };
        read.begin_with_options(options).await
    }

    /// Which database this is.
    pub fn backend(&self) -> DbBackend {
        self.shares.here().write.get_database_backend()
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.read().execute_unprepared("SELECT 1").await.map(|_| ())
    }

    /// Closes every pool after what is running has ended.
    pub async fn close(&self) -> Result<(), DbErr> {
        self.shares.close().await
    }
}

/// More connections than that read no faster from a file of this machine: each has a thread, and keeps pages of its own.
fn useful_readers() -> u32 {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    u32::try_from(2 * threads).unwrap_or(u32::MAX).max(4)
}

/// What each connection to SQLite keeps of the file for itself, in KiB (negative says KiB and not pages): the machine keeps
/// the rest for all of them.
const PAGES_HELD: &str = "-512";

fn sqlite(url: &str, connections: u32, wait: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).min_connections(1).acquire_timeout(wait).sqlx_logging(false);
    options.test_before_acquire(false).map_sqlx_sqlite_opts(|options| {
        options
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", PAGES_HELD)
    });
    options.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_release(|connection, _| Box::pin(async { has_ended(connection).await }))
    });
    options
}

/// Whether the connection may be given to the next: not when its transaction could not be ended. A full disk fails a
/// COMMIT, or ends the transaction by itself so that the ROLLBACK fails; what the next request then commits would be a
/// savepoint inside a transaction that nobody ends. Such a connection is closed, which takes everything back.
async fn has_ended(connection: &mut SqliteConnection) -> Result<bool, sea_orm::sqlx::Error> {
    if connection.is_in_transaction() {
        connection.ping().await?; // A roll-back that waits is carried out before.
    }
    Ok(!connection.is_in_transaction())
}

/// A twin request waits for the first at most this long (409), a runaway statement is stopped (503).
const IMPATIENT: &[(&str, &str)] = &[("lock_timeout", "5s"), ("statement_timeout", "30s")];

fn postgres(
    url: &str,
    connections: u32,
    wait: Duration,
    settings: &'static [(&str, &str)],
) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).min_connections(1).acquire_timeout(wait).sqlx_logging(false);
    options
        .test_before_acquire(false)
        .map_sqlx_postgres_opts(|options| options.application_name("muzi").options(settings.iter().copied()));
    options
}

/// The rows whose `column` holds one of `values`. Where there are no values nothing is asked.
pub async fn rows_in<E, V>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    column: impl ColumnTrait,
    values: impl IntoIterator<Item = V>,
) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    V: Into<sea_orm::Value>,
{
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        return Ok(Vec::new());
    }
    rows.filter(column.is_in(values)).all(db).await
}

/// The columns of a row one after the other, in the order in which the query names them: for rows that are read by the
/// hundred, where looking each column up by its name is most of the work.
#[derive(Debug)]
pub struct InOrder<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl<'a> InOrder<'a> {
    /// Begins with the first column.
    pub fn of(row: &'a QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub fn take<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let at = self.next;
        self.next += 1;
        self.row.try_get_by_index(at)
    }

    /// The next column, which may hold nothing: looked at before it is read, as sea-orm writes the text of an error for
    /// every nothing, and drops it.
    pub fn take_optional<T: TryGetable>(&mut self) -> Result<Option<T>, DbErr> {
        if self.holds_nothing()? {
            self.next += 1;
            return Ok(None);
        }
        self.take().map(Some)
    }

    fn holds_nothing(&self) -> Result<bool, DbErr> {
        let raw = match (self.row.try_as_pg_row(), self.row.try_as_sqlite_row()) {
            (Some(row), _) => row.try_get_raw(self.next).map(|value| value.is_null()),
            (_, Some(row)) => row.try_get_raw(self.next).map(|value| value.is_null()),
            (None, None) => Ok(false),
        };
        raw.map_err(|err| DbErr::Query(RuntimeErr::SqlxError(err.into())))
    }
}

/// A statement written once for both databases with `?` for each value: PostgreSQL numbers them.
pub fn statement(
    backend: DbBackend,
    sql: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Statement {
    let sql = match backend {
        DbBackend::Postgres => numbered(sql),
        _ => sql.to_owned(),
    };
    Statement::from_sql_and_values(backend, sql, values)
}

fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |sql, (at, part)| format!("{sql}${}{part}", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_are_numbered_for_postgresql() {
        assert_eq!(numbered("UPDATE a SET b = ? WHERE c = ?"), "UPDATE a SET b = $1 WHERE c = $2");
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
    }
}
