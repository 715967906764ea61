//! The access log: every staff read of personal data, written in the same request and before the answer.

use chrono::{DateTime, Utc};
use domain::access::{Action, Tie};
use domain::id::{AccessId, HandbookId, VisitId};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use uuid::Uuid;

use crate::app::App;
use crate::db::entities::access_log;
use crate::error::ApiError;
use crate::session::Staff;

/// One read of one handbook.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// Whose data.
    pub handbook: HandbookId,
    /// What was read.
    pub action: Action,
    /// What allowed it.
    pub tie: Option<Tie>,
    /// The visit, if that allowed it.
    pub visit: Option<VisitId>,
}

/// Writes reads; when they cannot be written, nothing may be read.
pub async fn write(app: &App, staff: &Staff, reads: &[Read], request_id: Uuid) -> Result<(), ApiError> {
    write_in(app.db.write(), staff, reads, request_id, app.now()).await
}

/// Writes reads inside the transaction that opens what is read.
pub async fn write_in(
    db: &impl ConnectionTrait,
    staff: &Staff,
    reads: &[Read],
    request_id: Uuid,
    at: DateTime<Utc>,
) -> Result<(), ApiError> {
    if reads.is_empty() {
        return Ok(());
    }
    let rows = reads.iter().map(|read| access_log::ActiveModel {
        id: Set(AccessId(Uuid::now_v7())),
        at: Set(at),
        staff_id: Set(staff.id),
        institution_id: Set(staff.institution),
        handbook_id: Set(read.handbook),
        action: Set(read.action.code().to_owned()),
        tie: Set(read.tie),
        visit_id: Set(read.visit),
        request_id: Set(request_id),
    });
    access_log::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}
