//! Does again, in a database that came out of a backup, what closings and nights did after the backup was taken. Each is done
//! as it was done the first time, finds nothing the second time, and says whether there was anything to do.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{HandbookId, RecordId, UserId};
use sea_orm::{ConnectionTrait, DbErr};

use super::close::set_aside;
use super::store::delete::{self, Whose};
use super::{erase, store};
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::handbooks::store as handbooks;
use crate::keys::Keys;
use crate::members::store as members;

/// Closes an account that was closed: nobody signs in to it, and it is in no handbook.
pub async fn close_account(
    keys: &Keys,
    txn: &impl ConnectionTrait,
    user: UserId,
    at: DateTime<Utc>,
) -> Result<bool, ApiError> {
    if !store::close_account(txn, keys, user, at).await? {
        return Ok(false);
    }
    for handbook in store::handbooks_of(txn, user).await? {
        delete::requests(txn, handbook, Some(user)).await?;
    }
    delete::account(txn, user).await?;
    Ok(true)
}

/// Erases entries that were erased, and gives how many there were.
pub async fn erase_entries(
    txn: &impl ConnectionTrait,
    ids: &[RecordId],
    now: DateTime<Utc>,
) -> Result<u64, ApiError> {
    let mut by_handbook: BTreeMap<HandbookId, Vec<RecordId>> = BTreeMap::new();
    for (id, handbook) in store::entries_that_live(txn, ids).await? {
        by_handbook.entry(handbook).or_default().push(id);
    }
    for (handbook, entries) in &by_handbook {
        let held = handbooks::hold(txn, *handbook).await?;
        delete::entries(txn, &held, Whose::These(entries), now).await?;
    }
    Ok(by_handbook.values().map(|entries| entries.len() as u64).sum())
}

/// Whether a handbook is as it was before its family went. Who joined later is another family, which has not gone.
pub async fn has_family(
    db: &impl ConnectionTrait,
    row: &handbook::Model,
    left_at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    if row.erased_at.is_some() || row.family_left_at.is_some_and(|left| left >= left_at) {
        return Ok(false);
    }
    let members = members::live(db, row.id).await?;
    Ok(!members.iter().any(|member| member.joined_at > left_at))
}

/// Deletes what a family had that has gone, and lets another claim the handbook if it lives. Its entries have tombstones of
/// their own: what others wrote may have been left to the handbook.
pub async fn let_family_go(
    txn: &impl ConnectionTrait,
    id: HandbookId,
    left_at: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let held = handbooks::hold(txn, id).await?;
    if !has_family(txn, &held, left_at).await? {
        return Ok(false);
    }
    erase::family_side(txn, &held, left_at).await?;
    store::set_left(txn, &held, left_at).await?;
    Ok(true)
}

/// Blocks a handbook that was blocked.
pub async fn block(
    keys: &Keys,
    txn: &impl ConnectionTrait,
    id: HandbookId,
    until: NaiveDate,
    at: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let held = handbooks::hold(txn, id).await?;
    if held.blocked_until.is_some() {
        return Ok(false);
    }
    set_aside(keys, txn, &held, until, at).await?;
    Ok(true)
}

/// Erases a handbook that was erased when its time was over.
pub async fn erase(
    keys: &Keys,
    txn: &impl ConnectionTrait,
    id: HandbookId,
    at: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let held = handbooks::hold(txn, id).await?;
    if held.erased_at.is_some() {
        return Ok(false);
    }
    erase::everything(keys, txn, &held, at).await?;
    Ok(true)
}
