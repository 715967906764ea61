//! Tombstones: what was dropped for good is written down in the same transaction, so that a backup from before does not
//! bring it back (see [`crate::backup::tombstones`]). They are a kind, an id and an instant, and tell of nobody.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use uuid::Uuid;

use crate::db::statement;

/// The kind of a photo.
pub const PHOTO: &str = "photo";

/// The kind of an entry whose content was erased; its place goes later, too.
pub const ENTRY: &str = "entry";

/// The kind of a family that has gone; the id is that of its handbook, which another family may claim.
pub const FAMILY: &str = "family";

/// What happens again is buried anew: the last time counts.
const AGAIN: &str = "ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at";

/// Writes down that something is dropped. Burying twice does no harm.
pub async fn bury(txn: &impl ConnectionTrait, kind: &str, id: Uuid, at: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = format!("INSERT INTO tombstone (kind, id, at) VALUES (?, ?, ?) {AGAIN}");
    let bury = statement(txn.get_database_backend(), &sql, [kind.into(), id.into(), at.into()]);
    txn.execute_raw(bury).await.map(|_| ())
}

/// Writes down that rows are dropped: those of `rows`, a table and a condition with its values.
pub async fn bury_each(
    txn: &impl ConnectionTrait,
    kind: &'static str,
    rows: &str,
    values: impl IntoIterator<Item = Value>,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let backend = txn.get_database_backend();
    // PostgreSQL must be told the types of values that it only selects.
    let time = if backend == DbBackend::Postgres { "CAST(? AS timestamptz)" } else { "?" };
    let sql = format!("INSERT INTO tombstone (kind, id, at) SELECT '{kind}', id, {time} FROM {rows} {AGAIN}");
    txn.execute_raw(statement(backend, &sql, [at.into()].into_iter().chain(values))).await.map(|_| ())
}
