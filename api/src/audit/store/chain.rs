//! Rows of the chains: events that wait, batches, and what is read of both to verify or to remove them.

use chrono::{DateTime, Utc};
use domain::id::{BatchId, ReplicaId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult,
    IdenStatic, IntoActiveModel, Iterable, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::db::entities::{audit_batch, audit_event};
use crate::db::statement;

/// Whether events that were written before a moment wait to be sealed.
pub async fn any_waits(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<bool, DbErr> {
    let waiting = audit_event::Entity::find()
        .filter(audit_event::COLUMN.batch_id.is_null())
        .filter(audit_event::COLUMN.at.lte(before))
        .limit(1);
    Ok(waiting.one(db).await?.is_some())
}

/// Takes events that wait into a batch and gives them in the order of their ids. What another process takes at the same
/// moment is passed over.
pub async fn take(
    txn: &impl ConnectionTrait,
    batch: BatchId,
    before: DateTime<Utc>,
    most: u32,
) -> Result<Vec<audit_event::Model>, DbErr> {
    let skip = if txn.get_database_backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "UPDATE audit_event SET batch_id = ? WHERE id IN (\
             SELECT id FROM audit_event WHERE batch_id IS NULL AND at <= ? ORDER BY id LIMIT {most} {skip}) RETURNING {}",
        columns()
    );
    let take = statement(txn.get_database_backend(), &sql, [batch.into(), before.into()]);
    let rows = txn.query_all_raw(take).await?;
    let events = rows.iter().map(|row| audit_event::Model::from_query_result(row, ""));
    let mut events = events.collect::<Result<Vec<_>, _>>()?;
    events.sort_unstable_by_key(|event| event.id);
    Ok(events)
}

/// The columns that this version knows. `*` would mean another thing to a prepared statement once a newer version has added a
/// column, and PostgreSQL refuses that.
fn columns() -> String {
    audit_event::Column::iter().map(|column| column.as_str()).collect::<Vec<_>>().join(", ")
}

/// The last batch of a chain.
pub async fn last_of(
    db: &impl ConnectionTrait,
    replica: ReplicaId,
) -> Result<Option<audit_batch::Model>, DbErr> {
    let of_chain = audit_batch::Entity::find().filter(audit_batch::COLUMN.replica.eq(replica));
    of_chain.order_by_desc(audit_batch::COLUMN.seq).one(db).await
}

/// When the first batch was sealed.
pub async fn first_sealed(db: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbErr> {
    let first = audit_batch::Entity::find().order_by_asc(audit_batch::COLUMN.sealed_at).one(db).await?;
    Ok(first.map(|batch| batch.sealed_at))
}

/// When the latest batch was sealed.
pub async fn last_sealed(db: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbErr> {
    let last = audit_batch::Entity::find().order_by_desc(audit_batch::COLUMN.sealed_at).one(db).await?;
    Ok(last.map(|batch| batch.sealed_at))
}

/// When another process last sealed something, if one has since a moment.
pub async fn sealed_by_others(
    db: &impl ConnectionTrait,
    replica: ReplicaId,
    since: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let last = audit_batch::Entity::find()
        .filter(audit_batch::COLUMN.sealed_at.gte(since))
        .filter(audit_batch::COLUMN.replica.ne(replica))
        .order_by_desc(audit_batch::COLUMN.sealed_at);
    Ok(last.one(db).await?.map(|batch| batch.sealed_at))
}

/// How many events wait to be sealed.
pub async fn waiting(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    audit_event::Entity::find().filter(audit_event::COLUMN.batch_id.is_null()).count(db).await
}

/// Adds a batch to its chain.
pub async fn add(txn: &impl ConnectionTrait, batch: audit_batch::Model) -> Result<(), DbErr> {
    audit_batch::Entity::insert(batch.into_active_model()).exec_without_returning(txn).await.map(|_| ())
}

/// How many events all batches hold that were not removed.
pub async fn total(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let sum =
        "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) AS events FROM audit_batch WHERE removed_at IS NULL";
    let row = db.query_one_raw(statement(db.get_database_backend(), sum, [])).await?;
    let events: i64 = row.map_or(Ok(0), |row| row.try_get("", "events"))?;
    Ok(events.unsigned_abs())
}

/// The next batches, chain by chain, after a place in one of them.
pub async fn after(
    db: &impl ConnectionTrait,
    (replica, seq): (ReplicaId, i64),
    limit: u64,
) -> Result<Vec<audit_batch::Model>, DbErr> {
    let sql = format!(
        "SELECT * FROM audit_batch WHERE (replica, seq) > (?, ?) ORDER BY replica, seq LIMIT {limit}"
    );
    let page = statement(db.get_database_backend(), &sql, [replica.into(), seq.into()]);
    let rows = db.query_all_raw(page).await?;
    rows.iter().map(|row| audit_batch::Model::from_query_result(row, "")).collect()
}

/// The batch at a place of a chain.
pub async fn at(
    db: &impl ConnectionTrait,
    replica: ReplicaId,
    seq: i64,
) -> Result<Option<audit_batch::Model>, DbErr> {
    let of_chain = audit_batch::Entity::find().filter(audit_batch::COLUMN.replica.eq(replica));
    of_chain.filter(audit_batch::COLUMN.seq.eq(seq)).one(db).await
}

/// The last batch of a chain before a place.
pub async fn last_before(
    db: &impl ConnectionTrait,
    replica: ReplicaId,
    seq: i64,
) -> Result<Option<audit_batch::Model>, DbErr> {
    let of_chain = audit_batch::Entity::find().filter(audit_batch::COLUMN.replica.eq(replica));
    let before = of_chain.filter(audit_batch::COLUMN.seq.lt(seq));
    before.order_by_desc(audit_batch::COLUMN.seq).one(db).await
}

/// Events of batches, batch by batch in the order of their ids.
pub async fn events_of(
    db: &impl ConnectionTrait,
    batches: &[audit_batch::Model],
    limit: u64,
) -> Result<Vec<audit_event::Model>, DbErr> {
    audit_event::Entity::find()
        .filter(audit_event::Column::BatchId.is_in(batches.iter().map(|batch| batch.id)))
        .order_by_asc(audit_event::COLUMN.batch_id)
        .order_by_asc(audit_event::COLUMN.id)
        .limit(limit)
        .all(db)
        .await
}

/// How many events say that they were sealed.
pub async fn count_sealed(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let count = "SELECT COUNT(*) AS events FROM audit_event WHERE batch_id IS NOT NULL";
    let row = db.query_one_raw(statement(db.get_database_backend(), count, [])).await?;
    row.map_or(Ok(0), |row| row.try_get("", "events"))
}

/// The first batch that events name and that does not exist.
pub async fn first_unknown(db: &impl ConnectionTrait) -> Result<Option<Uuid>, DbErr> {
    let first = "SELECT batch_id FROM audit_event WHERE batch_id IS NOT NULL AND NOT EXISTS (\
                     SELECT 1 FROM audit_batch WHERE audit_batch.id = audit_event.batch_id) ORDER BY batch_id LIMIT 1";
    let row = db.query_one_raw(statement(db.get_database_backend(), first, [])).await?;
    row.map(|row| row.try_get("", "batch_id")).transpose()
}

/// The oldest batches that were sealed before an instant and whose events are there.
pub async fn past(
    db: &impl ConnectionTrait,
    kept_from: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<audit_batch::Model>, DbErr> {
    audit_batch::Entity::find()
        .filter(audit_batch::COLUMN.removed_at.is_null())
        .filter(audit_batch::COLUMN.sealed_at.lt(kept_from))
        .order_by_asc(audit_batch::COLUMN.sealed_at)
        .limit(limit)
        .all(db)
        .await
}

/// Removes the events of batches, which stay.
pub async fn remove_events(
    txn: &impl ConnectionTrait,
    batches: &[audit_batch::Model],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let ids = || batches.iter().map(|batch| batch.id);
    audit_event::Entity::delete_many().filter(audit_event::Column::BatchId.is_in(ids())).exec(txn).await?;
    audit_batch::Entity::update_many()
        .set(audit_batch::ActiveModel { removed_at: Set(Some(now)), ..Default::default() })
        .filter(audit_batch::Column::Id.is_in(ids()))
        .exec(txn)
        .await
        .map(|_| ())
}
