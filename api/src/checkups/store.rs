//! Rows that only checkups touch: the grade in force of a pregnancy, and delegations.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::id::{DelegationId, HandbookId, InstitutionId, PregnancyId, RecordId, StaffId, VisitId};
use domain::record::RecordState;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::Value as Json;

use crate::db::entities::{delegation, pregnancy, record, staff, visit};
use crate::db::rows_in;
use crate::db::statement;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::records::store::{Content, latest_of_pregnancy};
use crate::responsibility::store::{Handover, keep_handovers};

/// The kind that grades the risk of a pregnancy.
pub const RISK_ASSESSMENT: &str = "risk_assessment";

/// Writes the grade of the latest assessment that counts over the one in force.
pub async fn grade_pregnancy(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    handbook: HandbookId,
    id: PregnancyId,
) -> Result<(), ApiError> {
    let Some(pregnancy) = pregnancy::Entity::find_by_id(id).one(txn).await? else { return Ok(()) };
    let latest = latest_of_pregnancy(txn, handbook, id, RISK_ASSESSMENT).await?;
    let payload = match &latest {
        Some(row) => Content::of_row(keys, row).map_err(ApiError::Internal)?.payload.merged(),
        None => serde_json::Map::new(),
    };
    let grade = payload.get("grade").and_then(Json::as_str).map(str::to_owned);
    let purple = payload.get("purple").and_then(Json::as_bool).unwrap_or(false);
    if (&pregnancy.risk_grade, pregnancy.risk_purple) == (&grade, purple) {
        return Ok(());
    }
    let changed = pregnancy::ActiveModel {
        id: Set(id),
        risk_grade: Set(grade),
        risk_purple: Set(purple),
        version: Set(pregnancy.version + 1),
        ..Default::default()
    };
    pregnancy::Entity::update(changed).exec(txn).await?;
    Ok(())
}

/// A visit of an institution to a handbook.
pub async fn visit(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    institution: InstitutionId,
    id: VisitId,
) -> Result<Option<visit::Model>, DbErr> {
    visit::Entity::find_by_id(id)
        .filter(visit::COLUMN.handbook_id.eq(handbook))
        .filter(visit::COLUMN.institution_id.eq(institution))
        .one(db)
        .await
}

/// The live delegation of a handbook to a staff member.
pub async fn delegation_to(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    staff: StaffId,
) -> Result<Option<delegation::Model>, DbErr> {
    delegation::Entity::find()
        .filter(delegation::COLUMN.handbook_id.eq(handbook))
        .filter(delegation::COLUMN.staff_id.eq(staff))
        .filter(delegation::COLUMN.ended_at.is_null())
        .one(db)
        .await
}

/// Delegations of a handbook that have not ended, the oldest first.
pub async fn delegations(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    after: Option<DelegationId>,
    limit: u64,
) -> Result<Vec<delegation::Model>, DbErr> {
    let mut live = delegation::Entity::find()
        .filter(delegation::COLUMN.handbook_id.eq(handbook))
        .filter(delegation::COLUMN.ended_at.is_null());
    if let Some(after) = after {
        live = live.filter(delegation::COLUMN.id.gt(after));
    }
    live.order_by_asc(delegation::COLUMN.id).limit(limit).all(db).await
}

/// Staff members by id.
pub async fn staff_by_id(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = StaffId>,
) -> Result<HashMap<StaffId, staff::Model>, DbErr> {
    let found = rows_in(db, staff::Entity::find(), staff::Column::Id, ids).await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// Keeps a delegation; `false` when the handbook is delegated to this staff member already.
pub async fn delegate(txn: &impl ConnectionTrait, row: &delegation::Model) -> Result<bool, DbErr> {
    // The unique index is partial, which the conflict clause need not name.
    let insert = statement(
        txn.get_database_backend(),
        "INSERT INTO delegation (id, handbook_id, staff_id, institution_id, created_by, created_at) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            row.id.into(),
            row.handbook_id.into(),
            row.staff_id.into(),
            row.institution_id.into(),
            row.created_by.into(),
            row.created_at.into(),
        ],
    );
    Ok(txn.execute_raw(insert).await?.rows_affected() == 1)
}

/// Ends a delegation; `false` when there is none that lives.
pub async fn end_delegation(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    id: DelegationId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let ended = delegation::Entity::update_many()
        .set(delegation::ActiveModel { ended_at: Set(Some(now)), ..Default::default() })
        .filter(delegation::COLUMN.id.eq(id))
        .filter(delegation::COLUMN.handbook_id.eq(handbook))
        .filter(delegation::COLUMN.ended_at.is_null())
        .exec(txn)
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Ends every delegation to a staff member: they work elsewhere, or no more.
pub async fn end_delegations_to(
    txn: &impl ConnectionTrait,
    staff: StaffId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let live = delegation::Entity::update_many()
        .set(delegation::ActiveModel { ended_at: Set(Some(now)), ..Default::default() })
        .filter(delegation::COLUMN.staff_id.eq(staff))
        .filter(delegation::COLUMN.ended_at.is_null());
    live.exec(txn).await.map(|_| ())
}

/// What awaits a countersign in a handbook awaits that of the institution that answers for it from now on.
pub async fn hand_over_countersigns(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    handover: Handover,
) -> Result<(), DbErr> {
    let waiting = record::Entity::update_many()
        .set(record::ActiveModel { awaits_countersign_of: Set(Some(handover.to)), ..Default::default() })
        .filter(record::COLUMN.handbook_id.eq(handbook))
        .filter(record::COLUMN.awaits_countersign_of.is_not_null());
    let moved = waiting.exec_with_returning(txn).await?;
    keep_handovers(txn, handbook, handover, moved.into_iter().map(|row| (row.id, None))).await
}

/// Nothing in a handbook awaits a countersign any more.
pub async fn await_nobody(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<(), DbErr> {
    let waiting = record::Entity::update_many()
        .set(record::ActiveModel { awaits_countersign_of: Set(None), ..Default::default() })
        .filter(record::COLUMN.handbook_id.eq(handbook))
        .filter(record::COLUMN.awaits_countersign_of.is_not_null());
    waiting.exec(txn).await.map(|_| ())
}

/// Records that await the countersign of an institution, the oldest first.
pub async fn awaiting(
    db: &impl ConnectionTrait,
    institution: InstitutionId,
    after: Option<RecordId>,
    limit: u64,
) -> Result<Vec<record::Model>, DbErr> {
    let mut found = record::Entity::find()
        .filter(record::COLUMN.awaits_countersign_of.eq(institution))
        .filter(record::COLUMN.state.eq(RecordState::Live));
    if let Some(after) = after {
        found = found.filter(record::COLUMN.id.gt(after));
    }
    found.order_by_asc(record::COLUMN.id).limit(limit).all(db).await
}
