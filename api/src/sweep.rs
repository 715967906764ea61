//! Forgets what has expired.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use crate::app::App;
use crate::audit;
use crate::db::{Db, statement};
use crate::idempotency::KEPT;
use crate::photos::store as photos;

/// Deletes expired idempotency keys, dynamic codes, live tickets, tries, long-ended sessions, and photos that hung on
/// nothing for a week; takes over what older processes logged.
pub async fn carry_out(app: &App) -> anyhow::Result<()> {
    let (db, now) = (&app.db, app.now());
    let ago = |days| now - TimeDelta::days(days);
    forget(db, "idempotency", "actor, key", "created_at", now - KEPT).await?;
    forget(db, "code", "id", "expires_at", ago(1)).await?;
    forget(db, "live_ticket", "hash", "expires_at", now).await?;
    forget(db, "throttle", "key", "last_at", ago(1)).await?;
    forget(db, "session", "id", "expires_at", ago(30)).await?;
    audit::store::take_over(db.write(), ago(1)).await?;
    let txn = app.db.begin().await?;
    photos::drop_forgotten(&txn, ago(7), now).await?;
    txn.commit().await?;
    Ok(())
}

/// Rows of a table that go at a time: others write between two bites, and no bite takes as long as a statement may.
const BITE: u64 = 5000;

/// Deletes the rows whose time is before `before`.
async fn forget(db: &Db, table: &str, key: &str, time: &str, before: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {time} < ? LIMIT {BITE})"
    );
    loop {
        let bite = statement(db.backend(), &sql, [before.into()]);
        if db.write().execute_raw(bite).await?.rows_affected() < BITE {
            return Ok(());
        }
    }
}
