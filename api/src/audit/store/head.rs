//! Rows of the daily heads, and the ends of chains that go into them.

use chrono::{DateTime, NaiveDate, Utc};
use domain::audit::ChainEnd;
use domain::id::ReplicaId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, TryInsertResult,
};

use crate::db::entities::{audit_batch, audit_head};
use crate::db::statement;

/// The head of a day.
pub async fn of_day(db: &impl ConnectionTrait, day: NaiveDate) -> Result<Option<audit_head::Model>, DbErr> {
    audit_head::Entity::find_by_id(day).one(db).await
}

/// The latest head.
pub async fn latest(db: &impl ConnectionTrait) -> Result<Option<audit_head::Model>, DbErr> {
    audit_head::Entity::find().order_by_desc(audit_head::COLUMN.day).one(db).await
}

/// The next heads after a day, the oldest first.
pub async fn after(
    db: &impl ConnectionTrait,
    day: Option<NaiveDate>,
    limit: u64,
) -> Result<Vec<audit_head::Model>, DbErr> {
    let mut page = audit_head::Entity::find().order_by_asc(audit_head::COLUMN.day).limit(limit);
    if let Some(day) = day {
        page = page.filter(audit_head::COLUMN.day.gt(day));
    }
    page.all(db).await
}

/// Keeps a head, unless there is one of its day.
pub async fn keep(txn: &impl ConnectionTrait, head: audit_head::Model) -> Result<(), DbErr> {
    let conflict = OnConflict::column(audit_head::Column::Day).do_nothing().to_owned();
    let insert = audit_head::Entity::insert(head.into_active_model()).on_conflict(conflict).try_insert();
    match insert.exec_without_returning(txn).await? {
        TryInsertResult::Inserted(_) | TryInsertResult::Conflicted | TryInsertResult::Empty => Ok(()),
    }
}

/// Whether anything was sealed before an instant.
pub async fn any_sealed(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<bool, DbErr> {
    let sealed = audit_batch::Entity::find().filter(audit_batch::COLUMN.sealed_at.lt(before)).limit(1);
    Ok(sealed.one(db).await?.is_some())
}

/// The last batch within a span of every chain that grew in it.
pub async fn ends(
    txn: &impl ConnectionTrait,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<ChainEnd>, DbErr> {
    #[derive(FromQueryResult)]
    struct End {
        replica: ReplicaId,
        seq: i64,
        hash: Vec<u8>,
    }
    let grown = statement(
        txn.get_database_backend(),
        "SELECT batch.replica, batch.seq, batch.hash FROM audit_batch AS batch JOIN (\
             SELECT replica, MAX(seq) AS seq FROM audit_batch WHERE sealed_at >= ? AND sealed_at < ? GROUP BY replica\
         ) AS last ON last.replica = batch.replica AND last.seq = batch.seq ORDER BY batch.replica",
        [from.into(), to.into()],
    );
    let rows = txn.query_all_raw(grown).await?;
    let ends = rows.iter().map(|row| End::from_query_result(row, ""));
    ends.map(|end| end.map(|End { replica, seq, hash }| ChainEnd { replica, seq, hash })).collect()
}
