//! The queries of one request on one connection.

use std::time::Instant;

use sea_orm::metric::Info;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::{self, AssertSqlSafe, Database, Executor, IntoArguments, Postgres, Sqlite};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::Watch;

/// Takes a connection for its first query and keeps it for the next ones: with each connection that is given back the
/// database is asked once more whether it is well, which costs as much as a small query. It is kept also when a query
/// failed, and the next one may fail by the same.
///
/// Whoever needs another connection meanwhile, to write, gives this one back before ([`OneConnection::release`]): requests
/// that hold one each and wait for a second would wait for each other.
#[derive(Debug)]
pub struct OneConnection {
    pool: DatabaseConnection,
    watch: Option<Watch>,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
enum Held {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

impl OneConnection {
    pub(super) fn new(pool: DatabaseConnection, watch: Option<Watch>) -> Self {
        Self { pool, watch, held: Mutex::default() }
    }

    /// Gives the connection back; the next query takes another.
    pub async fn release(&self) {
        self.held.lock().await.take();
    }

    async fn held(&self) -> Result<MappedMutexGuard<'_, Held>, DbErr> {
        match MutexGuard::try_map(self.held.lock().await, Option::as_mut) {
            Ok(held) => Ok(held),
            Err(none) => {
                let acquired = self.acquire().await.map_err(not_acquired)?;
                Ok(MutexGuard::map(none, |none| none.insert(acquired)))
            }
        }
    }

    async fn acquire(&self) -> sqlx::Result<Held> {
        Ok(match self.pool.get_database_backend() {
            DbBackend::Postgres => Held::Postgres(self.pool.get_postgres_connection_pool().acquire().await?),
            _ => Held::Sqlite(self.pool.get_sqlite_connection_pool().acquire().await?),
        })
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

/// The same call on the connection of either database.
macro_rules! on {
    ($held:expr, $connection:ident => $call:expr) => {
        match &mut *$held {
            Held::Postgres(held) => {
                let $connection = &mut **held;
                $call
            }
            Held::Sqlite(held) => {
                let $connection = &mut **held;
                $call
            }
        }
    };
}

#[async_trait::async_trait]
impl ConnectionTrait for OneConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut held = self.held().await?;
        let began = Instant::now();
        let done = on!(held, it => query(&statement).execute(it).await.map(ExecResult::from));
        self.tell(&statement, began, &done);
        done.map_err(not_executed)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut held = self.held().await?;
        let done = on!(held, it => it.execute(AssertSqlSafe(sql)).await.map(ExecResult::from));
        done.map_err(not_executed)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut held = self.held().await?;
        let began = Instant::now();
        let found =
            on!(held, it => query(&statement).fetch_optional(it).await.map(|row| row.map(QueryResult::from)));
        self.tell(&statement, began, &found);
        found.map_err(not_found_out)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut held = self.held().await?;
        let began = Instant::now();
        let found: sqlx::Result<Vec<QueryResult>> = on!(held, it => {
            query(&statement).fetch_all(it).await.map(|rows| rows.into_iter().map(QueryResult::from).collect())
        });
        self.tell(&statement, began, &found);
        found.map_err(not_found_out)
    }
}
