//! Does again in a restored database what was taken back after its backup, and tells what of it lives. Accounts come first,
//! because whoever holds one keeps name and phone; then who is in what; then what is in it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::handbook::State as HandbookState;
use domain::id::{HandbookId, InstitutionId, PhotoId, RecordId};
use domain::record::RecordState;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter,
};

use super::ends::{ACCOUNTS, DELEGATIONS, INSTITUTIONS, MEMBERS};
use super::has_photo;
use crate::backup::tombstones::{Dropped, Ended, HandbookNow, ReceiptThen, RecordNow, Tombstones};
use crate::buried::{ENTRY, FAMILY, PHOTO};
use crate::closing::again;
use crate::closing::store::entries_that_live;
use crate::consents::again as consents;
use crate::consents::store::of_issue;
use crate::db::entities::{catchment, handbook, photo, record, retention_receipt, tombstone};
use crate::keys::Keys;
use crate::notices::store::next_change;

/// Entries that are erased at a time.
const AT_A_TIME: usize = 500;

/// How much of what, in words.
pub(in crate::backup) type Many = BTreeMap<&'static str, u64>;

const CLOSED_ACCOUNTS: &str = "accounts that were closed";
const FORMER_MEMBERS: &str = "members who left";
const ENDED_DELEGATIONS: &str = "delegations that ended";
const ENDED_INSTITUTIONS: &str = "institutions that ended";
const ENDED_HANDBOOKS: &str = "handbooks that ended or whose code was revoked";
const EMPTIED_HANDBOOKS: &str = "handbooks whose family has gone, or that were blocked or erased";
const ERASED_ENTRIES: &str = "entries that were erased";
const WITHDRAWN_RECORDS: &str = "records that were withdrawn or voided";
const WITHDRAWN_CONSENTS: &str = "consents that were withdrawn";

/// What stands for photos in [`Many`].
pub(in crate::backup) const DROPPED_PHOTOS: &str = "photos that were dropped";

/// Does again what was taken back, and says how much of each; apart from what is as the newest tombstones say
/// ([`super::newest`]). Without keys nobody is taken out of anything; who asks for it must bring them
/// ([`Tombstones::need_keys`]).
pub(in crate::backup) async fn replay(
    txn: &DatabaseTransaction,
    keys: Option<&Keys>,
    tombstones: &Tombstones,
    now: DateTime<Utc>,
) -> anyhow::Result<Many> {
    let mut done = Many::new();
    let mut note = |what, many| *done.entry(what).or_default() += many;
    for account in &tombstones.accounts {
        let closed = again::close_account(given(keys)?, txn, account.id, account.at).await?;
        note(CLOSED_ACCOUNTS, u64::from(closed));
    }
    note(FORMER_MEMBERS, MEMBERS.again(txn, &tombstones.members).await?);
    note(ENDED_DELEGATIONS, DELEGATIONS.again(txn, &tombstones.delegations).await?);
    note(ENDED_INSTITUTIONS, end_institutions(txn, &tombstones.institutions).await?);
    for entries in entries(tombstones).chunks(AT_A_TIME) {
        note(ERASED_ENTRIES, again::erase_entries(txn, entries, now).await?);
    }
    for of_handbook in &tombstones.handbooks {
        note(ENDED_HANDBOOKS, u64::from(end_handbook(txn, of_handbook).await?));
        note(EMPTIED_HANDBOOKS, u64::from(empty_handbook(txn, keys, of_handbook, now).await?));
    }
    for (id, left_at) in families(tombstones) {
        if handbook::Entity::find_by_id(id).one(txn).await?.is_some() {
            note(EMPTIED_HANDBOOKS, u64::from(again::let_family_go(txn, id, left_at).await?));
        }
    }
    for of_record in &tombstones.records {
        note(WITHDRAWN_RECORDS, u64::from(replay_record(txn, of_record, now).await?));
    }
    for withdrawn in &tombstones.withdrawn {
        note(WITHDRAWN_CONSENTS, u64::from(consents::withdraw(txn, withdrawn).await?));
    }
    Ok(done)
}

/// What lives although tombstones say that it ended; apart from what is as the newest say ([`super::newest`]).
pub(in crate::backup) async fn unreplayed(
    db: &impl ConnectionTrait,
    tombstones: &Tombstones,
) -> anyhow::Result<Many> {
    let mut lives = Many::new();
    let mut note = |what, many| *lives.entry(what).or_default() += many;
    note(CLOSED_ACCOUNTS, ACCOUNTS.living(db, &tombstones.accounts).await?);
    note(FORMER_MEMBERS, MEMBERS.living(db, &tombstones.members).await?);
    note(ENDED_DELEGATIONS, DELEGATIONS.living(db, &tombstones.delegations).await?);
    note(ENDED_INSTITUTIONS, INSTITUTIONS.living(db, &tombstones.institutions).await?);
    for entries in entries(tombstones).chunks(AT_A_TIME) {
        note(ERASED_ENTRIES, entries_that_live(db, entries).await?.len() as u64);
    }
    for now in &tombstones.handbooks {
        if let Some(row) = handbook::Entity::find_by_id(now.id).one(db).await? {
            let ends = now.closed_at.is_some() && row.closed_at.is_none();
            note(ENDED_HANDBOOKS, u64::from(row.printed_serial < now.printed_serial || ends));
        }
        if let Some(row) = kept(db, now).await? {
            note(EMPTIED_HANDBOOKS, u64::from(is_fuller(db, &row, now).await?));
        }
    }
    for (id, left_at) in families(tombstones) {
        if let Some(row) = handbook::Entity::find_by_id(id).one(db).await? {
            note(EMPTIED_HANDBOOKS, u64::from(again::has_family(db, &row, left_at).await?));
        }
    }
    for now in &tombstones.records {
        let row = record::Entity::find_by_id(now.id).one(db).await?;
        note(WITHDRAWN_RECORDS, u64::from(row.is_some_and(|row| row.state == RecordState::Live)));
    }
    for withdrawn in &tombstones.withdrawn {
        note(WITHDRAWN_CONSENTS, u64::from(!consents::standing(db, withdrawn).await?.is_empty()));
    }
    for photo in tombstones.of_kind(PHOTO) {
        note(DROPPED_PHOTOS, u64::from(has_photo(db, PhotoId(photo.id)).await?));
    }
    Ok(lives)
}

fn given(keys: Option<&Keys>) -> anyhow::Result<&Keys> {
    keys.context("nobody can be taken out of a database without its keys")
}

fn entries(tombstones: &Tombstones) -> Vec<RecordId> {
    tombstones.of_kind(ENTRY).map(|entry| RecordId(entry.id)).collect()
}

/// Families that have gone from handbooks which others claimed since.
fn families(tombstones: &Tombstones) -> impl Iterator<Item = (HandbookId, DateTime<Utc>)> {
    let told = tombstones.handbooks.iter().filter(|row| row.family_left_at.is_some());
    let told: BTreeSet<_> = told.map(|row| row.id).collect();
    let all = tombstones.of_kind(FAMILY).map(|family| (HandbookId(family.id), family.at));
    all.filter(move |(id, _)| !told.contains(id))
}

/// Ends institutions, which had given up the regions that they answered for.
async fn end_institutions(txn: &DatabaseTransaction, ended: &[Ended<InstitutionId>]) -> Result<u64, DbErr> {
    for Ended { id, .. } in ended {
        let regions = catchment::Entity::delete_many().filter(catchment::COLUMN.institution_id.eq(*id));
        regions.exec(txn).await?;
    }
    INSTITUTIONS.again(txn, ended).await
}

async fn end_handbook(txn: &DatabaseTransaction, now: &HandbookNow) -> Result<bool, DbErr> {
    let Some(row) = handbook::Entity::find_by_id(now.id).one(txn).await? else { return Ok(false) };
    let ends = now.closed_at.is_some() && row.closed_at.is_none();
    if row.printed_serial >= now.printed_serial && !ends {
        return Ok(false);
    }
    let mut changed = handbook::ActiveModel {
        id: Set(row.id),
        printed_serial: Set(row.printed_serial.max(now.printed_serial)),
        version: Set(row.version + 1),
        ..Default::default()
    };
    if ends {
        let successor = match now.successor {
            Some(id) => handbook::Entity::find_by_id(id).one(txn).await?.map(|row| row.id),
            None => None,
        };
        // One whose successor was issued after the backup is closed: there is nothing that it leads to.
        let is_lost = now.state == HandbookState::Replaced && successor.is_none();
        changed.state = Set(if is_lost { HandbookState::Closed } else { now.state });
        changed.successor_id = Set(successor);
        changed.closed_at = Set(now.closed_at);
        changed.close_reason = Set(now.close_reason);
        changed.expecting_id = Set(None);
        crate::children::store::release(txn, row.id).await?;
    }
    handbook::Entity::update(changed).exec(txn).await?;
    Ok(true)
}

/// The family that has gone takes its part along; what the law keeps is blocked, or erased when its time is over.
async fn empty_handbook(
    txn: &DatabaseTransaction,
    keys: Option<&Keys>,
    then: &HandbookNow,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let Some(row) = kept(txn, then).await? else { return Ok(false) };
    let mut is_news = false;
    if let Some(left_at) = then.family_left_at {
        is_news |= again::let_family_go(txn, row.id, left_at).await?;
    }
    if let Some(until) = then.blocked_until {
        let at = then.family_left_at.unwrap_or(now);
        is_news |= again::block(given(keys)?, txn, row.id, until, at).await?;
    }
    if let Some(erased_at) = then.erased_at {
        is_news |= again::erase(given(keys)?, txn, row.id, erased_at).await?;
    }
    Ok(is_news)
}

/// Whether a handbook has more of its family or its people than it had.
async fn is_fuller(
    db: &impl ConnectionTrait,
    row: &handbook::Model,
    now: &HandbookNow,
) -> Result<bool, DbErr> {
    let has_family = match now.family_left_at {
        Some(left_at) => again::has_family(db, row, left_at).await?,
        None => false,
    };
    let is_open = now.blocked_until.is_some() && row.blocked_until.is_none();
    let is_peopled = now.erased_at.is_some() && row.erased_at.is_none();
    Ok(has_family || is_open || is_peopled)
}

/// A handbook, or the one that the backup has in its place when it was issued later instead of another.
async fn kept(db: &impl ConnectionTrait, now: &HandbookNow) -> Result<Option<handbook::Model>, DbErr> {
    let itself = handbook::Entity::find_by_id(now.id).one(db).await?;
    match (itself, now.issue) {
        (None, Some(issue)) => Ok(of_issue(db, issue).await?.pop()),
        (itself, _) => Ok(itself),
    }
}

async fn replay_record(txn: &DatabaseTransaction, now: &RecordNow, at: DateTime<Utc>) -> Result<bool, DbErr> {
    let Some(row) = record::Entity::find_by_id(now.id).one(txn).await? else { return Ok(false) };
    if row.state != RecordState::Live {
        return Ok(false);
    }
    let change = next_change(txn, row.handbook_id).await?;
    let changed = record::ActiveModel {
        id: Set(row.id),
        state: Set(now.state),
        changed_at: Set(at),
        change_seq: Set(change),
        version: Set(row.version + 1),
        ..Default::default()
    };
    record::Entity::update(changed).exec(txn).await?;
    Ok(true)
}

/// Drops a photo, and takes it off the record that it hangs on; says whether it was there.
pub(in crate::backup) async fn drop_photo(txn: &DatabaseTransaction, id: PhotoId) -> Result<bool, DbErr> {
    let Some(row) = photo::Entity::find_by_id(id).one(txn).await? else { return Ok(false) };
    if let Some(hangs_on) = row.record_id
        && let Some(mut row) = record::Entity::find_by_id(hangs_on).one(txn).await?
    {
        row.photos.0.retain(|photo| *photo != id);
        let changed = record::ActiveModel { id: Set(row.id), photos: Set(row.photos), ..Default::default() };
        record::Entity::update(changed).exec(txn).await?;
    }
    photo::Entity::delete_by_id(id).exec(txn).await?;
    Ok(true)
}

/// Keeps what was buried, and the receipts: the next backup from before is told of them by this database.
pub(in crate::backup) async fn keep_tombstones(
    txn: &DatabaseTransaction,
    tombstones: &Tombstones,
) -> Result<(), DbErr> {
    for receipt in &tombstones.receipts {
        keep_receipt(txn, receipt).await?;
    }
    for dropped in tombstones.dropped.chunks(AT_A_TIME) {
        let rows = dropped.iter().map(|Dropped { kind, id, at }| {
            tombstone::Model { kind: kind.clone(), id: *id, at: *at }.into_active_model()
        });
        let known =
            OnConflict::columns([tombstone::Column::Kind, tombstone::Column::Id]).do_nothing().to_owned();
        let keep = tombstone::Entity::insert_many(rows).on_conflict(known);
        keep.exec_without_returning(txn).await?;
    }
    Ok(())
}

/// A receipt about a handbook that the backup does not know tells of nothing that is here.
async fn keep_receipt(txn: &DatabaseTransaction, receipt: &ReceiptThen) -> Result<(), DbErr> {
    if let Some(about) = receipt.handbook
        && handbook::Entity::find_by_id(about).one(txn).await?.is_none()
    {
        return Ok(());
    }
    let row = retention_receipt::Model {
        id: receipt.id,
        handbook_id: receipt.handbook,
        cause: receipt.cause.clone(),
        kind: receipt.kind.clone(),
        end_state: receipt.end,
        amount: receipt.amount,
        basis: receipt.basis.clone(),
        done_at: receipt.at,
    };
    let known = OnConflict::column(retention_receipt::Column::Id).do_nothing().to_owned();
    let keep = retention_receipt::Entity::insert(row.into_active_model()).on_conflict(known).try_insert();
    keep.exec_without_returning(txn).await.map(|_| ())
}
