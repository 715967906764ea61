//! Rows of sessions and refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{SessionId, StaffId, UserId};
use domain::place::Region;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use uuid::Uuid;

use super::{Caller, Staff, User};
use crate::db::entities::{refresh_token, session, staff};

/// A session of the family side lasts this long without a refresh; each refresh starts it anew.
pub const FAMILY_LIFE: TimeDelta = TimeDelta::days(90);

/// A session of staff lasts a working day.
pub const STAFF_LIFE: TimeDelta = TimeDelta::hours(12);

/// Whose session it is.
#[derive(Debug, Clone, Copy)]
pub enum Holder {
    /// A user of the family side.
    User(UserId),
    /// A staff member.
    Staff(StaffId),
}

/// The caller behind a session, if the session is live and its holder still works here.
pub async fn caller(
    db: &impl ConnectionTrait,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<Caller>, DbErr> {
    let Some(found) = session::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    if found.ended_at.is_some() || found.expires_at <= now {
        return Ok(None);
    }
    match (found.user_id, found.staff_id) {
        (Some(user), _) => Ok(Some(Caller::Family(User { id: user, session: id }))),
        (None, Some(staff)) => Ok(staff::Entity::find_by_id(staff)
            .one(db)
            .await?
            .filter(|staff| staff.left_on.is_none_or(|left_on| left_on > domain::calendar::day_in_china(now)))
            .map(|staff| Caller::Staff(of_row(staff, id)))),
        (None, None) => Ok(None),
    }
}

fn of_row(row: staff::Model, session: SessionId) -> Staff {
    Staff {
        id: row.id,
        session,
        roles: row.roles.0,
        institution: row.institution_id,
        region: Region { code: row.region_code, level: row.region_level },
        must_change_password: row.password_issued,
    }
}

/// Opens a session with its first refresh token.
pub async fn open(
    db: &impl ConnectionTrait,
    holder: Holder,
    device: &str,
    refresh_hash: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<SessionId, DbErr> {
    let id = SessionId(Uuid::now_v7());
    let (user_id, staff_id, life) = match holder {
        Holder::User(user) => (Some(user), None, FAMILY_LIFE),
        Holder::Staff(staff) => (None, Some(staff), STAFF_LIFE),
    };
    let row = session::ActiveModel {
        id: Set(id),
        user_id: Set(user_id),
        staff_id: Set(staff_id),
        device: Set(device.to_owned()),
        created_at: Set(now),
        expires_at: Set(now + life),
        ended_at: Set(None),
    };
    session::Entity::insert(row).exec_without_returning(db).await?;
    keep_refresh(db, id, refresh_hash, now).await?;
    Ok(id)
}

/// Keeps the hash of a refresh token of a session.
pub async fn keep_refresh(
    db: &impl ConnectionTrait,
    session: SessionId,
    hash: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = refresh_token::ActiveModel {
        hash: Set(hash),
        session_id: Set(session),
        issued_at: Set(now),
        used_at: Set(None),
    };
    refresh_token::Entity::insert(row).exec_without_returning(db).await.map(|_| ())
}
