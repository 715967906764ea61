//! Rows of WeChat users, what staff sign in with, and their wrong tries: in the database, so that every replica sees the
//! same count, under keyed hashes, so that the table names nobody.

use chrono::{DateTime, NaiveDate, Utc};
use domain::credential::TRIES_REMEMBERED;
use domain::id::{StaffId, UserId};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use uuid::Uuid;

use crate::db::entities::{staff, throttle, wechat_user};
use crate::db::statement;
use crate::keys::{Keys, Place, places};
use crate::session::store::{NOT_CONFIRMED, has_second_factor};

/// The user with an openid, made if this is the first time. Two first times at once give one user.
pub(super) async fn user_of_openid(
    db: &impl ConnectionTrait,
    keys: &Keys,
    openid: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<wechat_user::Model> {
    let index = keys.blind("openid", openid);
    if let Some(user) = by_openid_index(db, &index).await? {
        return Ok(user);
    }
    let id = UserId(Uuid::now_v7());
    let row = wechat_user::ActiveModel {
        id: Set(id),
        openid: Set(keys.seal(Place::new(places::WECHAT_USER_OPENID, id.0), openid)?),
        openid_index: Set(index.clone()),
        unionid: Set(None),
        person_id: Set(None),
        created_at: Set(now),
        closed_at: Set(None),
    };
    let conflict = OnConflict::column(wechat_user::Column::OpenidIndex).do_nothing().to_owned();
    wechat_user::Entity::insert(row).on_conflict(conflict).try_insert().exec_without_returning(db).await?;
    let user = by_openid_index(db, &index).await?;
    user.ok_or_else(|| anyhow::anyhow!("a WeChat user was neither there nor could be made"))
}

async fn by_openid_index(
    db: &impl ConnectionTrait,
    index: &[u8],
) -> Result<Option<wechat_user::Model>, DbErr> {
    wechat_user::Entity::find().filter(wechat_user::COLUMN.openid_index.eq(index.to_vec())).one(db).await
}

/// Keeps a unionid that WeChat gave for the first time: it may come later than the openid.
pub(super) async fn keep_unionid(
    db: &impl ConnectionTrait,
    keys: &Keys,
    user: UserId,
    unionid: &str,
) -> anyhow::Result<()> {
    let sealed = keys.seal(Place::new(places::WECHAT_USER_UNIONID, user.0), unionid)?;
    wechat_user::Entity::update_many()
        .col_expr(wechat_user::Column::Unionid, Expr::value(sealed))
        .filter(wechat_user::COLUMN.id.eq(user))
        .filter(wechat_user::COLUMN.unionid.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// The staff member with a user name, if they work here today.
pub(super) async fn working_staff(
    db: &impl ConnectionTrait,
    user_name: &str,
    today: NaiveDate,
) -> Result<Option<staff::Model>, DbErr> {
    let found = staff::Entity::find().filter(staff::COLUMN.user_name.eq(user_name)).one(db).await?;
    Ok(found.filter(|staff| staff.left_on.is_none_or(|left_on| left_on > today)))
}

/// Sets a password of one's own, unless somebody changed it meanwhile.
pub(super) async fn set_password(
    db: &impl ConnectionTrait,
    staff: &staff::Model,
    hash: String,
) -> Result<bool, DbErr> {
    let set = staff::Entity::update_many()
        .col_expr(staff::Column::PasswordHash, Expr::value(hash))
        .col_expr(staff::Column::PasswordIssued, Expr::value(false))
        .filter(staff::COLUMN.id.eq(staff.id))
        .filter(staff::COLUMN.password_hash.eq(staff.password_hash.as_str()))
        .exec(db)
        .await?;
    Ok(set.rows_affected == 1)
}

/// Whether somebody still signs in with what was proved, by a change of nothing: who changes the password or the second
/// factor at the same moment waits until the session is there to be ended, or was first.
pub(super) async fn still_proves(
    txn: &impl ConnectionTrait,
    seen: &staff::Model,
    today: NaiveDate,
) -> Result<bool, DbErr> {
    let mut same = staff::Entity::update_many()
        .col_expr(staff::Column::PasswordIssued, Expr::col(staff::Column::PasswordIssued))
        .filter(staff::COLUMN.id.eq(seen.id))
        .filter(staff::COLUMN.password_hash.eq(seen.password_hash.as_str()))
        .filter(staff::Column::LeftOn.is_null().or(staff::Column::LeftOn.gt(today)));
    same = match &seen.totp {
        Some(secret) => same.filter(staff::COLUMN.totp.eq(secret.clone())),
        None => same.filter(staff::COLUMN.totp.is_null()),
    };
    if !has_second_factor(seen) {
        same = same.filter(staff::COLUMN.totp_last_step.eq(seen.totp_last_step));
    }
    Ok(same.exec(txn).await?.rows_affected == 1)
}

/// Writes down that the code of a time step was used; a step at or before the last one used is refused.
pub(super) async fn use_step(db: &impl ConnectionTrait, id: StaffId, step: i64) -> Result<bool, DbErr> {
    let used = staff::Entity::update_many()
        .col_expr(staff::Column::TotpLastStep, Expr::value(step))
        .filter(staff::COLUMN.id.eq(id))
        .filter(staff::COLUMN.totp.is_not_null())
        .filter(staff::COLUMN.totp_last_step.lt(step))
        .exec(db)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Keeps a sealed secret that waits for its first code, unless one is in use.
pub(super) async fn begin_totp(
    db: &impl ConnectionTrait,
    id: StaffId,
    sealed: Vec<u8>,
) -> Result<bool, DbErr> {
    let unused = staff::Column::Totp.is_null().or(staff::Column::TotpLastStep.eq(NOT_CONFIRMED));
    let begun = staff::Entity::update_many()
        .col_expr(staff::Column::Totp, Expr::value(sealed))
        .col_expr(staff::Column::TotpLastStep, Expr::value(NOT_CONFIRMED))
        .filter(staff::COLUMN.id.eq(id))
        .filter(unused)
        .exec(db)
        .await?;
    Ok(begun.rows_affected == 1)
}

/// Puts the secret to use that waits for its first code, if it still is the one that the code was made with.
pub(super) async fn confirm_totp(
    db: &impl ConnectionTrait,
    id: StaffId,
    sealed: &[u8],
    step: i64,
) -> Result<bool, DbErr> {
    let confirmed = staff::Entity::update_many()
        .col_expr(staff::Column::TotpLastStep, Expr::value(step))
        .filter(staff::COLUMN.id.eq(id))
        .filter(staff::COLUMN.totp.eq(sealed.to_vec()))
        .filter(staff::COLUMN.totp_last_step.eq(NOT_CONFIRMED))
        .exec(db)
        .await?;
    Ok(confirmed.rows_affected == 1)
}

/// Removes the second factor.
pub(super) async fn remove_totp(db: &impl ConnectionTrait, id: StaffId) -> Result<(), DbErr> {
    staff::Entity::update_many()
        .col_expr(staff::Column::Totp, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(staff::Column::TotpLastStep, Expr::value(0_i64))
        .filter(staff::COLUMN.id.eq(id))
        .exec(db)
        .await
        .map(|_| ())
}

/// Wrong tries under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tries {
    /// How many.
    pub(super) failures: u32,
    /// When the last one was.
    pub(super) last_at: DateTime<Utc>,
}

/// The wrong tries under a key, unless they are forgotten.
pub(super) async fn wrong_tries(
    db: &impl ConnectionTrait,
    key: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Tries>, DbErr> {
    let found = throttle::Entity::find_by_id(key.to_vec()).one(db).await?;
    Ok(found
        .filter(|row| row.last_at > now - TRIES_REMEMBERED)
        .map(|row| Tries { failures: row.failures.unsigned_abs(), last_at: row.last_at }))
}

/// Counts one more wrong try, in one statement, so that none is lost among many at once.
pub(super) async fn count_wrong_try(
    db: &impl ConnectionTrait,
    key: &[u8],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let count = statement(
        db.get_database_backend(),
        "INSERT INTO throttle (key, failures, last_at) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET \
         failures = CASE WHEN throttle.last_at > ? THEN throttle.failures + 1 ELSE 1 END, last_at = excluded.last_at",
        [key.to_vec().into(), now.into(), (now - TRIES_REMEMBERED).into()],
    );
    db.execute_raw(count).await.map(|_| ())
}

/// Forgets the wrong tries under a key.
pub(super) async fn forget_wrong_tries(db: &impl ConnectionTrait, key: &[u8]) -> Result<(), DbErr> {
    throttle::Entity::delete_by_id(key.to_vec()).exec(db).await.map(|_| ())
}
