//! Rows of live tickets, and what changed after a number.

use chrono::{DateTime, TimeDelta, Utc};
use domain::consent::Sharing;
use domain::id::{HandbookId, RecordId, SessionId};
use domain::record::RecordState;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::db::entities::{handbook, live_ticket, record};
use crate::db::statement;
use crate::records::store::not_shared;

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

/// Whether a ticket waits for its stream; whether it may open one is for [`take_ticket`] to say.
pub async fn has_ticket(db: &impl ConnectionTrait, hash: &[u8], now: DateTime<Utc>) -> Result<bool, DbErr> {
    let ticket = live_ticket::Entity::find_by_id(hash.to_vec()).one(db).await?;
    Ok(ticket.is_some_and(|ticket| now < ticket.expires_at))
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

/// Which changes of a handbook are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The handbook.
    pub handbook: HandbookId,
    /// Changes after this number.
    pub after: i64,
    /// Up to this one.
    pub up_to: i64,
    /// At most so many, the oldest first.
    pub limit: u64,
}

/// Records that changed, as the family is told: all of them.
pub async fn changed_records(db: &impl ConnectionTrait, span: Span) -> Result<Vec<ChangedRecord>, DbErr> {
    changed(span).into_model().all(db).await
}

/// Records that changed, as staff are told. They learn nothing of an entry that they never could see; of one that the
/// family has hidden since, or shares no longer, they learn once that it is gone, in the same word as of one that was
/// taken back.
pub async fn changed_records_for_staff(
    db: &impl ConnectionTrait,
    span: Span,
    sharing: Sharing,
) -> Result<Vec<ChangedRecord>, DbErr> {
    let mut seen = changed(span).filter(record::COLUMN.is_private.eq(false));
    let mut gone_by_now = Condition::any().add(record::COLUMN.is_private.eq(true));
    if let Some(hidden) = not_shared(sharing) {
        seen = seen.filter(hidden.clone().not());
        gone_by_now = gone_by_now.add(hidden);
    }
    let mut records: Vec<ChangedRecord> = seen.into_model().all(db).await?;
    let hidden: Vec<(RecordId, i64)> = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::HiddenSeq])
        .filter(record::COLUMN.handbook_id.eq(span.handbook))
        .filter(record::COLUMN.hidden_seq.gt(span.after))
        .filter(record::COLUMN.hidden_seq.lte(span.up_to))
        .filter(gone_by_now)
        .order_by_asc(record::COLUMN.hidden_seq)
        .limit(span.limit)
        .into_tuple()
        .all(db)
        .await?;
    let gone = |(id, change_seq)| ChangedRecord { id, state: RecordState::Withdrawn, change_seq };
    records.extend(hidden.into_iter().map(gone));
    records.sort_by_key(|record| record.change_seq);
    Ok(records)
}

fn changed(span: Span) -> Select<record::Entity> {
    record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::State, record::Column::ChangeSeq])
        .filter(record::COLUMN.handbook_id.eq(span.handbook))
        .filter(record::COLUMN.change_seq.gt(span.after))
        .filter(record::COLUMN.change_seq.lte(span.up_to))
        .order_by_asc(record::COLUMN.change_seq)
        .limit(span.limit)
}
