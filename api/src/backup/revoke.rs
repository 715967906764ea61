//! What was revoked stays revoked: a database that comes out of a backup is told before it serves.

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use domain::audit::Kind;
use domain::id::PhotoId;
use serde::Serialize;

use super::store;
use super::tombstones::Tombstones;
use crate::audit::store as audit;
use crate::audit::{Event, machine_user};
use crate::buried::PHOTO;
use crate::db::Db;
use crate::keyring::in_use::{self, Given, InUse, Purpose};
use crate::keys::{Keys, Secrets};
use crate::photos::Shelf;

/// What was revoked, and how many of each.
pub type Revoked = store::Many;

/// What a restored database is told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// When its backup was taken, where that is known.
    pub taken_at: Option<DateTime<Utc>>,
    /// What was taken back since then.
    pub tombstones: &'a [Tombstones],
    /// Photos that were dropped while the backup was taken.
    pub dropped: &'a [PhotoId],
    /// Without its keys nobody can be taken out of it.
    pub secrets: Option<&'a Secrets>,
}

impl Told<'_> {
    /// Refuses tombstones that leave a gap between the backup and themselves, and those that need keys which are not given
    /// for a database that was written with these.
    pub fn check(&self, in_use: &[InUse]) -> anyhow::Result<()> {
        if let Some(taken_at) = self.taken_at {
            for Tombstones { since, taken_at: until, .. } in self.tombstones {
                ensure!(
                    *until >= taken_at && *since <= taken_at,
                    "the tombstones reach from {since} to {until}, and the backup is of {taken_at}: they do not tell \
                     all that came after it"
                );
            }
        }
        if self.tombstones.iter().any(Tombstones::need_keys) {
            let secrets = self.secrets.context("the tombstones tell of people, and no keys are given")?;
            let needed: Vec<_> = in_use.iter().filter(|key| key.purpose != Purpose::Print).cloned().collect();
            let refused = in_use::refusals(&needed, &Given::of(secrets));
            ensure!(
                refused.is_empty(),
                "the tombstones tell of people who are to be taken out, and that needs the keys of the backup: {}",
                refused.join("; ")
            );
        }
        Ok(())
    }

    fn keys(&self, in_use: &[InUse]) -> anyhow::Result<Option<Keys>> {
        self.check(in_use)?;
        let Some(secrets) = self.secrets else { return Ok(None) };
        let keys = Keys::new(secrets)?;
        in_use::follow(in_use, &Given::of(secrets), &keys);
        Ok(Some(keys))
    }
}

/// Ends every session, refresh token, dynamic code, invitation, slip, visit and ticket of a restored database, does again
/// what the tombstones say, drops photos that were dropped while the backup was taken, and writes down that and when the
/// database was restored. All of it or nothing; done twice, the second time finds nothing.
pub async fn revoke(db: &Db, shelf: &Shelf, told: Told<'_>, now: DateTime<Utc>) -> anyhow::Result<Revoked> {
    let keys = told.keys(&in_use::read(db.read()).await?)?;
    let txn = db.begin().await?;
    let mut revoked = store::end_what_opens_doors(&txn, now).await?;
    let mut photos = told.dropped.to_vec();
    for tombstones in told.tombstones {
        for (what, many) in store::replay(&txn, keys.as_ref(), tombstones, now).await? {
            *revoked.entry(what).or_default() += many;
        }
        photos.extend(tombstones.of_kind(PHOTO).map(|dropped| PhotoId(dropped.id)));
        store::keep_tombstones(&txn, tombstones).await?;
    }
    if let Some(newest) = Tombstones::newest(told.tombstones) {
        revoked.extend(store::replay_newest(&txn, newest, now).await?);
    }
    for photo in &photos {
        if store::drop_photo(&txn, *photo).await? {
            *revoked.entry(store::DROPPED_PHOTOS).or_default() += 1;
        }
    }
    audit::write(&txn, [Event::by_command(&machine_user(), Kind::Write, "restore")], now).await?;
    store::keep_restoration(&txn, told.taken_at, now).await?;
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
    if let Some(newest) = Tombstones::newest(tombstones) {
        revived.extend(store::unreplayed_newest(db.read(), newest).await?);
    }
    Ok(revived.into_iter().filter(|(_, many)| *many > 0).map(|(what, many)| Revived { what, many }).collect())
}
