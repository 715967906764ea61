//! Removes events that are past their retention, batch by batch. The batches stay, so that the chain still holds.

use chrono::{DateTime, Utc};
use domain::audit::Kind;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::event::{Act, Event, write};
use super::{head, store};
use crate::app::App;
use crate::db::entities::{audit_batch, audit_event};

/// Batches of one transaction.
const AT_ONCE: u64 = 20;

/// Removes the events of every batch that the latest signed head says may go, and that is old beside the newest one. No head, no removal: who verifies takes
/// nothing for removed that was not signed for.
pub async fn remove_old(app: &App) -> anyhow::Result<u64> {
    let db = app.db.read();
    let (head, last) = (head::latest(db).await?, store::last_sealed(db).await?);
    let Some((head, last)) = head.zip(last) else { return Ok(0) };
    // Whatever a head says, as much is kept as counts from what was sealed last.
    let kept_from = head.kept_from.min(app.config.audit_retention.kept_from(last));
    let mut removed = 0;
    loop {
        let batches = past(db, kept_from).await?;
        if batches.is_empty() {
            return Ok(removed);
        }
        removed += batches.len() as u64;
        let txn = app.db.begin().await?;
        let ids = || batches.iter().map(|batch| batch.id);
        audit_event::Entity::delete_many()
            .filter(audit_event::Column::BatchId.is_in(ids()))
            .exec(&txn)
            .await?;
        audit_batch::Entity::update_many()
            .set(audit_batch::ActiveModel { removed_at: Set(Some(app.now())), ..Default::default() })
            .filter(audit_batch::Column::Id.is_in(ids()))
            .exec(&txn)
            .await?;
        let told = Event::by_nobody(Act::default(), Kind::Write, "remove_old_events");
        write(&txn, batches.first().map(|batch| told.on(batch.id)), app.now()).await?;
        txn.commit().await?;
    }
}

async fn past(db: &impl ConnectionTrait, kept_from: DateTime<Utc>) -> Result<Vec<audit_batch::Model>, DbErr> {
    audit_batch::Entity::find()
        .filter(audit_batch::COLUMN.removed_at.is_null())
        .filter(audit_batch::COLUMN.sealed_at.lt(kept_from))
        .order_by_asc(audit_batch::COLUMN.sealed_at)
        .limit(AT_ONCE)
        .all(db)
        .await
}
