//! Removes events that are past their retention, batch by batch. The batches stay, so that the chain still holds.

use domain::audit::Kind;

use super::event::{Act, Event};
use super::store::{self, chain};
use crate::app::App;

/// Batches of one transaction.
const AT_ONCE: u64 = 20;

/// Removes the events of every batch that the latest signed head says may go, and that is old beside the newest one. No head,
/// no removal: who verifies takes nothing for removed that was not signed for.
pub async fn remove_old(app: &App) -> anyhow::Result<u64> {
    let db = app.db.read();
    let (head, last) = (store::head::latest(db).await?, chain::last_sealed(db).await?);
    let Some((head, last)) = head.zip(last) else { return Ok(0) };
    // Whatever a head says, as much is kept as counts from what was sealed last.
    let kept_from = head.kept_from.min(app.config.audit_retention.kept_from(last));
    let mut removed = 0;
    loop {
        let batches = chain::past(db, kept_from, AT_ONCE).await?;
        if batches.is_empty() {
            return Ok(removed);
        }
        removed += batches.len() as u64;
        let txn = app.db.begin().await?;
        chain::remove_events(&txn, &batches, app.now()).await?;
        let told = Event::by_nobody(Act::default(), Kind::Write, "remove_old_events");
        store::write(&txn, batches.first().map(|batch| told.on(batch.id)), app.now()).await?;
        txn.commit().await?;
    }
}
