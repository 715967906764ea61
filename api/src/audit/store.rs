//! Rows of the audit log: taking over, sealing, asking.

use chrono::{DateTime, Utc};
use domain::audit::Event as Told;
use domain::id::{BatchId, HandbookId, ReplicaId, StaffId};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic,
    Iterable, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::{NoContext, Timestamp, Uuid};

use super::event::Event;
use crate::db::entities::{audit_batch, audit_event};
use crate::db::statement;
use crate::keys::sha256;

/// Refusals of one caller that share action, handbook and minute are one event: its id is made of them, so that the
/// second finds its place taken. A handbook that does not exist costs the same statement and leaves nothing.
pub async fn write_refusal(
    db: &impl ConnectionTrait,
    refused: Event,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let id = one_per_minute(&refused, now);
    let handbook = refused.handbook();
    let row = refused.into_row(domain::id::EventId(id), now);
    let if_it_exists = if handbook.is_some() {
        "WHERE EXISTS (SELECT 1 FROM handbook WHERE id = ?)"
    } else {
        "WHERE ? IS NULL"
    };
    // PostgreSQL must be told the types of values that it only selects.
    let uuid = if db.get_database_backend() == DbBackend::Postgres { "CAST(? AS uuid)" } else { "?" };
    let time = if db.get_database_backend() == DbBackend::Postgres { "CAST(? AS timestamptz)" } else { "?" };
    let if_it_exists = if_it_exists.replace('?', uuid);
    let sql = format!(
        "INSERT INTO audit_event (id, at, staff_id, user_id, institution_id, handbook_id, kind, action, operation, \
         object_id, request_id) SELECT {uuid}, {time}, {uuid}, {uuid}, {uuid}, {uuid}, CAST(? AS text), CAST(? AS text), \
         CAST(? AS text), {uuid}, {uuid} {if_it_exists} ON CONFLICT (id) DO NOTHING"
    );
    let values = [
        row.id.into(),
        row.at.into(),
        row.staff_id.into(),
        row.user_id.into(),
        row.institution_id.into(),
        row.handbook_id.into(),
        row.kind.into(),
        row.action.into(),
        row.operation.into(),
        row.object_id.into(),
        row.request_id.into(),
        handbook.into(),
    ];
    db.execute_raw(statement(db.get_database_backend(), &sql, values)).await.map(|_| ())
}

/// An id that is the same for the same refusal within a minute, and stands among ids made at the minute's start.
fn one_per_minute(refused: &Event, now: DateTime<Utc>) -> Uuid {
    let minute = now.timestamp().max(0).unsigned_abs() / 60 * 60;
    let mut id = Uuid::new_v7(Timestamp::from_unix(NoContext, minute, 0)).into_bytes();
    // The version and the variant stay; everything after the time is made of what was refused.
    let hash = sha256(&refused.sameness());
    for (at, (byte, of_hash)) in id.iter_mut().zip(hash).enumerate().skip(6) {
        let kept = match at {
            6 => 0xf0,
            8 => 0xc0,
            _ => 0,
        };
        *byte = (*byte & kept) | (of_hash & !kept);
    }
    Uuid::from_bytes(id)
}

/// Takes over what processes of the version before wrote since a moment into the log of reads that they knew.
pub async fn take_over(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<(), DbErr> {
    // With both ends given, SQLite looks along the index.
    let (first, last) = (first_id_of(since), Uuid::max());
    let take = statement(
        db.get_database_backend(),
        "INSERT INTO audit_event (id, at, staff_id, institution_id, handbook_id, kind, action, tie, visit_id, request_id) \
         SELECT id, at, staff_id, institution_id, handbook_id, 'read', action, tie, visit_id, request_id \
         FROM access_log WHERE id >= ? AND id <= ? ON CONFLICT (id) DO NOTHING",
        [first.into(), last.into()],
    );
    db.execute_raw(take).await.map(|_| ())
}

/// The least id that can be made at a moment or after it.
fn first_id_of(at: DateTime<Utc>) -> Uuid {
    let milliseconds = at.timestamp_millis().max(0).unsigned_abs();
    let mut id = [0; 16];
    id.iter_mut()
        .zip(milliseconds.to_be_bytes().into_iter().skip(2))
        .for_each(|(byte, of_time)| *byte = of_time);
    Uuid::from_bytes(id)
}

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

/// An event as it is hashed.
pub fn told(event: &audit_event::Model) -> Told<'_> {
    Told {
        id: event.id,
        at: event.at,
        staff: event.staff_id,
        user: event.user_id,
        command: event.command.as_deref(),
        institution: event.institution_id,
        handbook: event.handbook_id,
        kind: &event.kind,
        action: &event.action,
        operation: event.operation.as_deref(),
        tie: event.tie.as_deref(),
        visit: event.visit_id,
        record: event.record_id,
        object: event.object_id,
        request: event.request_id,
    }
}

/// What is asked of the log.
#[derive(Debug, Clone)]
pub enum About {
    /// Events at these handbooks.
    Handbooks(Vec<HandbookId>),
    /// Events of this staff member.
    Staff(StaffId),
}

/// Events of a span after one that was seen, the oldest first.
pub async fn page(
    db: &impl ConnectionTrait,
    about: &About,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    after: Option<domain::id::EventId>,
    limit: u64,
) -> Result<Vec<audit_event::Model>, DbErr> {
    let whose = match about {
        About::Handbooks(handbooks) => Condition::all()
            .add(audit_event::Column::HandbookId.is_in(handbooks.iter().copied()))
            .add(audit_event::Column::Kind.is_in(domain::audit::Kind::ALL.iter().map(|kind| kind.code()))),
        About::Staff(staff) => Condition::all().add(audit_event::COLUMN.staff_id.eq(*staff)),
    };
    // All events of the handbooks or the account are looked through, once: by their index they are few, and a clock that
    // was set back does not hide any.
    audit_event::Entity::find()
        .filter(whose)
        .filter(audit_event::Column::Id.gt(after.map_or(Uuid::nil(), |after| after.0)))
        .filter(audit_event::COLUMN.at.gte(from))
        .filter(audit_event::COLUMN.at.lt(to))
        .order_by_asc(audit_event::COLUMN.id)
        .limit(limit)
        .all(db)
        .await
}

/// How many events wait to be sealed.
pub async fn waiting(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    audit_event::Entity::find().filter(audit_event::COLUMN.batch_id.is_null()).count(db).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use domain::access::Action;
    use domain::audit::Kind;
    use domain::id::UserId;

    use super::*;
    use crate::audit::Act;

    #[test]
    fn a_refusal_has_the_same_id_within_its_minute() {
        let (user, handbook) = (UserId(Uuid::now_v7()), HandbookId(Uuid::now_v7()));
        let refused = |action: Action, handbook| {
            Event::by_user(user, Act::default(), Kind::Refused, action.code()).at(handbook)
        };
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (early, late) = (at("2026-11-22T04:00:01Z"), at("2026-11-22T04:00:59Z"));
        let first = one_per_minute(&refused(Action::ReadRecords, handbook), early);
        assert_eq!(first, one_per_minute(&refused(Action::ReadRecords, handbook), late));
        assert_eq!((first.get_version_num(), first.get_variant()), (7, uuid::Variant::RFC4122));
        assert!(first_id_of(at("2026-11-22T04:00:00Z")) < first);
        assert!(first < first_id_of(at("2026-11-22T04:00:01Z")));
        let others = [
            one_per_minute(&refused(Action::ReadRecords, handbook), at("2026-11-22T04:01:00Z")),
            one_per_minute(&refused(Action::ReadCover, handbook), early),
            one_per_minute(&refused(Action::ReadRecords, HandbookId(Uuid::now_v7())), early),
        ];
        assert!(others.iter().all(|other| *other != first));
    }
}
