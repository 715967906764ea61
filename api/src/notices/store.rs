//! Rows of notices, and the change number of a handbook.

use chrono::{DateTime, Utc};
use domain::id::{HandbookId, InstitutionId, NoticeId, RecordId};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
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
