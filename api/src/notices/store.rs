//! Rows of notices, and the change number of a handbook.

use chrono::{DateTime, Utc};
use domain::id::{HandbookId, InstitutionId, NoticeId, RecordId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::Kind;
use crate::db::entities::notice;
use crate::db::statement;

/// Raises the change number of a handbook and gives it. The row stays locked until the commit, so the numbers of one
/// handbook grow without gaps in the order of the commits.
pub async fn next_change(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<i64, DbErr> {
    let raise = statement(
        txn.get_database_backend(),
        "UPDATE handbook SET change_seq = change_seq + 1 WHERE id = ? RETURNING change_seq",
        [handbook.into()],
    );
    let row = txn.query_one_raw(raise).await?.ok_or_else(|| DbErr::RecordNotFound("handbook".to_owned()))?;
    row.try_get_by_index(0)
}

/// Tells the family something, in the transaction that causes it. Call `live.changed` after the commit.
pub async fn tell(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    kind: Kind,
    institution: Option<InstitutionId>,
    record: Option<RecordId>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = notice::ActiveModel {
        id: Set(NoticeId(Uuid::now_v7())),
        handbook_id: Set(handbook),
        kind: Set(kind.word().to_owned()),
        institution_id: Set(institution),
        record_id: Set(record),
        raised_at: Set(now),
        change_seq: Set(next_change(txn, handbook).await?),
    };
    notice::Entity::insert(row).exec_without_returning(txn).await.map(|_| ())
}

/// Notices of a handbook, the newest first, before a change number.
pub async fn newest(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<notice::Model>, DbErr> {
    let mut notices = notice::Entity::find().filter(notice::COLUMN.handbook_id.eq(handbook));
    if let Some(before) = before {
        notices = notices.filter(notice::COLUMN.change_seq.lt(before));
    }
    notices.order_by_desc(notice::COLUMN.change_seq).limit(limit).all(db).await
}

/// Notices of a handbook after one change number and up to another, the oldest first.
pub async fn between(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    after: i64,
    up_to: i64,
    limit: u64,
) -> Result<Vec<notice::Model>, DbErr> {
    let notices = notice::Entity::find()
        .filter(notice::COLUMN.handbook_id.eq(handbook))
        .filter(notice::COLUMN.change_seq.gt(after))
        .filter(notice::COLUMN.change_seq.lte(up_to));
    notices.order_by_asc(notice::COLUMN.change_seq).limit(limit).all(db).await
}
