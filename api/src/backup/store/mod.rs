//! Whole databases: copying, counting, writing down that one was restored. Beside it: what opens doors, what was taken back,
//! and doing that again.

mod doors;
mod ends;
mod gather;
mod newest;
mod replay;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::id::PhotoId;
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryOrder, Value,
};
use uuid::Uuid;

pub(super) use self::doors::{end_what_opens_doors, revived};
pub(super) use self::gather::tombstones;
pub(super) use self::newest::{replay_newest, unreplayed_newest};
pub(super) use self::replay::{DROPPED_PHOTOS, Many, drop_photo, keep_tombstones, replay, unreplayed};
use crate::db::entities::restoration;
use crate::db::{Db, statement};
pub(super) use crate::keyring::store::has_photo;

/// Photos of one question.
const PHOTOS: u64 = 1000;

/// Copies a SQLite database, as it was committed at one moment, into a file that is not there.
pub(super) async fn copy_into(db: &Db, path: &Path) -> Result<(), DbErr> {
    let path = path.display().to_string();
    db.read().execute_raw(statement(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()])).await?;
    Ok(())
}

/// Lets another connection to PostgreSQL see what this transaction sees, for as long as it lasts.
pub(super) async fn export_snapshot(txn: &DatabaseTransaction) -> Result<String, DbErr> {
    let row =
        txn.query_one_raw(statement(DbBackend::Postgres, "SELECT pg_export_snapshot() AS name", [])).await?;
    row.map_or_else(
        || Err(DbErr::Custom("no snapshot was exported".to_owned())),
        |row| row.try_get("", "name"),
    )
}

/// The migrations that a database went through.
pub(super) async fn schema(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, [])).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Every table.
pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    };
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, [])).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// Rows by table.
pub(super) async fn count_tables(db: &impl ConnectionTrait) -> Result<BTreeMap<String, u64>, DbErr> {
    let mut counted = BTreeMap::new();
    for table in tables(db).await? {
        let sql = format!("SELECT count(*) AS many FROM \"{table}\"");
        let many = many(db, &sql, []).await?;
        counted.insert(table, many);
    }
    Ok(counted)
}

async fn many(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    let row = db.query_one_raw(statement(db.get_database_backend(), sql, values)).await?;
    let many: i64 = row.map_or(Ok(0), |row| row.try_get("", "many"))?;
    Ok(u64::try_from(many).unwrap_or(0))
}

/// What SQLite finds wrong with a file; PostgreSQL checked everything while it was restored.
pub(super) async fn damage(db: &Db) -> Result<Vec<String>, DbErr> {
    if db.backend() != DbBackend::Sqlite {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for row in db.read().query_all_raw(statement(DbBackend::Sqlite, "PRAGMA integrity_check", [])).await? {
        let told: String = row.try_get_by_index(0)?;
        if told != "ok" {
            found.push(told);
        }
    }
    for row in db.read().query_all_raw(statement(DbBackend::Sqlite, "PRAGMA foreign_key_check", [])).await? {
        let table: String = row.try_get_by_index(0)?;
        found.push(format!("a row of {table} refers to nothing"));
    }
    Ok(found)
}

/// The next photos by their ids.
pub(super) async fn photos(db: &impl ConnectionTrait, after: Option<PhotoId>) -> Result<Vec<PhotoId>, DbErr> {
    crate::keyring::store::photos(db, after, PHOTOS).await
}

/// Writes down that the database came out of a backup, and what it holds.
pub(super) async fn keep_restoration(
    txn: &DatabaseTransaction,
    taken_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row =
        restoration::Model { id: Uuid::now_v7(), restored_at: now, taken_at, tables: serde_json::json!({}) };
    let id = row.id;
    restoration::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
    let counted = serde_json::to_value(count_tables(txn).await?).unwrap_or_default();
    let counts = restoration::ActiveModel { id: Set(id), tables: Set(counted), ..Default::default() };
    restoration::Entity::update(counts).exec(txn).await?;
    Ok(())
}

/// The last restoration of a database.
pub(super) async fn restoration(db: &impl ConnectionTrait) -> Result<Option<restoration::Model>, DbErr> {
    restoration::Entity::find().order_by_desc(restoration::COLUMN.restored_at).one(db).await
}
