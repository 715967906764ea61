//! Rows of records: always written with their versions and the change number of the handbook, and read as far as a caller
//! may see them.

mod content;
mod list;
mod new;

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::{Catalogue, Lifted, lift};
use domain::consent::Sharing;
use domain::id::{ChildId, HandbookId, PregnancyId, RecordId};
use domain::record::{RecordState, Subject, SubjectKind};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select,
};
use serde_json::{Map, Value as Json};

use super::Me;
use crate::db::InOrder;
use crate::db::entities::{JsonText, record, record_version};
use crate::error::ApiError;
use crate::keys::Keys;
use crate::notices::store::next_change;
use crate::problem::Code;

pub use content::{Content, gravest_first};
pub use list::{ERASED, Filter, Row, not_shared, one, own_checkups, timeline, timeline_query, versions};
pub use new::{Attached, NewRecord};

/// Most earlier records that facts are computed from: twice a day for 28 weeks.
const HISTORY: u64 = 400;

/// Keeps a new record; `false` when its id is taken.
pub async fn insert(txn: &impl ConnectionTrait, row: record::Model) -> Result<bool, DbErr> {
    let on_conflict = OnConflict::column(record::Column::Id).do_nothing().to_owned();
    let inserting = record::Entity::insert(row.into_active_model()).on_conflict(on_conflict);
    match inserting.exec_without_returning(txn).await {
        Ok(rows) => Ok(rows == 1),
        Err(DbErr::RecordNotInserted) => Ok(false),
        Err(err) => Err(err),
    }
}

/// Who replaced a version of a record, and why.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// Who.
    pub by: Me,
    /// Why, sealed.
    pub reason: Option<Vec<u8>>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Writes the new state of a record over the one that was read, and keeps that as a version. Nothing is written when
/// somebody else was faster. The caller holds the handbook since before it read the record: a record stays in the handbook
/// in which it is, and follows to a successor only as a whole handbook does.
pub async fn replace(
    txn: &impl ConnectionTrait,
    old: &record::Model,
    new: record::Model,
    replaced: Replaced,
) -> Result<i32, ApiError> {
    let (version, change) = (old.version + 1, next_change(txn, old.handbook_id).await?);
    let is_hidden_now = new.is_private && !old.is_private;
    let mut changed = new.into_active_model().reset_all();
    changed.version = Set(version);
    changed.changed_at = Set(replaced.at);
    changed.change_seq = Set(change);
    if is_hidden_now {
        changed.hidden_seq = Set(Some(change));
    }
    (changed.id, changed.handbook_id) = (NotSet, NotSet);
    let updated = record::Entity::update_many()
        .set(changed)
        .filter(record::COLUMN.id.eq(old.id))
        .filter(record::COLUMN.version.eq(old.version))
        .exec(txn)
        .await?;
    if updated.rows_affected != 1 {
        return Err(stale(txn, old).await?);
    }
    record_version::Entity::insert(version_of(old, replaced)).exec_without_returning(txn).await?;
    Ok(version)
}

async fn stale(txn: &impl ConnectionTrait, old: &record::Model) -> Result<ApiError, DbErr> {
    let current = record::Entity::find_by_id(old.id).one(txn).await?;
    Ok(match current {
        Some(current) => ApiError::with(Code::Stale, "version", current.version),
        None => ApiError::told(Code::NotFound),
    })
}

fn version_of(old: &record::Model, replaced: Replaced) -> record_version::ActiveModel {
    let (user, staff) = match replaced.by {
        Me::Family(user) => (Some(user), None),
        Me::Staff(staff) => (None, Some(staff)),
    };
    record_version::ActiveModel {
        record_id: Set(old.id),
        version: Set(old.version),
        state: Set(old.state),
        is_private: Set(old.is_private),
        occurred_on: Set(old.occurred_on),
        payload: Set(old.payload.clone()),
        sealed: Set(old.sealed.clone()),
        warnings: Set(old.warnings.clone()),
        user_id: Set(user),
        staff_id: Set(staff),
        reason: Set(replaced.reason),
        replaced_at: Set(replaced.at),
    }
}

/// A record of a handbook, whatever its state.
pub async fn row(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    id: RecordId,
) -> Result<Option<record::Model>, DbErr> {
    of_handbook(handbook).filter(record::COLUMN.id.eq(id)).one(db).await
}

fn of_handbook(handbook: HandbookId) -> Select<record::Entity> {
    record::Entity::find().filter(record::COLUMN.handbook_id.eq(handbook))
}

/// How many of these ids are live records of the handbook.
pub async fn count_live(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    ids: &[RecordId],
) -> Result<u64, DbErr> {
    of_handbook(handbook)
        .filter(record::COLUMN.id.is_in(ids.to_vec()))
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .count(db)
        .await
}

/// Which earlier records facts are computed from.
#[derive(Debug)]
pub struct Earlier<'a> {
    /// The handbook.
    pub handbook: HandbookId,
    /// Whom they are about.
    pub subject: Subject,
    /// Of these kinds.
    pub kinds: &'a [&'a str],
    /// On one of these days.
    pub on: &'a [RangeInclusive<NaiveDate>],
    /// Entries that a family hides are left out of what a clinician is told.
    pub with_private: bool,
    /// What the family lets clinicians see of its own entries; asked where private ones are left out.
    pub sharing: Sharing,
    /// Not this one: it is being changed.
    pub except: Option<RecordId>,
}

/// An earlier record: what is computed with, and nothing else.
#[derive(Debug)]
pub struct EarlierRow {
    id: RecordId,
    kind: String,
    edition: String,
    occurred_on: NaiveDate,
    occurred_at: Option<DateTime<Utc>>,
    recorded_at: DateTime<Utc>,
    payload: JsonText,
    sealed: Option<Vec<u8>>,
}

/// The columns in the order in which [`earlier`] reads them.
impl FromQueryResult for EarlierRow {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let mut columns = InOrder::of(row);
        Ok(Self {
            id: columns.take()?,
            kind: columns.take()?,
            edition: columns.take()?,
            occurred_on: columns.take()?,
            occurred_at: columns.take_optional()?,
            recorded_at: columns.take()?,
            payload: columns.take()?,
            sealed: columns.take_optional()?,
        })
    }
}

/// Earlier records, the newest first.
pub async fn earlier(db: &impl ConnectionTrait, of: Earlier<'_>) -> Result<Vec<EarlierRow>, DbErr> {
    if of.kinds.is_empty() || of.on.is_empty() {
        return Ok(Vec::new());
    }
    use record::Column as C;
    let read =
        [C::Id, C::Kind, C::Edition, C::OccurredOn, C::OccurredAt, C::RecordedAt, C::Payload, C::Sealed];
    let rows = newest_first(of.rows()).limit(HISTORY).select_only().columns(read);
    rows.into_model().all(db).await
}

/// The plain payload of the newest of earlier records in which one of these fields is filled in.
pub async fn latest_with(
    db: &impl ConnectionTrait,
    of: Earlier<'_>,
    fields: &[&'static str],
) -> Result<Option<Map<String, Json>>, DbErr> {
    let value_of = |field: &&'static str| Expr::cust(format!("\"record\".\"payload\" ->> '{field}'"));
    let any = fields.iter().map(|field| value_of(field).is_not_null()).fold(Condition::any(), Condition::add);
    let found = newest_first(of.rows()).filter(any).one(db).await?;
    Ok(found.and_then(|row| row.payload.as_object().cloned()))
}

impl Earlier<'_> {
    fn rows(&self) -> Select<record::Entity> {
        let of = self;
        let mut found = of_handbook(of.handbook)
            .filter(record::COLUMN.state.eq(RecordState::Live))
            .filter(record::COLUMN.subject.eq(of.subject.kind()))
            .filter(record::COLUMN.kind.is_in(of.kinds.iter().copied()));
        if let Some(child) = of.subject.child() {
            found = found.filter(record::COLUMN.child_id.eq(child));
        }
        let days =
            |days: &RangeInclusive<NaiveDate>| record::COLUMN.occurred_on.between(*days.start(), *days.end());
        found = found.filter(of.on.iter().map(days).fold(Condition::any(), Condition::add));
        if !of.with_private {
            found = found.filter(record::COLUMN.is_private.eq(false));
            if let Some(hidden) = not_shared(of.sharing) {
                found = found.filter(hidden.not());
            }
        }
        if let Some(except) = of.except {
            found = found.filter(record::COLUMN.id.ne(except));
        }
        found
    }
}

fn newest_first(found: Select<record::Entity>) -> Select<record::Entity> {
    found.order_by_desc(record::COLUMN.occurred_on).order_by_desc(record::COLUMN.id)
}

/// What rules compute with, of rows; a row that is not understood or does not open lifts to nothing.
pub fn lifted(catalogue: &Catalogue, keys: &Keys, rows: &[EarlierRow]) -> Vec<Lifted> {
    let one = |row: &EarlierRow| {
        let kind = catalogue.kind_in_edition(&row.kind, &row.edition)?;
        let payload = content::payload(keys, row.id, row.payload.read().ok()?, row.sealed.as_deref()).ok()?;
        let payload = payload.merged();
        let at = row.occurred_at.unwrap_or_else(|| kind.moment(&payload, row.occurred_on, row.recorded_at));
        Some(lift(&payload, kind, at))
    };
    rows.iter().filter_map(one).collect()
}

/// The live record of a kind about the woman that is the latest of a pregnancy.
pub async fn latest_of_pregnancy(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    pregnancy: PregnancyId,
    kind: &str,
) -> Result<Option<record::Model>, DbErr> {
    let found = of_handbook(handbook)
        .filter(record::COLUMN.pregnancy_id.eq(pregnancy))
        .filter(record::COLUMN.kind.eq(kind))
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .order_by_desc(record::COLUMN.occurred_on)
        .order_by_desc(record::COLUMN.occurred_at)
        .order_by_desc(record::COLUMN.id);
    found.one(db).await
}

/// Whether a record about one of these children of a handbook stands: neither voided nor withdrawn.
pub async fn stand_about(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    children: impl IntoIterator<Item = ChildId>,
) -> Result<bool, DbErr> {
    let stand = of_handbook(handbook)
        .filter(record::COLUMN.child_id.is_in(children.into_iter().map(Some)))
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .limit(1);
    Ok(stand.count(db).await? > 0)
}

/// The subject of a row.
pub fn subject_of(kind: SubjectKind, child: Option<ChildId>) -> Subject {
    match (kind, child) {
        (SubjectKind::Child, Some(child)) => Subject::Child(child),
        (SubjectKind::Household, _) => Subject::Household,
        _ => Subject::Woman,
    }
}
