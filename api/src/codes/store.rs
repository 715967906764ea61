//! Rows of dynamic codes, and the serial of the printed one.

use chrono::{DateTime, Utc};
use domain::handbook::code::{DYNAMIC_CODE_LIFE, LAST_PRINT_SERIAL};
use domain::id::{CodeId, HandbookId, MemberId};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::db::entities::code;
use crate::db::statement;
use crate::error::ApiError;
use crate::problem::Code;

/// Keeps a new dynamic code and says until when it is valid.
pub async fn keep(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    made_by: MemberId,
    token_hash: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, DbErr> {
    let expires_at = now + DYNAMIC_CODE_LIFE;
    let row = code::ActiveModel {
        id: Set(CodeId(Uuid::now_v7())),
        handbook_id: Set(handbook),
        token_hash: Set(token_hash),
        made_by: Set(made_by),
        made_at: Set(now),
        expires_at: Set(expires_at),
        redeemed_at: Set(None),
        revoked_at: Set(None),
    };
    code::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(expires_at)
}

/// The handbook of a dynamic code, whatever became of the code.
pub async fn handbook_of(
    db: &impl ConnectionTrait,
    token_hash: Vec<u8>,
) -> Result<Option<HandbookId>, DbErr> {
    let found = code::Entity::find().filter(code::COLUMN.token_hash.eq(token_hash)).one(db).await?;
    Ok(found.map(|code| code.handbook_id))
}

/// Redeems a dynamic code, once, in one conditional statement, or says why it cannot be. The code of somebody who is no
/// member any more opens nothing. The caller holds the handbook: whoever moves its codes took hold of it first too.
pub async fn redeem(
    txn: &impl ConnectionTrait,
    token_hash: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let redeem = statement(
        txn.get_database_backend(),
        "UPDATE code SET redeemed_at = ? \
         WHERE token_hash = ? AND redeemed_at IS NULL AND revoked_at IS NULL AND expires_at > ? \
         AND EXISTS (SELECT 1 FROM member WHERE member.id = code.made_by AND member.ended_at IS NULL)",
        [now.into(), token_hash.clone().into(), now.into()],
    );
    match txn.execute_raw(redeem).await?.rows_affected() {
        0 => Err(ApiError::told(why_not(txn, token_hash).await?)),
        _ => Ok(()),
    }
}

async fn why_not(txn: &impl ConnectionTrait, token_hash: Vec<u8>) -> Result<Code, DbErr> {
    let found = code::Entity::find().filter(code::COLUMN.token_hash.eq(token_hash)).one(txn).await?;
    Ok(match found {
        None => Code::CodeRefused,
        Some(code) if code.redeemed_at.is_some() => Code::CodeUsed,
        Some(_) => Code::CodeExpired,
    })
}

/// Raises the serial of the printed code, so that every older print is void; `None` when one byte on paper holds no more.
pub async fn next_serial(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<Option<i32>, DbErr> {
    let raise = statement(
        txn.get_database_backend(),
        "UPDATE handbook SET printed_serial = printed_serial + 1 WHERE id = ? AND printed_serial < ? \
         RETURNING printed_serial",
        [handbook.into(), LAST_PRINT_SERIAL.into()],
    );
    txn.query_one_raw(raise).await?.map(|row| row.try_get_by_index(0)).transpose()
}
