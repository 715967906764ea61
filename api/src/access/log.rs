//! The access log: every staff read of personal data, written in the same request and before the answer.

use std::collections::BTreeSet;

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

/// A list that names people of several handbooks, each of which is read once, and all for the same reason.
pub async fn write_list(
    app: &App,
    staff: &Staff,
    handbooks: impl IntoIterator<Item = HandbookId>,
    (action, tie): (Action, Option<Tie>),
    request_id: Uuid,
) -> Result<(), ApiError> {
    let handbooks: BTreeSet<HandbookId> = handbooks.into_iter().collect();
    let read = |handbook| Read { handbook, action, tie, visit: None };
    let reads: Vec<Read> = handbooks.into_iter().map(read).collect();
    write(app, staff, &reads, request_id).await
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
