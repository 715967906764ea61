//! Seals every value anew with one key, while others read and write.
//!
//! Nothing is kept about how far it came: a value says itself which key sealed it, so a rotation that was stopped at any
//! moment goes on where it was. A value is replaced only where it is still the one that was opened, so whoever writes at
//! the same moment wins.

use std::time::Duration;

use domain::id::PhotoId;
use sea_orm::{DbBackend, Value};
use serde::Serialize;
use tokio::time::Instant;

use super::store::{Change, Found};
use super::{Ground, store};
use crate::keys::places::{COLUMNS, Column, PHOTO_FILE, Place};
use crate::keys::sealed_with;

/// Rows of one transaction.
const BATCH: u64 = 500;

/// What a rotation did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rotated {
    /// Values that were sealed anew.
    pub values: u64,
    /// Values that do not open with any key that is here, and were left alone.
    pub unopened: u64,
    /// Rows that somebody else was writing in the last round.
    #[serde(skip)]
    passed_over: u64,
}

/// Seals everything with data key `id`. `settle` is how long others may still seal with the key before it; a last round
/// finds what they sealed. `told` hears how many values are done.
pub async fn rotate(
    ground: &Ground,
    id: u8,
    settle: Duration,
    told: &mut (dyn FnMut(u64) + Send),
) -> anyhow::Result<Rotated> {
    anyhow::ensure!(ground.keys.seal_with(id), "data key {id} is not given");
    let settled = Instant::now() + settle;
    let mut all = Rotated::default();
    loop {
        let began = Instant::now();
        let round = round(ground, id, all.values, told).await?;
        all.values += round.values;
        all.unopened = round.unopened;
        if round.passed_over > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        } else if began >= settled {
            return Ok(all);
        } else {
            tokio::time::sleep_until(settled).await;
        }
    }
}

async fn round(
    ground: &Ground,
    id: u8,
    before: u64,
    told: &mut (dyn FnMut(u64) + Send),
) -> anyhow::Result<Rotated> {
    let mut round = Rotated::default();
    for column in &COLUMNS {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let rows = store::next(ground.db.read(), column, after.as_deref(), id, BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            batch(ground, column, rows, &mut round).await?;
            told(before + round.values);
        }
    }
    photos(ground, id, &mut round, &mut |values| told(before + values)).await?;
    Ok(round)
}

async fn batch(
    ground: &Ground,
    column: &Column,
    rows: Vec<Found>,
    round: &mut Rotated,
) -> anyhow::Result<()> {
    let mut changes = Vec::new();
    for Found { key, place, sealed } in rows {
        let Some(old) = sealed else { continue };
        match place.and_then(|place| again(ground, place, &old)) {
            Some(new) => changes.push(Change { key, old, new }),
            None => round.unopened += 1,
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let many = u64::try_from(changes.len())?;
    let began = Instant::now();
    let txn = ground.db.begin().await?;
    let replaced = store::replace(&txn, column, changes).await?;
    txn.commit().await?;
    if ground.db.backend() == DbBackend::Sqlite {
        // One writes at a time: half of the time is left to those who serve.
        tokio::time::sleep(began.elapsed()).await;
    }
    round.values += replaced;
    round.passed_over += many - replaced;
    Ok(())
}

/// The same value, sealed with the key that seals now.
fn again(ground: &Ground, place: Place, old: &[u8]) -> Option<Vec<u8>> {
    let plain = zeroize::Zeroizing::new(ground.keys.open_bytes(place, old).ok()?);
    ground.keys.seal_bytes(place, &plain).ok()
}

/// Photos never change, so a file may be replaced as it is read; one that was dropped meanwhile is dropped again.
async fn photos(
    ground: &Ground,
    id: u8,
    round: &mut Rotated,
    told: &mut (dyn FnMut(u64) + Send),
) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let ids = store::photos(ground.db.read(), after, BATCH).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        for photo in ids {
            one_photo(ground, id, photo, round).await?;
            told(round.values);
        }
    }
}

async fn one_photo(ground: &Ground, id: u8, photo: PhotoId, round: &mut Rotated) -> anyhow::Result<()> {
    let name = photo.to_string();
    let Some(head) = ground.photos.head(&name).await? else { return Ok(()) };
    if sealed_with(&head) == Some(id) {
        return Ok(());
    }
    let sealed = ground.photos.get(&name).await?;
    let Some(new) = again(ground, Place::new(PHOTO_FILE, photo.0), &sealed) else {
        round.unopened += 1;
        return Ok(());
    };
    ground.photos.put(&name, new).await?;
    round.values += 1;
    if !store::has_photo(ground.db.write(), photo).await? {
        ground.photos.remove(&name).await?;
    }
    Ok(())
}
