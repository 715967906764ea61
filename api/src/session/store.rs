//! Rows of sessions and refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use domain::access::Role;
use domain::id::{SessionId, StaffId, UserId};
use domain::place::{Region, RegionCode, RegionLevel, Scope};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
};
use uuid::Uuid;

use super::{Caller, Staff, User};
use crate::audit::Act;
use crate::db::entities::{refresh_token, session, staff, wechat_user};

/// A session of the family side lasts this long without a refresh; each refresh starts it anew.
pub const FAMILY_LIFE: TimeDelta = TimeDelta::days(90);

/// A session of staff lasts a working day.
pub const STAFF_LIFE: TimeDelta = TimeDelta::hours(12);

/// How long the reuse of a refresh token is recognised.
const USED_REMEMBERED: TimeDelta = TimeDelta::days(30);

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
        (Some(user), _) => Ok(Some(Caller::Family(User { id: user, session: id, act: Act::default() }))),
        (None, Some(staff)) => Ok(staff::Entity::find_by_id(staff)
            .one(db)
            .await?
            .filter(|staff| staff.left_on.is_none_or(|left_on| left_on > domain::calendar::day_in_china(now)))
            .map(|staff| Caller::Staff(of_row(staff, id)))),
        (None, None) => Ok(None),
    }
}

/// The blind index of the WeChat account of a user.
pub async fn openid_index(db: &impl ConnectionTrait, id: UserId) -> Result<Option<Vec<u8>>, DbErr> {
    Ok(wechat_user::Entity::find_by_id(id).one(db).await?.map(|user| user.openid_index))
}

/// When a session began with a sign-in.
pub async fn signed_in_at(db: &impl ConnectionTrait, id: SessionId) -> Result<Option<DateTime<Utc>>, DbErr> {
    Ok(session::Entity::find_by_id(id).one(db).await?.map(|session| session.created_at))
}

fn of_row(row: staff::Model, session: SessionId) -> Staff {
    Staff {
        id: row.id,
        session,
        institution: row.institution_id,
        region: scope_of(&row),
        must_change_password: row.password_issued,
        has_second_factor: has_second_factor(&row),
        act: Act::default(),
        roles: row.roles.0,
    }
}

/// Whether a one-time code is asked for at sign-in.
pub fn has_second_factor(row: &staff::Model) -> bool {
    row.totp.is_some() && row.totp_last_step != NOT_CONFIRMED
}

/// How far a staff member answers: a region, or the country for a system administrator. A row that names neither
/// reaches nowhere.
pub fn scope_of(row: &staff::Model) -> Scope {
    match (row.region_code, row.region_level) {
        (Some(code), Some(level)) => Scope::Region(Region { code, level }),
        _ if row.roles.0.contains(&Role::SystemAdministrator) => Scope::Nation,
        _ => Scope::Region(Region { code: RegionCode(0), level: RegionLevel::Village }),
    }
}

/// Stands in `totp_last_step` while a secret waits for its first code.
pub const NOT_CONFIRMED: i64 = -1;

/// Lets a session of the family side live on from now; a session of staff ends when it was going to.
pub async fn prolong(db: &impl ConnectionTrait, session: SessionId, now: DateTime<Utc>) -> Result<(), DbErr> {
    session::Entity::update_many()
        .col_expr(session::Column::ExpiresAt, Expr::value(now + FAMILY_LIFE))
        .filter(session::COLUMN.id.eq(session))
        .filter(session::COLUMN.user_id.is_not_null())
        .exec(db)
        .await
        .map(|_| ())
}

/// Ends a session with every token of its line; says whether it was live.
pub async fn end(db: &impl ConnectionTrait, session: SessionId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let ended = live(now).filter(session::COLUMN.id.eq(session)).exec(db).await?;
    Ok(ended.rows_affected == 1)
}

/// Ends a session if it is the holder's; says whether it was a live one of theirs.
pub async fn end_own(
    db: &impl ConnectionTrait,
    holder: Holder,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let ended = live(now).filter(held_by(holder)).filter(session::COLUMN.id.eq(session)).exec(db).await?;
    Ok(ended.rows_affected == 1)
}

/// Ends the sessions of a staff member, but for one that goes on.
pub async fn end_all_of_staff(
    db: &impl ConnectionTrait,
    staff: StaffId,
    but: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mut ending = live(now).filter(session::COLUMN.staff_id.eq(staff));
    if let Some(but) = but {
        ending = ending.filter(session::COLUMN.id.ne(but));
    }
    ending.exec(db).await.map(|_| ())
}

/// Live sessions of a holder after a given one, in the order in which they began.
pub async fn of_holder(
    db: &impl ConnectionTrait,
    holder: Holder,
    after: Option<SessionId>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<session::Model>, DbErr> {
    let mut found = session::Entity::find()
        .filter(held_by(holder))
        .filter(session::COLUMN.ended_at.is_null())
        .filter(session::COLUMN.expires_at.gt(now))
        .order_by_asc(session::COLUMN.id);
    if let Some(after) = after {
        found = found.filter(session::COLUMN.id.gt(after));
    }
    found.limit(limit).all(db).await
}

/// An update that ends live sessions.
fn live(now: DateTime<Utc>) -> UpdateMany<session::Entity> {
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now))
        .filter(session::COLUMN.ended_at.is_null())
        .filter(session::COLUMN.expires_at.gt(now))
}

fn held_by(holder: Holder) -> SimpleExpr {
    match holder {
        Holder::User(user) => session::Column::UserId.eq(user),
        Holder::Staff(staff) => session::Column::StaffId.eq(staff),
    }
}

/// The refresh token with a hash.
pub async fn refresh_token(
    db: &impl ConnectionTrait,
    hash: &[u8],
) -> Result<Option<refresh_token::Model>, DbErr> {
    refresh_token::Entity::find_by_id(hash.to_vec()).one(db).await
}

/// Uses a refresh token, which can be done once: of two at the same moment one is told no.
pub async fn use_refresh(db: &impl ConnectionTrait, hash: &[u8], now: DateTime<Utc>) -> Result<bool, DbErr> {
    let used = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, Expr::value(now))
        .filter(refresh_token::COLUMN.hash.eq(hash.to_vec()))
        .filter(refresh_token::COLUMN.used_at.is_null())
        .exec(db)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Forgets used tokens of a session that nobody can mean any more. One that comes back after that is refused all the
/// same; it only no longer ends the session.
pub async fn forget_used(
    db: &impl ConnectionTrait,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    refresh_token::Entity::delete_many()
        .filter(refresh_token::COLUMN.session_id.eq(session))
        .filter(refresh_token::COLUMN.used_at.lt(now - USED_REMEMBERED))
        .exec(db)
        .await
        .map(|_| ())
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
