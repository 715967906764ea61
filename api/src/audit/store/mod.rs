//! Rows of the audit log: events on their way in, those of a version before, and what is asked of them. Batches and their
//! chains are in [`chain`], daily heads in [`head`].

pub mod chain;
pub mod head;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::audit::Event as Told;
use domain::id::{EventId, HandbookId, PersonId, StaffId};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::{NoContext, Timestamp, Uuid};

use super::event::Event;
use crate::db::entities::{audit_event, handbook};
use crate::db::{rows_in, statement};
use crate::keys::sha256;

/// Writes events in one statement; where there are none nothing is asked.
pub async fn write(
    db: &impl ConnectionTrait,
    events: impl IntoIterator<Item = Event>,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = |event: Event| event.into_row(EventId(Uuid::now_v7()), at).into_active_model();
    let mut rows = events.into_iter().map(row).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    audit_event::Entity::insert_many(rows).exec_without_returning(db).await.map(|_| ())
}

/// Refusals of one caller that share action, handbook and minute are one event: its id is made of them, so that the
/// second finds its place taken. A handbook that does not exist costs the same statement and leaves nothing.
pub async fn write_refusal(
    db: &impl ConnectionTrait,
    refused: Event,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let id = one_per_minute(&refused, now);
    let handbook = refused.handbook();
    let row = refused.into_row(EventId(id), now);
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

/// The handbooks of a woman.
pub async fn of_woman(db: &impl ConnectionTrait, woman: PersonId) -> Result<Vec<handbook::Model>, DbErr> {
    handbook::Entity::find().filter(handbook::COLUMN.woman_id.eq(woman)).all(db).await
}

/// Handbooks with all that were replaced before them or came after.
pub async fn of_one_issue(
    db: &impl ConnectionTrait,
    found: impl IntoIterator<Item = handbook::Model>,
) -> Result<Vec<HandbookId>, DbErr> {
    let issues: BTreeSet<_> = found.into_iter().map(|handbook| handbook.counts_as).collect();
    let rows = rows_in(db, handbook::Entity::find(), handbook::Column::CountsAs, issues).await?;
    Ok(rows.into_iter().map(|handbook| handbook.id).collect())
}

/// Every kind of event at handbooks, by its stored word: those of a newer replica too, which this program does not know.
pub async fn kinds_at(
    db: &impl ConnectionTrait,
    handbooks: &[HandbookId],
) -> Result<BTreeSet<String>, DbErr> {
    let kinds = audit_event::Entity::find().select_only().column(audit_event::Column::Kind).distinct();
    let at = audit_event::Column::HandbookId.is_in(handbooks.iter().copied());
    Ok(kinds.filter(at).into_tuple::<String>().all(db).await?.into_iter().collect())
}

/// What is asked of the log. The kinds are named because the index of handbooks stands by them.
#[derive(Debug, Clone)]
pub enum About {
    /// Events of these kinds at these handbooks.
    Handbooks(Vec<HandbookId>, BTreeSet<String>),
    /// Events of this staff member.
    Staff(StaffId),
}

/// Events of a span after one that was seen, the oldest first.
pub async fn page(
    db: &impl ConnectionTrait,
    about: &About,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    after: Option<EventId>,
    limit: u64,
) -> Result<Vec<audit_event::Model>, DbErr> {
    let whose = match about {
        About::Handbooks(handbooks, kinds) => Condition::all()
            .add(audit_event::Column::HandbookId.is_in(handbooks.iter().copied()))
            .add(audit_event::Column::Kind.is_in(kinds)),
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
