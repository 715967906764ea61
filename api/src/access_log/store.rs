//! Rows of the access log, and the names of whom they speak.

use std::collections::{BTreeSet, HashMap};

use domain::audit::Kind;
use domain::id::{EventId, HandbookId, InstitutionId, StaffId, VisitId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::db::entities::{audit_event, handbook, institution, staff, visit};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::offices;

/// Reads of handbooks, the newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    handbooks: &[HandbookId],
    before: Option<EventId>,
    limit: u64,
) -> Result<Vec<audit_event::Model>, DbErr> {
    let mut reads = audit_event::Entity::find().filter(audit_event::COLUMN.kind.eq(Kind::Read.code()));
    reads = match handbooks {
        [only] => reads.filter(audit_event::COLUMN.handbook_id.eq(*only)),
        several => reads.filter(audit_event::Column::HandbookId.is_in(several.iter().copied())),
    };
    if let Some(before) = before {
        reads = reads.filter(audit_event::COLUMN.id.lt(before));
    }
    reads.order_by_desc(audit_event::COLUMN.id).limit(limit).all(db).await
}

/// A handbook with those that it came to stand for. The log of what was read of them is sealed and stays with them.
pub async fn with_replaced(
    db: &impl ConnectionTrait,
    held: &handbook::Model,
) -> Result<Vec<HandbookId>, DbErr> {
    if held.counts_as == held.id {
        return Ok(vec![held.id]);
    }
    let of_issue = handbook::Entity::find().filter(handbook::COLUMN.counts_as.eq(held.counts_as));
    let older = of_issue.filter(handbook::COLUMN.created_at.lte(held.created_at)).all(db).await?;
    Ok(older.into_iter().map(|handbook| handbook.id).collect())
}

/// A staff member as families and reviewers are told of them.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    /// Full name.
    pub name: String,
    /// Job title.
    pub title: String,
}

/// Staff members by id.
pub async fn workers(
    db: &impl ConnectionTrait,
    keys: &Keys,
    ids: impl IntoIterator<Item = StaffId>,
) -> Result<HashMap<StaffId, Worker>, ApiError> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let rows = rows_in(db, staff::Entity::find(), staff::Column::Id, ids).await?;
    let mut workers = HashMap::new();
    for row in rows {
        let name = offices::staff::name_of(keys, &row)?;
        workers.insert(row.id, Worker { name, title: row.title });
    }
    Ok(workers)
}

/// Names of institutions by id.
pub async fn institution_names(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = InstitutionId>,
) -> Result<HashMap<InstitutionId, String>, DbErr> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let rows = rows_in(db, institution::Entity::find(), institution::Column::Id, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Visits by id.
pub async fn visits(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = VisitId>,
) -> Result<HashMap<VisitId, visit::Model>, DbErr> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let rows = rows_in(db, visit::Entity::find(), visit::Column::Id, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
