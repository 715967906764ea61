//! Rows of live tickets, and what changed after a number.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{HandbookId, RecordId, SessionId};
use domain::record::RecordState;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::db::entities::{handbook, live_ticket, record};
use crate::db::statement;

/// How long a ticket waits for its stream.
pub const TICKET_LIFE: TimeDelta = TimeDelta::seconds(30);

/// Keeps a ticket.
pub async fn keep_ticket(
    txn: &impl ConnectionTrait,
    hash: Vec<u8>,
    session: SessionId,
    handbook: HandbookId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = live_ticket::ActiveModel {
        hash: Set(hash),
        session_id: Set(session),
        handbook_id: Set(handbook),
        expires_at: Set(now + TICKET_LIFE),
    };
    live_ticket::Entity::insert(row).exec_without_returning(txn).await.map(|_| ())
}

/// Takes a ticket, once, in one conditional statement.
pub async fn take_ticket(
    db: &impl ConnectionTrait,
    hash: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<Option<(SessionId, HandbookId)>, DbErr> {
    let take = statement(
        db.get_database_backend(),
        "DELETE FROM live_ticket WHERE hash = ? AND expires_at > ? RETURNING session_id, handbook_id",
        [hash.into(), now.into()],
    );
    let row = db.query_one_raw(take).await?;
    row.map(|row| Ok((row.try_get("", "session_id")?, row.try_get("", "handbook_id")?))).transpose()
}

/// The change number of a handbook.
#[derive(Debug, FromQueryResult)]
pub struct Latest {
    /// The handbook.
    pub id: HandbookId,
    /// Its latest change.
    pub change_seq: i64,
}

/// The change numbers of handbooks.
pub async fn latest(
    db: &impl ConnectionTrait,
    handbooks: impl IntoIterator<Item = HandbookId>,
) -> Result<Vec<Latest>, DbErr> {
    handbook::Entity::find()
        .select_only()
        .columns([handbook::Column::Id, handbook::Column::ChangeSeq])
        .filter(handbook::Column::Id.is_in(handbooks))
        .into_model()
        .all(db)
        .await
}

/// A record that changed.
#[derive(Debug, FromQueryResult)]
pub struct ChangedRecord {
    /// The record.
    pub id: RecordId,
    /// Whether it still counts.
    pub state: RecordState,
    /// Its latest change.
    pub change_seq: i64,
}

/// Records of a handbook that changed after one number and up to another, the oldest change first. Whoever may not know
/// of private entries is not told their ids either.
pub async fn changed_records(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    after: i64,
    up_to: i64,
    with_private: bool,
    limit: u64,
) -> Result<Vec<ChangedRecord>, DbErr> {
    let mut records = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::State, record::Column::ChangeSeq])
        .filter(record::COLUMN.handbook_id.eq(handbook))
        .filter(record::COLUMN.change_seq.gt(after))
        .filter(record::COLUMN.change_seq.lte(up_to));
    if !with_private {
        records = records.filter(record::COLUMN.is_private.eq(false));
    }
    records.order_by_asc(record::COLUMN.change_seq).limit(limit).into_model().all(db).await
}
