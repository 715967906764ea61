//! The limit of SQLite: its driver alone, with one connection that writes and one for each client that reads, as in Muzi.

use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use sea_orm::{Statement, Value};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, Sqlite, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Fresh, Trace};
use crate::bench::load::Load;

/// What the driver does in so long a time.
pub(super) async fn run(
    url: &str,
    traces: &[Trace],
    clients: usize,
    lasts: Duration,
) -> anyhow::Result<Load> {
    let readers = try_join_all((0..clients).map(|_| connect(url))).await?;
    let (writer, turns) = (&Mutex::new(connect(url).await?), &AtomicUsize::new(0));
    let began = Instant::now();
    let playing = readers.into_iter().map(|mut reader| async move {
        let mut latencies = Vec::new();
        while began.elapsed() < lasts {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            let Some(trace) = traces.get(turn % traces.len().max(1)) else { break };
            let asked = Instant::now();
            play(trace, &mut reader, writer).await?;
            latencies.push(asked.elapsed());
        }
        reader.close().await?;
        anyhow::Ok(latencies)
    });
    let latencies = try_join_all(playing).await?.into_iter().flatten().collect();
    Ok(Load::new(latencies, began.elapsed().as_secs_f64()))
}

/// As `db::connect` sets it up.
async fn connect(url: &str) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::from_str(url)?
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10));
    Ok(options.disable_statement_logging().connect().await?)
}

async fn play(
    trace: &Trace,
    reader: &mut SqliteConnection,
    writer: &Mutex<SqliteConnection>,
) -> anyhow::Result<()> {
    let (before, work, after) = trace.parts();
    let fresh = Renewed::new(&trace.fresh);
    for statement in before {
        reader.fetch_all(bound(statement, &fresh)?).await?;
    }
    match work {
        [] => {}
        [alone] => {
            writer.lock().await.fetch_all(bound(alone, &fresh)?).await?;
        }
        work => {
            let mut writer = writer.lock().await;
            writer.execute("BEGIN IMMEDIATE").await?;
            for statement in work {
                writer.fetch_all(bound(statement, &fresh)?).await?;
            }
            writer.execute("COMMIT").await?;
        }
    }
    for statement in after {
        reader.fetch_all(bound(statement, &fresh)?).await?;
    }
    Ok(())
}

/// What stands in this turn for what the traced one made.
struct Renewed<'a> {
    fresh: &'a Fresh,
    ids: Vec<Uuid>,
    hashes: Vec<[u8; 32]>,
}

impl<'a> Renewed<'a> {
    fn new(fresh: &'a Fresh) -> Self {
        Self {
            fresh,
            ids: fresh.ids.iter().map(|_| Uuid::now_v7()).collect(),
            hashes: fresh.hashes.iter().map(|_| crate::keys::random()).collect(),
        }
    }

    fn id(&self, id: Uuid) -> Uuid {
        let at = self.fresh.ids.iter().position(|fresh| *fresh == id);
        at.and_then(|at| self.ids.get(at).copied()).unwrap_or(id)
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let at = self.fresh.hashes.iter().position(|fresh| fresh == bytes);
        at.and_then(|at| self.hashes.get(at)).map_or_else(|| bytes.to_vec(), |hash| hash.to_vec())
    }

    fn text(&self, text: &str) -> String {
        let renew =
            |text: String, (old, new): (&Uuid, &Uuid)| text.replace(&old.to_string(), &new.to_string());
        self.fresh.ids.iter().zip(&self.ids).fold(text.to_owned(), renew)
    }
}

/// The statement with its values, as the driver takes them.
fn bound<'q>(
    statement: &'q Statement,
    fresh: &Renewed<'_>,
) -> anyhow::Result<Query<'q, Sqlite, SqliteArguments>> {
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.sql.as_str()));
    for value in super::values(statement) {
        query = match value {
            Value::Bool(value) => query.bind(*value),
            Value::Int(value) => query.bind(*value),
            Value::BigInt(value) => query.bind(*value),
            Value::BigUnsigned(value) => query.bind(value.map(u64::cast_signed)),
            Value::String(value) => query.bind(value.as_deref().map(|text| fresh.text(text))),
            Value::Bytes(value) => query.bind(value.as_deref().map(|bytes| fresh.bytes(bytes))),
            Value::Json(value) => query.bind(value.as_deref().map(ToString::to_string)),
            Value::Uuid(value) => query.bind(value.map(|id| fresh.id(id))),
            Value::ChronoDate(value) => query.bind(*value),
            Value::ChronoDateTimeUtc(value) => query.bind(*value),
            other => anyhow::bail!("a value of a kind that is not measured: {other:?}"),
        };
    }
    Ok(query)
}
