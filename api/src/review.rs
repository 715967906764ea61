//! What a reviewer says of an emergency access or of a rule that was set aside, and who may say it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::id::{HandbookId, StaffId};
use domain::independence::Accounts;
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

/// How far it is followed who made whose account: beyond it nobody is independent.
const FOLLOWED: usize = 16;

/// Refuses a reviewer who could be the one that is reviewed, or who was not there yet.
pub(crate) async fn must_be_independent(
    db: &impl ConnectionTrait,
    (reviewer, now): (StaffId, DateTime<Utc>),
    (of, at): (StaffId, DateTime<Utc>),
) -> Result<(), ApiError> {
    if reviewer == of {
        return Err(ApiError::told(Code::Forbidden));
    }
    let mut accounts = Accounts::default();
    let mut unknown = HashSet::from([reviewer, of]);
    for _ in 0..FOLLOWED {
        for (id, account) in offices::staff::store::accounts(db, unknown).await? {
            accounts.insert(id, account);
        }
        unknown = accounts.unknown();
        if unknown.is_empty() {
            let may = accounts.may_look_over((reviewer, now), (of, at));
            return if may { Ok(()) } else { Err(ApiError::told(Code::NotIndependent)) };
        }
    }
    Err(ApiError::told(Code::NotIndependent))
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
