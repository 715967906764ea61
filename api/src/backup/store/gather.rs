//! What was taken back since an instant, read from a database as it is. It reads whole tables.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::access::Action;
use domain::id::{HandbookId, InstitutionId, MemberId, RecordId};
use domain::member::MemberRole;
use domain::place::RegionCode;
use domain::record::RecordState;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use super::ends::{ACCOUNTS, DELEGATIONS, INSTITUTIONS, MEMBERS};
use crate::backup::tombstones::{
    Dropped, HandbookNow, HiddenNow, PasswordIssued, ReceiptThen, RecordNow, RoleNow, StaffNow, Tombstones,
    TransferNow,
};
use crate::buried::ENTRY;
use crate::consents::again::Withdrawn;
use crate::consents::store::withdrawn_since;
use crate::db::entities::{
    desk_act, handbook, member, notice, password_issue, record, retention_receipt, staff, tombstone,
};
use crate::notices::Kind;
use crate::records::store::ERASED;

/// What was taken back since an instant, read in one snapshot.
pub(in crate::backup) async fn tombstones(
    txn: &DatabaseTransaction,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Tombstones, DbErr> {
    let withdrawn = withdrawn_since(txn, since).await?;
    Ok(Tombstones {
        since,
        taken_at: now,
        accounts: ACCOUNTS.since(txn, since).await?,
        members: MEMBERS.since(txn, since).await?,
        delegations: DELEGATIONS.since(txn, since).await?,
        institutions: INSTITUTIONS.since(txn, since).await?,
        staff: staff::Entity::find().all(txn).await?.into_iter().map(staff_now).collect(),
        passwords: passwords(txn, since).await?,
        roles: roles(txn, since).await?,
        hidden: hidden(txn, since).await?,
        transfers: transfers(txn, since).await?,
        handbooks: handbooks(txn, since).await?,
        records: records(txn, since).await?,
        withdrawn: withdrawn.into_iter().map(|(row, issue)| Withdrawn::of(row, issue)).collect(),
        receipts: receipts(txn, since).await?,
        dropped: dropped(txn, since).await?,
    })
}

async fn passwords(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<PasswordIssued>, DbErr> {
    let issued = password_issue::Entity::find().filter(password_issue::COLUMN.issued_at.gte(since));
    let issued = issued.all(txn).await?.into_iter();
    Ok(issued
        .map(|row| PasswordIssued { staff: row.staff_id, by: row.issuer_id, at: row.issued_at })
        .collect())
}

/// Live members whose row changed ever, of families that were told since of a change of members: a membership does not say
/// when its role changed. Who was raised is told too, so that a handbook whose owner stepped down has the other.
async fn roles(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<RoleNow>, DbErr> {
    let told = notice::Entity::find()
        .select_only()
        .column(notice::Column::HandbookId)
        .filter(notice::COLUMN.kind.eq(Kind::MembersChanged.word()))
        .filter(notice::COLUMN.raised_at.gte(since))
        .into_query();
    let rows: Vec<(MemberId, i32, MemberRole)> = member::Entity::find()
        .select_only()
        .columns([member::Column::Id, member::Column::Version, member::Column::Role])
        .filter(member::COLUMN.handbook_id.in_subquery(told))
        .filter(member::COLUMN.ended_at.is_null())
        .filter(member::COLUMN.version.gt(1))
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|(id, version, role)| RoleNow { id, version, role }).collect())
}

async fn hidden(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<HiddenNow>, DbErr> {
    let rows: Vec<(RecordId, i32)> = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::Version])
        .filter(record::COLUMN.is_private.eq(true))
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .filter(record::COLUMN.changed_at.gte(since))
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|(id, version)| HiddenNow { id, version }).collect())
}

async fn transfers(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<TransferNow>, DbErr> {
    let acts = desk_act::Entity::find()
        .select_only()
        .column(desk_act::Column::HandbookId)
        .filter(desk_act::COLUMN.action.eq(Action::Transfer))
        .filter(desk_act::COLUMN.done_at.gte(since));
    let transferred = acts.clone().into_query();
    let done: Vec<(HandbookId, DateTime<Utc>)> = acts
        .column(desk_act::Column::DoneAt)
        .order_by_asc(desk_act::Column::DoneAt)
        .into_tuple()
        .all(txn)
        .await?;
    let last: BTreeMap<_, _> = done.into_iter().collect();
    let rows: Vec<(HandbookId, InstitutionId, RegionCode)> = handbook::Entity::find()
        .select_only()
        .columns([handbook::Column::Id, handbook::Column::ManagingId, handbook::Column::RegionCode])
        .filter(handbook::COLUMN.id.in_subquery(transferred))
        .into_tuple()
        .all(txn)
        .await?;
    let told = rows.into_iter().filter_map(|(handbook, managing, region)| {
        last.get(&handbook).map(|at| TransferNow { handbook, at: *at, managing, region })
    });
    Ok(told.collect())
}

/// Handbooks that ended, whose code on paper was revoked, whose family has gone, and that were blocked or erased.
async fn handbooks(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<HandbookNow>, DbErr> {
    let rows = handbook::Entity::find().filter(
        Condition::any()
            .add(handbook::COLUMN.closed_at.gte(since))
            .add(handbook::COLUMN.printed_serial.gt(1))
            .add(handbook::COLUMN.family_left_at.gte(since))
            .add(handbook::COLUMN.erased_at.gte(since)),
    );
    Ok(rows.all(txn).await?.into_iter().map(handbook_now).collect())
}

async fn records(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<RecordNow>, DbErr> {
    let rows: Vec<(RecordId, RecordState, DateTime<Utc>)> = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::State, record::Column::ChangedAt])
        .filter(record::COLUMN.state.ne(RecordState::Live))
        .filter(record::COLUMN.kind.ne(ERASED))
        .filter(record::COLUMN.changed_at.gte(since))
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|(id, state, at)| RecordNow { id, state, at }).collect())
}

async fn receipts(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<ReceiptThen>, DbErr> {
    let rows = retention_receipt::Entity::find().filter(retention_receipt::COLUMN.done_at.gte(since));
    let told = rows.all(txn).await?.into_iter().map(|row| ReceiptThen {
        id: row.id,
        handbook: row.handbook_id,
        cause: row.cause,
        kind: row.kind,
        end: row.end_state,
        amount: row.amount,
        basis: row.basis,
        at: row.done_at,
    });
    Ok(told.collect())
}

/// What was buried, and the places of entries that a version before this erased and did not bury.
async fn dropped(txn: &DatabaseTransaction, since: DateTime<Utc>) -> Result<Vec<Dropped>, DbErr> {
    let buried = tombstone::Entity::find().filter(tombstone::COLUMN.at.gte(since)).all(txn).await?;
    let mut dropped: Vec<_> =
        buried.into_iter().map(|row| Dropped { kind: row.kind, id: row.id, at: row.at }).collect();
    let traces: Vec<(RecordId, DateTime<Utc>)> = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::ChangedAt])
        .filter(record::COLUMN.kind.eq(ERASED))
        .filter(record::COLUMN.changed_at.gte(since))
        .into_tuple()
        .all(txn)
        .await?;
    let traces = traces.into_iter().map(|(id, at)| Dropped { kind: ENTRY.to_owned(), id: id.0, at });
    dropped.extend(traces);
    dropped.sort_by(|one, other| (&one.kind, one.id).cmp(&(&other.kind, other.id)));
    dropped.dedup_by(|one, other| (&one.kind, one.id) == (&other.kind, other.id));
    Ok(dropped)
}

fn staff_now(row: staff::Model) -> StaffNow {
    StaffNow {
        id: row.id,
        version: row.version,
        left_on: row.left_on,
        roles: row.roles,
        institution: row.institution_id,
        region: row.region_code.zip(row.region_level),
        password_hash: row.password_hash,
        password_issued: row.password_issued,
        totp: row.totp,
        totp_last_step: row.totp_last_step,
        reset: row.reset_by.zip(row.reset_at),
    }
}

fn handbook_now(row: handbook::Model) -> HandbookNow {
    HandbookNow {
        id: row.id,
        issue: Some(row.counts_as),
        state: row.state,
        printed_serial: row.printed_serial,
        closed_at: row.closed_at,
        close_reason: row.close_reason,
        successor: row.successor_id,
        family_left_at: row.family_left_at,
        blocked_until: row.blocked_until,
        erased_at: row.erased_at,
    }
}
