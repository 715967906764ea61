//! Tombstones: what was dropped for good is written down in the same transaction, so that a backup from before does not
//! bring it back (see [`crate::backup::tombstones`]).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::db::statement;

/// The kind of a photo.
pub const PHOTO: &str = "photo";

/// Writes down that something is dropped. Burying twice does no harm.
pub async fn bury(txn: &impl ConnectionTrait, kind: &str, id: Uuid, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "INSERT INTO tombstone (kind, id, at) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO NOTHING";
    let bury = statement(txn.get_database_backend(), sql, [kind.into(), id.into(), now.into()]);
    txn.execute_raw(bury).await.map(|_| ())
}
