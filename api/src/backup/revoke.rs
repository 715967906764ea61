//! What was revoked stays revoked: a database that comes out of a backup is told before it serves.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::PhotoId;
use serde::Serialize;

use super::store;
use super::tombstones::Tombstones;
use crate::buried::PHOTO;
use crate::db::Db;
use crate::photos::Shelf;

/// What was revoked, and how many of each.
pub type Revoked = BTreeMap<&'static str, u64>;

/// Ends every session, refresh token, dynamic code, invitation, slip and ticket of a restored database, does again what
/// the tombstones say, drops photos that were dropped while the backup was taken, and writes down that and when the
/// database was restored.
pub async fn revoke(
    db: &Db,
    shelf: &Shelf,
    taken_at: Option<DateTime<Utc>>,
    tombstones: &[Tombstones],
    dropped: &[PhotoId],
    now: DateTime<Utc>,
) -> anyhow::Result<Revoked> {
    let txn = db.begin().await?;
    let mut revoked = store::end_what_opens_doors(&txn, now).await?;
    let mut photos = dropped.to_vec();
    for tombstones in tombstones {
        for (what, many) in store::replay(&txn, tombstones, now).await? {
            *revoked.entry(what).or_default() += many;
        }
        let of_photos = tombstones.dropped.iter().filter(|dropped| dropped.kind == PHOTO);
        photos.extend(of_photos.map(|dropped| PhotoId(dropped.id)));
    }
    for photo in &photos {
        if store::drop_photo(&txn, *photo).await? {
            *revoked.entry("photos that were dropped").or_default() += 1;
        }
    }
    store::keep_restoration(&txn, taken_at, now).await?;
    txn.commit().await?;
    for photo in photos {
        shelf.remove(&photo.to_string()).await?;
    }
    Ok(revoked)
}

/// Something that lives although it was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revived {
    /// What.
    pub what: &'static str,
    /// How many.
    pub many: u64,
}

/// What lives in a restored database that its restoration ended.
pub async fn revived(db: &Db, tombstones: &[Tombstones]) -> anyhow::Result<Vec<Revived>> {
    let mut revived = store::revived(db.read()).await?;
    for tombstones in tombstones {
        revived.extend(store::unreplayed(db.read(), tombstones).await?);
    }
    Ok(revived.into_iter().filter(|(_, many)| *many > 0).map(|(what, many)| Revived { what, many }).collect())
}
