//! Entries: what a family writes, changes, hides and takes back. How they are read is `records`.

pub mod add;
pub mod amend;
pub mod hide;
pub mod withdraw;

use domain::catalogue::Kind;
use domain::entry::may_change;
use domain::id::{PhotoId, RecordId};
use domain::member::MemberRole;
use domain::record::Source;
use sea_orm::ConnectionTrait;

use crate::access::{Access, WriteEntry};
use crate::app::App;
use crate::db::entities::{handbook, record};
use crate::error::ApiError;
use crate::handbooks::store::hold_as;
use crate::idempotency::IfMatch;
use crate::problem::Code;
use crate::records::form::MOST_PHOTOS;
use crate::records::store;
use crate::session::User;

/// The entry of an address, if the caller may change it: its author, or an owner of the handbook who may read all of it.
/// Its handbook is held before it is read: a replacement that moves it at the same moment is over by then.
async fn to_change(
    app: &App,
    txn: &impl ConnectionTrait,
    access: &Access<WriteEntry>,
    id: RecordId,
    seen: IfMatch,
) -> Result<(User, handbook::Model, record::Model), ApiError> {
    let user = access.caller.family()?;
    let held = hold_as(txn, access).await?;
    let row = store::row(txn, held.id, id).await?;
    let row = row.filter(|row| row.source == Source::Family).ok_or_else(|| ApiError::told(Code::NotFound))?;
    let of_family = access.member_role() == Some(MemberRole::Owner)
        && (access.may_see_sensitive() || !is_sensitive(app, &row));
    if row.user_id != Some(user.id) && !of_family {
        return Err(ApiError::told(Code::NotYours));
    }
    may_change(row.state)?;
    seen.check(row.version)?;
    Ok((user, held, row))
}

/// Whether an entry has a place for sensitive answers. What only a newer server knows may have one.
fn is_sensitive(app: &App, row: &record::Model) -> bool {
    app.catalogue.kind_in_edition(&row.kind, &row.edition).is_none_or(Kind::is_sensitive)
}

/// Refuses more photos than hang on one entry.
fn must_be_few(photos: &[PhotoId]) -> Result<(), ApiError> {
    if photos.len() <= MOST_PHOTOS {
        return Ok(());
    }
    Err(ApiError::field(
        "/photos",
        "too_many_items",
        format!("一条记录最多{MOST_PHOTOS}张照片。"),
        format!("A record has at most {MOST_PHOTOS} photos."),
    ))
}

fn not_a_photo_to_hang() -> ApiError {
    ApiError::field(
        "/photos",
        "unknown_photo",
        "照片不存在、不是您上传的，或已用于其他记录。",
        "A photo does not exist, is not yours, or hangs on another record.",
    )
}
