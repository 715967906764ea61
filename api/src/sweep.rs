//! Forgets what has expired.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, QueryFilter};

use crate::app::App;
use crate::audit;
use crate::db::entities::{code, idempotency, live_ticket, session, throttle};
use crate::idempotency::KEPT;
use crate::photos::store as photos;

/// Deletes expired idempotency keys, dynamic codes, live tickets, tries, long-ended sessions, and photos that hung on
/// nothing for a week; takes over what older processes logged.
pub async fn carry_out(app: &App) -> anyhow::Result<()> {
    let (db, now) = (app.db.write(), app.now());
    let ago = |days| now - TimeDelta::days(days);
    idempotency::Entity::delete_many().filter(idempotency::COLUMN.created_at.lt(now - KEPT)).exec(db).await?;
    code::Entity::delete_many().filter(code::COLUMN.expires_at.lt(ago(1))).exec(db).await?;
    live_ticket::Entity::delete_many().filter(live_ticket::COLUMN.expires_at.lt(now)).exec(db).await?;
    throttle::Entity::delete_many().filter(throttle::COLUMN.last_at.lt(ago(1))).exec(db).await?;
    session::Entity::delete_many().filter(session::COLUMN.expires_at.lt(ago(30))).exec(db).await?;
    audit::store::take_over(db, ago(1)).await?;
    let txn = app.db.begin().await?;
    photos::drop_forgotten(&txn, ago(7), now).await?;
    txn.commit().await?;
    Ok(())
}
