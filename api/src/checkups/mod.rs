//! Checkups: what clinicians attach, correct and void, and what a village doctor writes for the health centre. How they are
//! read is `records`.

pub mod attach;
pub mod correct;
pub mod countersign;
pub mod delegate;
pub mod store;
pub mod void;

use domain::id::RecordId;
use domain::record::{RecordState, Source};
use sea_orm::ConnectionTrait;

use crate::access::{Access, CorrectOwn};
use crate::db::entities::record;
use crate::error::ApiError;
use crate::handbooks::store::hold;
use crate::idempotency::IfMatch;
use crate::problem::Code;
use crate::records::store as records;

/// The checkup of an address, if the caller wrote it and it still counts. Its handbook is held before it is read: a
/// replacement that moves it at the same moment is over by then. A closed handbook keeps its author's corrections.
async fn own(
    txn: &impl ConnectionTrait,
    access: &Access<CorrectOwn>,
    id: RecordId,
    seen: IfMatch,
) -> Result<record::Model, ApiError> {
    let staff = access.caller.staff()?;
    let held = hold(txn, access.handbook.id).await?;
    access.judge_again(txn, &held).await?;
    let row = records::row(txn, held.id, id).await?;
    let row =
        row.filter(|row| row.source == Source::Clinician).ok_or_else(|| ApiError::told(Code::NotFound))?;
    if row.staff_id != Some(staff.id) {
        return Err(ApiError::told(Code::NotYours));
    }
    if row.state != RecordState::Live {
        return Err(ApiError::told(Code::RecordEnded));
    }
    seen.check(row.version)?;
    Ok(row)
}

fn not_a_signature() -> ApiError {
    ApiError::field(
        "/payload",
        "unknown_photo",
        "照片或签名不存在，或已用于其他记录。",
        "A photo or signature does not exist, or hangs on another record.",
    )
}
