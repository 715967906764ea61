//! What may be one way today and another tomorrow, and is in a restored database as the newest tombstones say: staff, roles
//! of members, whether an entry is hidden, and who manages a handbook.

use chrono::{DateTime, Utc};
use domain::access::Action;
use domain::independence::Issue;
use domain::record::RecordState;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr,
    EntityTrait, IntoActiveModel, QueryFilter,
};

use super::Many;
use crate::alerts::store as alerts;
use crate::backup::tombstones::{HiddenNow, PasswordIssued, RoleNow, StaffNow, Tombstones, TransferNow};
use crate::checkups::store as checkups;
use crate::db::entities::{desk_act, handbook, institution, member, password_issue, record, staff};
use crate::handbooks::store as handbooks;
use crate::members::store as members;
use crate::notices::store::next_change;
use crate::offices;
use crate::responsibility::store as responsibility;

const CHANGED_STAFF: &str = "staff whose post or sign-in changed";
const ISSUED_PASSWORDS: &str = "passwords that were issued";
const CHANGED_ROLES: &str = "members whose role changed";
const HIDDEN_ENTRIES: &str = "entries that were hidden";
const TRANSFERRED_HANDBOOKS: &str = "handbooks that were transferred";

/// Makes it as the newest tombstones say, and tells how much of each was not.
pub(in crate::backup) async fn replay_newest(
    txn: &DatabaseTransaction,
    newest: &Tombstones,
    now: DateTime<Utc>,
) -> Result<Many, DbErr> {
    let mut done = Many::new();
    let mut note = |what, is_news: bool| *done.entry(what).or_default() += u64::from(is_news);
    for of_staff in &newest.staff {
        note(CHANGED_STAFF, change_staff(txn, of_staff, newest.taken_at).await?);
    }
    for issued in &newest.passwords {
        note(ISSUED_PASSWORDS, keep_password(txn, issued).await?);
    }
    for of_member in &newest.roles {
        note(CHANGED_ROLES, give_role(txn, of_member).await?);
    }
    for of_entry in &newest.hidden {
        note(HIDDEN_ENTRIES, hide(txn, of_entry, now).await?);
    }
    for of_handbook in &newest.transfers {
        note(TRANSFERRED_HANDBOOKS, transfer(txn, of_handbook).await?);
    }
    Ok(done)
}

/// What is not as the newest tombstones say.
pub(in crate::backup) async fn unreplayed_newest(
    db: &impl ConnectionTrait,
    newest: &Tombstones,
) -> Result<Many, DbErr> {
    let mut lives = Many::new();
    let mut note = |what, is_news: bool| *lives.entry(what).or_default() += u64::from(is_news);
    for of_staff in &newest.staff {
        note(CHANGED_STAFF, as_told(db, of_staff, newest.taken_at).await?.is_some());
    }
    for issued in &newest.passwords {
        note(ISSUED_PASSWORDS, is_news(db, issued).await?);
    }
    for of_member in &newest.roles {
        note(CHANGED_ROLES, with_another_role(db, of_member).await?.is_some());
    }
    for of_entry in &newest.hidden {
        note(HIDDEN_ENTRIES, shown(db, of_entry).await?.is_some());
    }
    for of_handbook in &newest.transfers {
        note(TRANSFERRED_HANDBOOKS, managed_by_another(db, of_handbook).await?.is_some());
    }
    Ok(lives)
}

async fn change_staff(
    txn: &DatabaseTransaction,
    now: &StaffNow,
    taken_at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let Some((row, told)) = as_told(txn, now, taken_at).await? else { return Ok(false) };
    let changed = staff::Model {
        totp_last_step: now.totp_last_step.max(row.totp_last_step),
        version: now.version.max(row.version + 1),
        ..told
    };
    staff::Entity::update(changed.into_active_model().reset_all()).exec(txn).await?;
    Ok(true)
}

/// A staff member as they are in a restored database and as they are to be in it, where that differs. Who moved to an
/// institution that the backup does not know yet is taken to have left: their county gives them the post again.
async fn as_told(
    db: &impl ConnectionTrait,
    now: &StaffNow,
    taken_at: DateTime<Utc>,
) -> Result<Option<(staff::Model, staff::Model)>, DbErr> {
    let Some(row) = staff::Entity::find_by_id(now.id).one(db).await? else { return Ok(None) };
    let is_known = match now.institution {
        Some(id) if row.institution_id != Some(id) => {
            institution::Entity::find_by_id(id).one(db).await?.is_some()
        }
        _ => true,
    };
    let mut told = staff::Model {
        left_on: now.left_on,
        roles: now.roles.clone(),
        password_hash: now.password_hash.clone(),
        password_issued: now.password_issued,
        totp: now.totp.clone(),
        ..row.clone()
    };
    if let Some((by, at)) = now.reset {
        (told.reset_by, told.reset_at) = (Some(by), Some(at));
    }
    if is_known {
        told.institution_id = now.institution;
        told.region_code = now.region.map(|(code, _)| code);
        told.region_level = now.region.map(|(_, level)| level);
    } else {
        let last = domain::calendar::day_in_china(taken_at);
        told.left_on = Some(now.left_on.map_or(last, |left_on| left_on.min(last)));
    }
    Ok((row != told).then_some((row, told)))
}

async fn keep_password(txn: &DatabaseTransaction, issued: &PasswordIssued) -> Result<bool, DbErr> {
    let is_news = is_news(txn, issued).await?;
    if is_news {
        let issue = Issue { by: issued.by, at: Some(issued.at) };
        offices::staff::store::keep_issues(txn, issued.staff, [issue]).await?;
    }
    Ok(is_news)
}

/// Whether a restored database has the staff member and does not know of the password.
async fn is_news(db: &impl ConnectionTrait, issued: &PasswordIssued) -> Result<bool, DbErr> {
    let known = (issued.staff, issued.at, issued.by);
    Ok(staff::Entity::find_by_id(issued.staff).one(db).await?.is_some()
        && password_issue::Entity::find_by_id(known).one(db).await?.is_none())
}

async fn give_role(txn: &DatabaseTransaction, now: &RoleNow) -> Result<bool, DbErr> {
    let Some(row) = with_another_role(txn, now).await? else { return Ok(false) };
    let Some(given) = members::set_role(txn, &row, now.role).await? else { return Ok(false) };
    // Not below the version that was told: what the family changes from now on is newer than that.
    if given.version < now.version {
        let told = member::ActiveModel { version: Set(now.version), ..Default::default() };
        let of_it = member::Entity::update_many().set(told).filter(member::COLUMN.id.eq(given.id));
        of_it.exec(txn).await?;
    }
    Ok(true)
}

/// A member who has another role than they were given later.
async fn with_another_role(db: &impl ConnectionTrait, now: &RoleNow) -> Result<Option<member::Model>, DbErr> {
    let row = member::Entity::find_by_id(now.id).one(db).await?;
    Ok(row.filter(|row| row.ended_at.is_none() && row.version < now.version && row.role != now.role))
}

async fn hide(txn: &DatabaseTransaction, now: &HiddenNow, at: DateTime<Utc>) -> Result<bool, DbErr> {
    let Some(row) = shown(txn, now).await? else { return Ok(false) };
    let change = next_change(txn, row.handbook_id).await?;
    let hidden = record::ActiveModel {
        id: Set(row.id),
        is_private: Set(true),
        changed_at: Set(at),
        change_seq: Set(change),
        hidden_seq: Set(Some(change)),
        version: Set(now.version),
        ..Default::default()
    };
    record::Entity::update(hidden).exec(txn).await?;
    Ok(true)
}

/// An entry that is shown and was hidden later.
async fn shown(db: &impl ConnectionTrait, now: &HiddenNow) -> Result<Option<record::Model>, DbErr> {
    let row = record::Entity::find_by_id(now.id).one(db).await?;
    let is_shown = |row: &record::Model| row.state == RecordState::Live && !row.is_private;
    Ok(row.filter(|row| is_shown(row) && row.version < now.version))
}

/// Gives a handbook, with what waits in it, to the institution to which it was transferred. One that the backup does not
/// know yet cannot answer for it: the handbook stays, and the drill says so.
async fn transfer(txn: &DatabaseTransaction, now: &TransferNow) -> Result<bool, DbErr> {
    let Some(row) = managed_by_another(txn, now).await? else { return Ok(false) };
    if institution::Entity::find_by_id(now.managing).one(txn).await?.is_none() {
        return Ok(false);
    }
    let moved = handbook::ActiveModel {
        managing_id: Set(now.managing),
        region_code: Set(now.region),
        ..Default::default()
    };
    handbooks::change(txn, row.id, &[row.state], moved).await?;
    let handover = responsibility::Handover { from: row.managing_id, to: now.managing, at: now.at };
    alerts::hand_over(txn, row.id, handover, now.region).await?;
    checkups::hand_over_countersigns(txn, row.id, handover).await?;
    Ok(true)
}

/// A handbook that is not where it was transferred to, unless it was transferred again.
async fn managed_by_another(
    db: &impl ConnectionTrait,
    now: &TransferNow,
) -> Result<Option<handbook::Model>, DbErr> {
    let since = desk_act::Entity::find()
        .filter(desk_act::COLUMN.handbook_id.eq(now.handbook))
        .filter(desk_act::COLUMN.action.eq(Action::Transfer))
        .filter(desk_act::COLUMN.done_at.gte(now.at));
    if since.one(db).await?.is_some() {
        return Ok(None);
    }
    let row = handbook::Entity::find_by_id(now.handbook).one(db).await?;
    Ok(row.filter(|row| row.managing_id != now.managing || row.region_code != now.region))
}
