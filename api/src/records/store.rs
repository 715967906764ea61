//! Rows of records: always written with their versions and the change number of the handbook, and read as far as a caller
//! may see them.

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::{Catalogue, Checked, Kind, Lifted, Payload, Warning, lift};
use domain::id::{ChildId, HandbookId, PhotoId, PregnancyId, RecordId, StaffId, UserId, VisitId};
use domain::record::{RecordState, Source, Subject, SubjectKind};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    FromQueryResult, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{Me, View};
use crate::db::entities::{PhotoIds, handbook, institution, record, record_version};
use crate::error::ApiError;
use crate::keys::{Keys, Place};
use crate::notices::store::next_change;
use crate::problem::Code;

/// Most earlier records that facts are computed from.
const HISTORY: u64 = 200;

/// What of a record is encrypted: sensitive fields, free text, identity, and warnings that speak of a sensitive field.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sealed {
    #[serde(default)]
    fields: Map<String, Json>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// The content of a record: what was written, and what there was to tell about it.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The payload.
    pub payload: Payload,
    /// The warnings.
    pub warnings: Vec<Warning>,
}

impl Content {
    /// What was accepted.
    pub fn of(checked: &Checked) -> Self {
        Self { payload: checked.payload.clone(), warnings: checked.warnings.clone() }
    }

    /// Reads back what [`Content::put`] stored.
    pub fn open(
        keys: &Keys,
        id: RecordId,
        plain: &Json,
        warnings: &Json,
        sealed: Option<&[u8]>,
    ) -> anyhow::Result<Self> {
        let sealed: Sealed =
            sealed.map(|sealed| keys.open(sealed_place(id), sealed)).transpose()?.unwrap_or_default();
        let plain = plain.as_object().cloned().unwrap_or_default();
        let mut warnings: Vec<Warning> = serde_json::from_value(warnings.clone())?;
        warnings.extend(sealed.warnings);
        warnings.sort_by_key(|warning| std::cmp::Reverse(warning.level));
        Ok(Self { payload: Payload::stored(plain, sealed.fields), warnings })
    }

    /// Reads back the content of a row.
    pub fn of_row(keys: &Keys, row: &record::Model) -> anyhow::Result<Self> {
        Self::open(keys, row.id, &row.payload, &row.warnings, row.sealed.as_deref())
    }

    /// Fills in what the server learns later: who somebody is, so it is encrypted.
    pub fn fill_sealed(&mut self, key: &str, value: &str) {
        let mut sealed = self.payload.sealed().clone();
        sealed.insert(key.to_owned(), Json::from(value));
        self.payload = Payload::stored(self.payload.plain().clone(), sealed);
    }

    /// Puts the content into a row.
    pub fn put(&self, keys: &Keys, row: &mut record::Model) -> anyhow::Result<()> {
        let (sensitive, plain): (Vec<_>, Vec<_>) =
            self.warnings.iter().cloned().partition(|warning| warning.sensitive);
        let sealed = Sealed { fields: self.payload.sealed().clone(), warnings: sensitive };
        let is_empty = sealed.fields.is_empty() && sealed.warnings.is_empty();
        row.payload = Json::Object(self.payload.plain().clone());
        row.warnings = serde_json::to_value(plain)?;
        row.sealed = if is_empty { None } else { Some(keys.seal(sealed_place(row.id), &sealed)?) };
        Ok(())
    }
}

fn sealed_place(id: RecordId) -> Place {
    Place::new("record.sealed", id.0)
}

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

/// Raises the change number of a handbook that still takes records, and gives it. The row stays locked, so nobody closes
/// the handbook meanwhile.
pub async fn next_change_of_live(txn: &impl ConnectionTrait, id: HandbookId) -> Result<i64, ApiError> {
    let change = next_change(txn, id).await?;
    let row = handbook::Entity::find_by_id(id).one(txn).await?;
    match row {
        Some(row) if row.state.is_live() => Ok(change),
        _ => Err(ApiError::told(Code::HandbookClosed)),
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
/// somebody else was faster.
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
    changed.id = sea_orm::ActiveValue::NotSet;
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
    /// Not before this day.
    pub since: Option<NaiveDate>,
    /// Entries that a family hides are left out of what a clinician is told.
    pub with_private: bool,
    /// Not this one: it is being changed.
    pub except: Option<RecordId>,
}

/// Earlier records, the newest first.
pub async fn earlier(db: &impl ConnectionTrait, of: Earlier<'_>) -> Result<Vec<record::Model>, DbErr> {
    if of.kinds.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = of_handbook(of.handbook)
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .filter(record::COLUMN.subject.eq(of.subject.kind()))
        .filter(record::COLUMN.kind.is_in(of.kinds.iter().copied()));
    if let Some(child) = of.subject.child() {
        found = found.filter(record::COLUMN.child_id.eq(child));
    }
    if let Some(since) = of.since {
        found = found.filter(record::COLUMN.occurred_on.gte(since));
    }
    if !of.with_private {
        found = found.filter(record::COLUMN.is_private.eq(false));
    }
    if let Some(except) = of.except {
        found = found.filter(record::COLUMN.id.ne(except));
    }
    newest_first(found).limit(HISTORY).all(db).await
}

fn newest_first(found: Select<record::Entity>) -> Select<record::Entity> {
    found.order_by_desc(record::COLUMN.occurred_on).order_by_desc(record::COLUMN.id)
}

/// What rules compute with, of rows; a row that is not understood or does not open lifts to nothing.
pub fn lifted(
    catalogue: &Catalogue,
    keys: &Keys,
    rows: &[record::Model],
) -> Vec<(Lifted, Map<String, Json>)> {
    let one = |row: &record::Model| {
        let kind = catalogue.kind_in_edition(&row.kind, &row.edition)?;
        let payload = Content::of_row(keys, row).ok()?.payload.merged();
        let at = row.occurred_at.unwrap_or_else(|| kind.moment(&payload, row.occurred_on, row.recorded_at));
        Some((lift(&payload, kind, at), payload))
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

/// What a list of records is narrowed to.
#[derive(Debug, Default)]
pub struct Filter {
    /// About whom.
    pub subject: Option<SubjectKind>,
    /// About this child.
    pub child: Option<ChildId>,
    /// Written by which side.
    pub source: Option<Source>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Not before this day.
    pub from: Option<NaiveDate>,
    /// Not after this day.
    pub to: Option<NaiveDate>,
}

/// A record as lists read it: what is shown, and nothing else.
#[derive(Debug, FromQueryResult)]
#[expect(missing_docs, reason = "the columns are documented where they are created, in the migrations")]
pub struct Row {
    pub id: RecordId,
    pub subject: SubjectKind,
    pub child_id: Option<ChildId>,
    pub source: Source,
    pub kind: String,
    pub edition: String,
    pub occurred_on: NaiveDate,
    pub user_id: Option<UserId>,
    pub staff_id: Option<StaffId>,
    pub author_role: String,
    pub visit_id: Option<VisitId>,
    pub state: RecordState,
    pub is_private: bool,
    pub awaits_countersign: bool,
    pub payload: Json,
    pub sealed: Option<Vec<u8>>,
    pub warnings: Json,
    pub photos: PhotoIds,
    pub recorded_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub institution: Option<String>,
}

/// A page of the timeline: one query, newest first by day, from after a position on.
pub async fn timeline(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    view: &View,
    filter: &Filter,
    after: Option<(NaiveDate, RecordId)>,
    limit: u64,
) -> Result<Vec<Row>, DbErr> {
    let query = timeline_query(handbook, view, filter, after, limit);
    Row::find_by_statement(db.get_database_backend().build(&query)).all(db).await
}

/// The query of a page. `record_timeline` gives the rows in order, so that only what is shown is read.
pub fn timeline_query(
    handbook: HandbookId,
    view: &View,
    filter: &Filter,
    after: Option<(NaiveDate, RecordId)>,
    limit: u64,
) -> SelectStatement {
    let column = |column: record::Column| Expr::col((record::Entity, column));
    let mut query = select_rows(handbook, view);
    if let Some((day, id)) = after {
        let position = Expr::tuple([column(record::Column::OccurredOn), column(record::Column::Id)]);
        query.and_where(position.lt(Expr::tuple([Expr::value(day), Expr::value(id.0)])));
    }
    let mut narrow = |condition: Option<Expr>| {
        if let Some(condition) = condition {
            query.and_where(condition);
        }
    };
    narrow(filter.subject.map(|subject| column(record::Column::Subject).eq(subject.code())));
    narrow(filter.child.map(|child| column(record::Column::ChildId).eq(child.0)));
    narrow(filter.source.map(|source| column(record::Column::Source).eq(source.code())));
    narrow(filter.kind.as_ref().map(|kind| column(record::Column::Kind).eq(kind.as_str())));
    narrow(filter.from.map(|day| column(record::Column::OccurredOn).gte(day)));
    narrow(filter.to.map(|day| column(record::Column::OccurredOn).lte(day)));
    query
        .order_by((record::Entity, record::Column::OccurredOn), Order::Desc)
        .order_by((record::Entity, record::Column::Id), Order::Desc)
        .limit(limit)
        .to_owned()
}

/// One record as a caller sees it.
pub async fn one(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    view: &View,
    id: RecordId,
) -> Result<Option<Row>, DbErr> {
    let mut query = select_rows(handbook, view);
    query.and_where(Expr::col((record::Entity, record::Column::Id)).eq(id.0));
    Row::find_by_statement(db.get_database_backend().build(&query)).one(db).await
}

fn select_rows(handbook: HandbookId, view: &View) -> SelectStatement {
    use record::Column as C;
    const COLUMNS: [C; 21] = [
        C::Id,
        C::Subject,
        C::ChildId,
        C::Source,
        C::Kind,
        C::Edition,
        C::OccurredOn,
        C::UserId,
        C::StaffId,
        C::AuthorRole,
        C::VisitId,
        C::State,
        C::IsPrivate,
        C::AwaitsCountersign,
        C::Payload,
        C::Sealed,
        C::Warnings,
        C::Photos,
        C::RecordedAt,
        C::EditedAt,
        C::Version,
    ];
    Query::select()
        .columns(COLUMNS.map(|column| (record::Entity, column)))
        .expr_as(Expr::col((institution::Entity, institution::Column::Name)), Alias::new("institution"))
        .from(record::Entity)
        .left_join(
            institution::Entity,
            Expr::col((institution::Entity, institution::Column::Id))
                .equals((record::Entity, record::Column::InstitutionId)),
        )
        .and_where(Expr::col((record::Entity, C::HandbookId)).eq(handbook.0))
        .cond_where(visible(view))
        .to_owned()
}

/// Which rows a caller sees: a family everything that is live; staff nothing private, and of what was voided only their
/// own.
fn visible(view: &View) -> Condition {
    use record::Column as C;
    let column = |column: C| Expr::col((record::Entity, column));
    let live = column(C::State).eq(RecordState::Live.code());
    let Me::Staff(staff) = view.me else { return Condition::all().add(live) };
    let own = || column(C::StaffId).eq(staff.0);
    let own_voided = Condition::all().add(column(C::State).eq(RecordState::Voided.code())).add(own());
    let mut seen =
        Condition::all().add(Condition::any().add(live).add(own_voided)).add(column(C::IsPrivate).eq(false));
    if view.children_only {
        seen = seen.add(column(C::Subject).eq(SubjectKind::Child.code()));
    }
    if view.own_only {
        seen = seen.add(own());
    }
    seen
}

/// Earlier versions of a record, the latest first.
pub async fn versions(
    db: &impl ConnectionTrait,
    record: RecordId,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<record_version::Model>, DbErr> {
    let mut found = record_version::Entity::find().filter(record_version::COLUMN.record_id.eq(record));
    if let Some(before) = before {
        found = found.filter(record_version::COLUMN.version.lt(before));
    }
    found.order_by_desc(record_version::COLUMN.version).limit(limit).all(db).await
}

/// Checkups of a staff member wherever they were written, the newest first.
pub async fn own_checkups(
    db: &impl ConnectionTrait,
    staff: StaffId,
    before: Option<RecordId>,
    limit: u64,
) -> Result<Vec<record::Model>, DbErr> {
    let mut found = record::Entity::find().filter(record::COLUMN.staff_id.eq(staff));
    if let Some(before) = before {
        found = found.filter(record::COLUMN.id.lt(before));
    }
    found.order_by_desc(record::COLUMN.id).limit(limit).all(db).await
}

/// What becomes a row.
#[derive(Debug)]
pub struct NewRecord<'a> {
    /// Id, from the body or made here.
    pub id: RecordId,
    /// The handbook.
    pub handbook: HandbookId,
    /// Whom it is about.
    pub subject: Subject,
    /// The pregnancy to which it belongs.
    pub pregnancy: Option<PregnancyId>,
    /// Its kind.
    pub kind: &'a Kind,
    /// The day.
    pub occurred_on: NaiveDate,
    /// What was accepted.
    pub checked: &'a Checked,
    /// Photos that hang on it.
    pub photos: Vec<PhotoId>,
    /// Change number of the handbook.
    pub change: i64,
    /// Now.
    pub now: DateTime<Utc>,
}

impl NewRecord<'_> {
    /// A family's entry.
    pub fn by_family(
        self,
        keys: &Keys,
        user: UserId,
        role: String,
        is_private: bool,
    ) -> anyhow::Result<record::Model> {
        let mut row = self.row(Source::Family, role);
        row.user_id = Some(user);
        row.is_private = is_private;
        Content::of(self.checked).put(keys, &mut row)?;
        Ok(row)
    }

    /// A clinician's checkup.
    pub fn by_clinician(self, keys: &Keys, by: Attached<'_>) -> anyhow::Result<record::Model> {
        let mut row = self.row(Source::Clinician, by.role);
        row.staff_id = Some(by.staff);
        row.institution_id = Some(by.institution);
        row.visit_id = by.visit;
        row.awaits_countersign = by.awaits_countersign;
        row.override_reason = by
            .override_reason
            .map(|reason| keys.seal(Place::new("record.override_reason", row.id.0), reason))
            .transpose()?;
        Content::of(self.checked).put(keys, &mut row)?;
        Ok(row)
    }

    fn row(&self, source: Source, author_role: String) -> record::Model {
        record::Model {
            id: self.id,
            handbook_id: self.handbook,
            subject: self.subject.kind(),
            child_id: self.subject.child(),
            pregnancy_id: self.pregnancy,
            source,
            kind: self.kind.key.clone(),
            edition: self.kind.edition.clone(),
            occurred_on: self.occurred_on,
            occurred_at: Some(self.checked.lifted.at),
            user_id: None,
            staff_id: None,
            author_role,
            institution_id: None,
            visit_id: None,
            state: RecordState::Live,
            is_private: false,
            awaits_countersign: false,
            countersigned_by: None,
            payload: Json::Null,
            sealed: None,
            warnings: Json::Null,
            photos: PhotoIds(self.photos.clone()),
            override_reason: None,
            recorded_at: self.now,
            changed_at: self.now,
            edited_at: None,
            change_seq: self.change,
            hidden_seq: None,
            version: 1,
        }
    }
}

/// By whom, where and how a checkup was attached.
#[derive(Debug)]
pub struct Attached<'a> {
    /// Who wrote it.
    pub staff: StaffId,
    /// As what.
    pub role: String,
    /// At which institution.
    pub institution: domain::id::InstitutionId,
    /// During which visit.
    pub visit: Option<VisitId>,
    /// A delegated record awaits the countersign of the institution.
    pub awaits_countersign: bool,
    /// Why it is dated before the day of issue.
    pub override_reason: Option<&'a str>,
}

/// The subject of a row.
pub fn subject_of(kind: SubjectKind, child: Option<ChildId>) -> Subject {
    match (kind, child) {
        (SubjectKind::Child, Some(child)) => Subject::Child(child),
        (SubjectKind::Household, _) => Subject::Household,
        _ => Subject::Woman,
    }
}
