//! Seals events that wait into batches of this process's chain.

use std::time::Duration;

use actix_web::web::Data;
use aws_lc_rs::digest::{Context, SHA256};
use chrono::TimeDelta;
use domain::audit::{Link, NO_HASH};
use domain::id::BatchId;
use sea_orm::DbErr;
use uuid::Uuid;

use super::store::{chain, told};
use crate::app::App;
use crate::cause;
use crate::db::entities::{audit_batch, audit_event};
use crate::keys::sha256;

/// How often a process looks for events to seal.
const PAUSE: Duration = Duration::from_secs(5);

/// Events are left alone until they are this old: nobody seals what is just being written.
const SETTLED: TimeDelta = TimeDelta::seconds(2);

/// Most events of a batch; it bounds the memory of who seals and of who verifies.
pub const MOST: u32 = 2000;

/// Seals every few seconds until the process stops.
pub async fn run(app: Data<App>) {
    let mut stopping = app.stopping.clone();
    loop {
        tokio::select! {
            _ = stopping.changed() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        if let Err(err) = seal(&app).await {
            tracing::warn!(cause = cause::told(&err), "audit events could not be sealed; trying again");
        }
    }
}

/// Seals everything that has settled and says how many events that was. Several processes may do so at once: each event
/// goes into one batch.
pub async fn seal(app: &App) -> Result<u64, DbErr> {
    let before = app.now() - SETTLED;
    let mut sealed = 0;
    while chain::any_waits(app.db.read(), before).await? {
        let txn = app.db.begin().await?;
        let batch = BatchId(Uuid::now_v7());
        let events = chain::take(&txn, batch, before, MOST).await?;
        if events.is_empty() {
            // Another process has them.
            break;
        }
        let last = chain::last_of(&txn, app.replica).await?;
        let digest = digest(&events);
        let mut row = audit_batch::Model {
            id: batch,
            replica: app.replica,
            seq: last.as_ref().map_or(1, |last| last.seq + 1),
            sealed_at: app.now(),
            events: i32::try_from(events.len()).unwrap_or(i32::MAX),
            digest,
            previous: last.map_or_else(|| NO_HASH.to_vec(), |last| last.hash),
            hash: Vec::new(),
            removed_at: None,
        };
        row.hash = hash(&row);
        chain::add(&txn, row).await?;
        txn.commit().await?;
        sealed += events.len() as u64;
    }
    Ok(sealed)
}

/// SHA-256 over the events, each after its length. They must stand in the order of their ids.
pub fn digest<'a>(events: impl IntoIterator<Item = &'a audit_event::Model>) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for event in events {
        let bytes = told(event).bytes();
        context.update(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        context.update(&bytes);
    }
    context.finish().as_ref().to_vec()
}

/// What the hash of a batch must be.
pub fn hash(batch: &audit_batch::Model) -> Vec<u8> {
    let link = Link {
        batch: batch.id,
        replica: batch.replica,
        seq: batch.seq,
        sealed_at: batch.sealed_at,
        events: batch.events,
        digest: &batch.digest,
        previous: &batch.previous,
    };
    sha256(&link.bytes())
}
