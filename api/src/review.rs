//! What a reviewer says of an emergency access or of a rule that was set aside, and who may say it.

use chrono::{DateTime, Utc};
use domain::id::{HandbookId, StaffId};
use domain::independence::Account;
use domain::visit::REASON_LENGTH;
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks;
use crate::offices;
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;

/// What a reviewer found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// Whether it was justified.
    pub(crate) accepted: bool,
    /// At most 500 characters; 10 at least when it was not justified.
    note: Option<String>,
}

/// A review to be kept.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Who looked at it.
    pub(crate) reviewer: StaffId,
    /// Whether it was justified.
    pub(crate) accepted: bool,
    /// What the reviewer wrote.
    pub(crate) note: Option<String>,
}

impl Review {
    /// The note. A refusal needs words; an acceptance may have some.
    pub(crate) fn note(&self) -> Result<Option<Remark>, ApiError> {
        let mut form = Form::default();
        let note = if self.accepted {
            form.optional_remark("/note", self.note.as_deref(), &REMARK)
        } else {
            Some(form.remark("/note", self.note.as_deref().unwrap_or_default(), &REASON_LENGTH))
        };
        form.done()?;
        Ok(note)
    }
}

/// Refuses a reviewer who could be the one that is reviewed, or who was not there yet.
pub(crate) async fn must_be_independent(
    db: &impl ConnectionTrait,
    reviewer: StaffId,
    of: StaffId,
    at: DateTime<Utc>,
) -> Result<(), ApiError> {
    if reviewer == of {
        return Err(ApiError::told(Code::Forbidden));
    }
    let (reviewer, of) = (account(db, reviewer).await?, account(db, of).await?);
    if reviewer.may_look_over(&of, at) { Ok(()) } else { Err(ApiError::told(Code::NotIndependent)) }
}

async fn account(db: &impl ConnectionTrait, id: StaffId) -> Result<Account, ApiError> {
    let row = offices::staff::store::find(db, id).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    Ok(Account {
        id: row.id,
        created_at: row.created_at,
        made_by: row.made_by,
        reset_by: row.reset_by,
        reset_at: row.reset_at,
    })
}

/// The note as it is kept about a handbook.
pub(crate) async fn checked_note(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    note: Option<Remark>,
) -> Result<Option<String>, ApiError> {
    let Some(note) = note else { return Ok(None) };
    let handbook = handbooks::store::by_id(db, handbook).await?;
    let handbook = handbook.ok_or_else(|| ApiError::told(Code::NotFound))?;
    note.checked(is_unborn(db, &handbook).await?).map(Some)
}
