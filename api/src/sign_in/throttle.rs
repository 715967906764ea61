//! Wrong tries, counted in the database so that every replica sees the same count. When a further try is refused is a
//! rule of `domain::credential`; keys are keyed hashes, so that the table names nobody.

use chrono::{DateTime, Utc};
use domain::credential::TRIES_REMEMBERED;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use crate::db::entities::throttle;
use crate::db::statement;

/// Wrong tries under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub last_at: DateTime<Utc>,
}

/// The wrong tries under a key, unless they are forgotten.
pub async fn of(db: &impl ConnectionTrait, key: &[u8], now: DateTime<Utc>) -> Result<Option<Tries>, DbErr> {
    let found = throttle::Entity::find_by_id(key.to_vec()).one(db).await?;
    Ok(found
        .filter(|row| row.last_at > now - TRIES_REMEMBERED)
        .map(|row| Tries { failures: row.failures.unsigned_abs(), last_at: row.last_at }))
}

/// Counts one more wrong try, in one statement, so that none is lost among many at once.
pub async fn add(db: &impl ConnectionTrait, key: &[u8], now: DateTime<Utc>) -> Result<(), DbErr> {
    let count = statement(
        db.get_database_backend(),
        "INSERT INTO throttle (key, failures, last_at) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET \
         failures = CASE WHEN throttle.last_at > ? THEN throttle.failures + 1 ELSE 1 END, last_at = excluded.last_at",
        [key.to_vec().into(), now.into(), (now - TRIES_REMEMBERED).into()],
    );
    db.execute_raw(count).await.map(|_| ())
}

/// Forgets the wrong tries under a key.
pub async fn forget(db: &impl ConnectionTrait, key: &[u8]) -> Result<(), DbErr> {
    throttle::Entity::delete_by_id(key.to_vec()).exec(db).await.map(|_| ())
}
