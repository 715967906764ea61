//! Rows of the access log, and the names of whom they speak.

use std::collections::{BTreeSet, HashMap};

use domain::id::{AccessId, HandbookId, InstitutionId, StaffId, VisitId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::db::entities::{access_log, institution, staff, visit};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::offices;

/// Reads of a handbook, the newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    before: Option<AccessId>,
    limit: u64,
) -> Result<Vec<access_log::Model>, DbErr> {
    let mut reads = access_log::Entity::find().filter(access_log::COLUMN.handbook_id.eq(handbook));
    if let Some(before) = before {
        reads = reads.filter(access_log::COLUMN.id.lt(before));
    }
    reads.order_by_desc(access_log::COLUMN.id).limit(limit).all(db).await
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
