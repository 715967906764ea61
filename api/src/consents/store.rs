//! Rows of consents. An event is added with every answer, and in the same transaction what stands now: on the handbook for
//! what is asked of the family, on the membership for the basic service. Everybody here holds the handbook.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::consent::{Channel, Purpose, Sharing};
use domain::id::{ConsentId, HandbookId, MemberId, RecordId, UserId};
use domain::record::{RecordState, Source, SubjectKind};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Value,
};
use uuid::Uuid;

use super::text_hash;
use crate::db::entities::{consent_event, handbook, member, record, wechat_user};
use crate::db::statement;
use crate::error::ApiError;
use crate::problem::{Code, Word};

/// An answer to a question of consent.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The handbook.
    pub handbook: HandbookId,
    /// Who answers.
    pub user: UserId,
    /// To what.
    pub purpose: Purpose,
    /// Yes or no.
    pub given: bool,
    /// For a child, too.
    pub as_guardian: bool,
}

/// Adds an answer to those that there are.
pub async fn keep(txn: &impl ConnectionTrait, answer: Answer, now: DateTime<Utc>) -> Result<(), ApiError> {
    let row = consent_event::ActiveModel {
        id: Set(ConsentId(Uuid::now_v7())),
        handbook_id: Set(answer.handbook),
        purpose: Set(answer.purpose),
        given: Set(answer.given),
        text_version: Set(answer.purpose.version().to_owned()),
        text_hash: Set(text_hash(answer.purpose)?),
        user_id: Set(answer.user),
        as_guardian: Set(answer.as_guardian),
        channel: Set(Channel::Wechat),
        at: Set(now),
    };
    consent_event::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// What clinicians see of the family's entries in a handbook.
pub fn sharing(handbook: &handbook::Model) -> Sharing {
    Sharing::of(handbook.shares_entries.as_deref(), handbook.child_agreed.as_deref())
}

/// Writes down what stands from now on for a purpose that is asked of the whole family.
pub async fn set_of_handbook(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    purpose: Purpose,
    given: bool,
) -> Result<(), DbErr> {
    let version = given.then(|| purpose.version().to_owned());
    let change = match purpose {
        Purpose::ShareEntries => handbook::ActiveModel { shares_entries: Set(version), ..Default::default() },
        Purpose::Child => handbook::ActiveModel { child_agreed: Set(version), ..Default::default() },
        Purpose::Basic | Purpose::Reminders => return Ok(()),
    };
    let change = handbook::Entity::update_many().set(change).filter(handbook::COLUMN.id.eq(handbook));
    change.exec(txn).await.map(|_| ())
}

/// A member has agreed to the privacy text in force.
pub async fn set_of_member(txn: &impl ConnectionTrait, id: MemberId) -> Result<(), DbErr> {
    let agreed =
        member::ActiveModel { agreed_to: Set(Purpose::Basic.version().to_owned()), ..Default::default() };
    let change = member::Entity::update_many().set(agreed).filter(member::COLUMN.id.eq(id));
    change.exec(txn).await.map(|_| ())
}

/// Which of the family's entries change their being seen.
#[derive(Debug, Clone, Copy)]
pub struct Affected {
    /// The handbook.
    pub handbook: HandbookId,
    /// Entries about the woman and the household.
    pub of_adults: bool,
    /// Entries about children.
    pub of_children: bool,
}

impl Affected {
    /// The entries that are seen before and not after, or the other way round.
    pub fn between(handbook: HandbookId, before: Sharing, after: Sharing) -> Self {
        Self {
            handbook,
            of_adults: before.shows(false) != after.shows(false),
            of_children: before.shows(true) != after.shows(true),
        }
    }

    /// Nothing changes.
    pub fn is_none(self) -> bool {
        !self.of_adults && !self.of_children
    }
}

/// Tells those who follow the handbook that entries have gone: each gets a change number of its own at which it was hidden,
/// as if the family had made it private.
pub async fn hide_entries(txn: &impl ConnectionTrait, of: Affected) -> Result<(), DbErr> {
    number_anew(txn, of, "hidden_seq").await
}

/// Tells those who follow the handbook that entries are there: each has changed.
pub async fn show_entries(txn: &impl ConnectionTrait, of: Affected) -> Result<(), DbErr> {
    number_anew(txn, of, "change_seq").await
}

/// Gives entries change numbers of their own, one after another, because a page of changes ends between two numbers.
async fn number_anew(txn: &impl ConnectionTrait, of: Affected, column: &'static str) -> Result<(), DbErr> {
    let about = match (of.of_adults, of.of_children) {
        (true, true) => "",
        (true, false) => "AND subject <> 'child'",
        (false, _) => "AND subject = 'child'",
    };
    let backend = txn.get_database_backend();
    let number = format!(
        "UPDATE record SET {column} = numbered.seq FROM (\
             SELECT record.id AS id, handbook.change_seq + ROW_NUMBER() OVER (ORDER BY record.occurred_on, record.id) AS seq \
             FROM record JOIN handbook ON handbook.id = record.handbook_id \
             WHERE record.handbook_id = ? AND record.source = 'family' AND record.is_private = false \
                 AND record.state = 'live' {about}) AS numbered \
         WHERE record.id = numbered.id AND record.handbook_id = ?"
    );
    let values: [Value; 2] = [of.handbook.into(), of.handbook.into()];
    let numbered = txn.execute_raw(statement(backend, &number, values)).await?.rows_affected();
    let raise = "UPDATE handbook SET change_seq = change_seq + ? WHERE id = ?";
    let numbered = i64::try_from(numbered).unwrap_or(i64::MAX);
    txn.execute_raw(statement(backend, raise, [numbered.into(), of.handbook.into()])).await?;
    Ok(())
}

/// Entries of the family that were written or changed since an instant, are seen again and may hold a warning: a page of
/// them, by id, after one.
pub async fn telling_entries_since(
    txn: &impl ConnectionTrait,
    of: Affected,
    since: DateTime<Utc>,
    after: Option<RecordId>,
    limit: u64,
) -> Result<Vec<record::Model>, DbErr> {
    let has_warnings = Expr::cust("CAST(\"record\".\"warnings\" AS TEXT) <> '[]'");
    let mut entries = record::Entity::find()
        .filter(record::COLUMN.handbook_id.eq(of.handbook))
        .filter(record::COLUMN.source.eq(Source::Family))
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .filter(record::COLUMN.is_private.eq(false))
        .filter(record::COLUMN.changed_at.gte(since))
        .filter(has_warnings.or(record::COLUMN.sealed.is_not_null()));
    if let Some(after) = after {
        entries = entries.filter(record::COLUMN.id.gt(after));
    }
    let entries = match (of.of_adults, of.of_children) {
        (true, true) => entries,
        (true, false) => entries.filter(record::COLUMN.subject.ne(SubjectKind::Child)),
        (false, _) => entries.filter(record::COLUMN.subject.eq(SubjectKind::Child)),
    };
    entries.order_by_asc(record::COLUMN.id).limit(limit).all(txn).await
}

/// The latest answers that stand in a handbook, as one of its members is told: those of the family, and their own.
pub async fn latest(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
) -> Result<BTreeMap<Purpose, consent_event::Model>, DbErr> {
    let mut latest = BTreeMap::new();
    for &purpose in Purpose::ALL {
        let mut found = consent_event::Entity::find()
            .filter(consent_event::COLUMN.handbook_id.eq(handbook))
            .filter(consent_event::COLUMN.purpose.eq(purpose));
        if !purpose.is_of_handbook() {
            found = found.filter(consent_event::COLUMN.user_id.eq(user));
        }
        let found = found.order_by_desc(consent_event::COLUMN.id).one(db).await?;
        latest.extend(found.map(|event| (purpose, event)));
    }
    Ok(latest)
}

/// The answers since an instant by which something was withdrawn, or declined, and after which it was not given; each with
/// the issue that its handbook counts as. It reads the whole table.
pub async fn withdrawn_since(
    db: &impl ConnectionTrait,
    since: DateTime<Utc>,
) -> Result<Vec<(consent_event::Model, HandbookId)>, DbErr> {
    let of_family = of_family().map(|purpose| format!("'{purpose}'")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT event.*, handbook.counts_as FROM consent_event AS event \
         JOIN handbook ON handbook.id = event.handbook_id \
         WHERE event.given = false AND event.at >= ? AND NOT EXISTS (\
             SELECT 1 FROM consent_event AS later WHERE later.handbook_id = event.handbook_id \
             AND later.purpose = event.purpose AND later.id > event.id AND later.given = true \
             AND (later.user_id = event.user_id OR later.purpose IN ({of_family}))) ORDER BY event.id"
    );
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, [since.into()])).await?;
    let told = rows
        .iter()
        .map(|row| Ok((consent_event::Model::from_query_result(row, "")?, row.try_get("", "counts_as")?)));
    told.collect()
}

/// The handbooks of one issue, in the order in which they were given.
pub async fn of_issue(db: &impl ConnectionTrait, issue: HandbookId) -> Result<Vec<handbook::Model>, DbErr> {
    let handbooks = handbook::Entity::find().filter(handbook::COLUMN.counts_as.eq(issue));
    handbooks.order_by_asc(handbook::COLUMN.id).all(db).await
}

/// Adds an answer as it was, unless it is there, or nobody knows who gave it.
pub async fn keep_again(txn: &impl ConnectionTrait, row: consent_event::Model) -> Result<(), DbErr> {
    if wechat_user::Entity::find_by_id(row.user_id).one(txn).await?.is_none() {
        return Ok(());
    }
    let known = OnConflict::column(consent_event::Column::Id).do_nothing().to_owned();
    let insert = consent_event::Entity::insert(row.into_active_model()).on_conflict(known).try_insert();
    insert.exec_without_returning(txn).await.map(|_| ())
}

fn of_family() -> impl Iterator<Item = Purpose> {
    Purpose::ALL.iter().copied().filter(|purpose| purpose.is_of_handbook())
}

/// May this user be sent reminders about this handbook? Whoever sends one asks here, in the transaction that enqueues it.
pub async fn may_remind(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
) -> Result<bool, DbErr> {
    if crate::members::store::of_user_in(db, handbook, user).await?.is_none() {
        return Ok(false);
    }
    let latest = latest(db, handbook, user).await?;
    let answer = latest.get(&Purpose::Reminders).filter(|answer| answer.given);
    Ok(Purpose::Reminders.is_in_force(answer.map(|answer| answer.text_version.as_str())))
}

/// Answers in a handbook that a member may read, the newest first: those for the family, and their own.
pub async fn page(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
    before: Option<ConsentId>,
    limit: u64,
) -> Result<Vec<consent_event::Model>, DbErr> {
    let own = consent_event::COLUMN.user_id.eq(user);
    let mut events = consent_event::Entity::find()
        .filter(consent_event::COLUMN.handbook_id.eq(handbook))
        .filter(own.or(consent_event::Column::Purpose.is_in(of_family())));
    if let Some(before) = before {
        events = events.filter(consent_event::COLUMN.id.lt(before));
    }
    events.order_by_desc(consent_event::COLUMN.id).limit(limit).all(db).await
}

/// Refuses a family's entry about a child for whom no guardian agrees to the text in force.
pub fn must_be_agreed_for_child(handbook: &handbook::Model, about_child: bool) -> Result<(), ApiError> {
    if !about_child || Purpose::Child.is_in_force(handbook.child_agreed.as_deref()) {
        Ok(())
    } else {
        Err(required(Purpose::Child))
    }
}

/// The refusal of who must agree first.
pub fn required(purpose: Purpose) -> ApiError {
    let words = vec![
        ("version", Word::Same(purpose.version().to_owned())),
        ("purpose", Word::Each { zh: purpose.zh().to_owned(), en: purpose.en().to_owned() }),
    ];
    ApiError::Told(Code::ConsentRequired, words)
}
