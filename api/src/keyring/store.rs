//! Rows of keys, and sealed values wherever they stand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::PhotoId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, Value,
};
use uuid::Uuid;

use super::in_use::{InUse, Purpose, State};
use crate::db::entities::{key_in_use, photo};
use crate::db::statement;
use crate::keys::Place;
use crate::keys::places::{Column, Kind, Part, Row};

/// Every key of the database. One that a newer version wrote with a word that this one does not know is left out.
pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<InUse>, DbErr> {
    let rows = key_in_use::Entity::find()
        .order_by_asc(key_in_use::COLUMN.purpose)
        .order_by_asc(key_in_use::COLUMN.id)
        .all(db)
        .await?;
    let read = |row: key_in_use::Model| {
        Some(InUse {
            purpose: Purpose::of(&row.purpose)?,
            id: u8::try_from(row.id).ok()?,
            state: State::of(&row.state)?,
            mark: row.mark,
            changed_at: row.changed_at,
        })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Keeps a key that is not known, or that only waited: of two processes that start at once, the first is believed.
pub(super) async fn keep(txn: &DatabaseTransaction, key: &InUse) -> Result<(), DbErr> {
    let keep = statement(
        txn.get_database_backend(),
        "INSERT INTO key_in_use (purpose, id, state, mark, changed_at) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
        [
            key.purpose.code().into(),
            i32::from(key.id).into(),
            key.state.code().into(),
            key.mark.clone().into(),
            key.changed_at.into(),
        ],
    );
    if txn.execute_raw(keep).await?.rows_affected() == 0 {
        let replace = statement(
            txn.get_database_backend(),
            "UPDATE key_in_use SET mark = ?, changed_at = ? WHERE purpose = ? AND id = ? AND state = 'next'",
            [
                key.mark.clone().into(),
                key.changed_at.into(),
                key.purpose.code().into(),
                i32::from(key.id).into(),
            ],
        );
        txn.execute_raw(replace).await?;
    }
    Ok(())
}

/// Says what a data key does from now on.
pub(super) async fn set_state(
    db: &impl ConnectionTrait,
    id: u8,
    state: State,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let set = statement(
        db.get_database_backend(),
        "UPDATE key_in_use SET state = ?, changed_at = ? WHERE purpose = 'data' AND id = ?",
        [state.code().into(), now.into(), i32::from(id).into()],
    );
    db.execute_raw(set).await.map(|_| ())
}

/// A data key that waits seals from now on; says whether it still was that one.
pub(super) async fn activate(
    db: &impl ConnectionTrait,
    id: u8,
    mark: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let set = statement(
        db.get_database_backend(),
        "UPDATE key_in_use SET state = 'active', changed_at = ? \
         WHERE purpose = 'data' AND id = ? AND state = 'next' AND mark = ?",
        [now.into(), i32::from(id).into(), mark.to_vec().into()],
    );
    Ok(db.execute_raw(set).await?.rows_affected() == 1)
}

/// Ends a data key that only opens; says whether it was one.
pub(super) async fn destroy(db: &impl ConnectionTrait, id: u8, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let set = statement(
        db.get_database_backend(),
        "UPDATE key_in_use SET state = 'destroyed', changed_at = ? \
         WHERE purpose = 'data' AND id = ? AND state IN ('next', 'decrypt_only')",
        [now.into(), i32::from(id).into()],
    );
    Ok(db.execute_raw(set).await?.rows_affected() == 1)
}

/// How many values of a column each key sealed. It reads the column.
pub(super) async fn count(db: &impl ConnectionTrait, column: &Column) -> Result<BTreeMap<u8, u64>, DbErr> {
    let Column { table, name, .. } = column;
    let sql = format!(
        "SELECT substr({name}, 2, 1) AS id, count(*) AS many FROM {table} WHERE length({name}) > 1 \
         GROUP BY substr({name}, 2, 1)"
    );
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, [])).await?;
    let read = |row: &QueryResult| {
        let (id, many): (Vec<u8>, i64) = (row.try_get("", "id")?, row.try_get("", "many")?);
        Ok((id.first().copied().unwrap_or(0), u64::try_from(many).unwrap_or(0)))
    };
    rows.iter().map(read).collect()
}

/// A row with a sealed value.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its primary key.
    pub key: Vec<Value>,
    /// Where the value is sealed; empty where the row does not say, and there is nothing to open.
    pub place: Option<Place>,
    /// The value, unless the key that is looked for sealed it.
    pub sealed: Option<Vec<u8>>,
}

/// The next rows of a table by their primary key, with each value of the column that another key than `id` sealed.
/// Rows come whether they have one or not, so that no question reads more than `limit` rows.
pub(super) async fn next(
    db: &impl ConnectionTrait,
    column: &Column,
    after: Option<&[Value]>,
    id: u8,
    limit: u64,
) -> Result<Vec<Found>, DbErr> {
    let Column { table, name, .. } = column;
    let (parts, of_row) = (parts(column), of_row(column));
    let (beyond, marks) = match after {
        Some(after) => (format!("WHERE ({parts}) > ({})", vec!["?"; after.len()].join(", ")), after),
        None => (String::new(), [].as_slice()),
    };
    let sql = format!(
        "SELECT {parts}, {of_row} AS sealed_for, \
         CASE WHEN length({name}) > 1 AND substr({name}, 2, 1) <> ? THEN {name} END AS sealed_value \
         FROM {table} {beyond} ORDER BY {parts} LIMIT {limit}"
    );
    let values = std::iter::once(vec![id].into()).chain(marks.iter().cloned());
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, values)).await?;
    rows.iter().map(|row| found(column, row)).collect()
}

/// Rows with a value of the column, chosen at random. It reads the column.
pub(super) async fn random(
    db: &impl ConnectionTrait,
    column: &Column,
    limit: u32,
) -> Result<Vec<Found>, DbErr> {
    let Column { table, name, .. } = column;
    let (parts, of_row) = (parts(column), of_row(column));
    let sql = format!(
        "SELECT {parts}, {of_row} AS sealed_for, {name} AS sealed_value FROM {table} \
         WHERE length({name}) > 1 ORDER BY random() LIMIT {limit}"
    );
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, [])).await?;
    rows.iter().map(|row| found(column, row)).collect()
}

/// Photos, chosen at random.
pub(super) async fn random_photos(db: &impl ConnectionTrait, limit: u32) -> Result<Vec<PhotoId>, DbErr> {
    let sql = format!("SELECT id FROM photo ORDER BY random() LIMIT {limit}");
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, [])).await?;
    rows.iter().map(|row| row.try_get("", "id")).collect()
}

/// The primary key, as a list of columns.
fn parts(column: &Column) -> String {
    let parts: Vec<_> = column.key.iter().map(|part| part.name).collect();
    parts.join(", ")
}

/// The column that says for which row a value is sealed.
fn of_row(column: &Column) -> &'static str {
    match column.row {
        Row::In(of_row) => of_row,
        Row::OfRequest => "NULL",
    }
}

fn found(column: &Column, row: &QueryResult) -> Result<Found, DbErr> {
    let key = found_key(column, row)?;
    let place = match column.row {
        Row::In(_) => {
            let of_row: Option<Uuid> = row.try_get("", "sealed_for")?;
            of_row.map(|of_row| Place::new(column.label, of_row))
        }
        Row::OfRequest => {
            Some(Place::of_answer(row.try_get("", "actor")?, &row.try_get::<String>("", "key")?))
        }
    };
    Ok(Found { key, place, sealed: row.try_get("", "sealed_value")? })
}

/// A value before and after, with the primary key of its row.
#[derive(Debug)]
pub(super) struct Change {
    pub key: Vec<Value>,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

/// Puts values in the place of those that they were made of, where these are still there, and says how many were. Rows
/// that somebody else is writing are left out: who never waits cannot be part of a deadlock.
pub(super) async fn replace(
    txn: &DatabaseTransaction,
    column: &Column,
    mut changes: Vec<Change>,
) -> Result<u64, DbErr> {
    if txn.get_database_backend() == DbBackend::Postgres {
        let held = hold(txn, column, &changes).await?;
        changes.retain(|change| held.contains(&change.key));
    }
    if changes.is_empty() {
        return Ok(0);
    }
    let Column { table, name, key, .. } = column;
    let same = |(at, part): (usize, &Part)| format!("{table}.{} = changed.column{}", part.name, at + 1);
    let same: Vec<_> = key.iter().enumerate().map(same).collect();
    let (old, new) = (key.len() + 1, key.len() + 2);
    let rows = rows(txn.get_database_backend(), column, changes.len(), true);
    let sql = format!(
        "UPDATE {table} SET {name} = changed.column{new} FROM (VALUES {rows}) AS changed \
         WHERE {} AND {table}.{name} = changed.column{old}",
        same.join(" AND ")
    );
    let values = changes.into_iter().flat_map(|Change { mut key, old, new }| {
        key.extend([Value::from(old), Value::from(new)]);
        key
    });
    Ok(txn.execute_raw(statement(txn.get_database_backend(), &sql, values)).await?.rows_affected())
}

/// Locks those rows that nobody else holds.
async fn hold(
    txn: &DatabaseTransaction,
    column: &Column,
    changes: &[Change],
) -> Result<Vec<Vec<Value>>, DbErr> {
    let (table, parts) = (column.table, parts(column));
    let rows = rows(txn.get_database_backend(), column, changes.len(), false);
    let sql = format!(
        "SELECT {parts} FROM {table} \
         WHERE ({parts}) IN (VALUES {rows}) FOR NO KEY UPDATE SKIP LOCKED"
    );
    let values = changes.iter().flat_map(|change| change.key.iter().cloned());
    let held = txn.query_all_raw(statement(txn.get_database_backend(), &sql, values)).await?;
    held.iter().map(|row| found_key(column, row)).collect()
}

fn found_key(column: &Column, row: &QueryResult) -> Result<Vec<Value>, DbErr> {
    let part = |of: &Part| {
        Ok::<Value, DbErr>(match of.kind {
            Kind::Uuid => row.try_get::<Uuid>("", of.name)?.into(),
            Kind::Integer => row.try_get::<i32>("", of.name)?.into(),
            Kind::Text => row.try_get::<String>("", of.name)?.into(),
        })
    };
    column.key.iter().map(part).collect()
}

/// Marks for so many rows of a list of values. PostgreSQL learns the types of a list from its first row.
fn rows(backend: DbBackend, column: &Column, many: usize, with_values: bool) -> String {
    let mut types: Vec<_> = column
        .key
        .iter()
        .map(|part| match part.kind {
            Kind::Uuid => "UUID",
            Kind::Integer => "INTEGER",
            Kind::Text => "TEXT",
        })
        .collect();
    if with_values {
        types.extend(["BYTEA", "BYTEA"]);
    }
    let first = match backend {
        DbBackend::Postgres => types.iter().map(|of| format!("CAST(? AS {of})")).collect(),
        _ => vec!["?".to_owned(); types.len()],
    };
    let other = format!("({})", vec!["?"; types.len()].join(", "));
    let mut rows = vec![format!("({})", first.join(", "))];
    rows.extend(std::iter::repeat_n(other, many.saturating_sub(1)));
    rows.join(", ")
}

/// The next photos by their ids.
pub(crate) async fn photos(
    db: &impl ConnectionTrait,
    after: Option<PhotoId>,
    limit: u64,
) -> Result<Vec<PhotoId>, DbErr> {
    let mut found = photo::Entity::find().select_only().column(photo::Column::Id);
    if let Some(after) = after {
        found = found.filter(photo::COLUMN.id.gt(after));
    }
    found.order_by_asc(photo::COLUMN.id).limit(limit).into_tuple().all(db).await
}

/// Whether a photo is still there.
pub(crate) async fn has_photo(db: &impl ConnectionTrait, id: PhotoId) -> Result<bool, DbErr> {
    Ok(photo::Entity::find_by_id(id).one(db).await?.is_some())
}
