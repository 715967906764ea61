//! Lists of records, as far as a caller may see them.

use chrono::{DateTime, NaiveDate, Utc};
use domain::consent::Sharing;
use domain::id::{ChildId, HandbookId, InstitutionId, RecordId, StaffId, UserId, VisitId};
use domain::record::{RecordState, Source, SubjectKind};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryResult, QuerySelect,
};

use super::Content;
use crate::db::InOrder;
use crate::db::entities::{JsonText, PhotoIds, institution, record, record_version};
use crate::handbooks::store::may_be_listed;
use crate::keys::Keys;
use crate::records::{Me, View};

/// The kind of what is left of an entry that was erased with its author's account: a place without content, so that whoever
/// shows the entry takes it away.
pub const ERASED: &str = "erased";

/// What a list of records is narrowed to.
#[derive(Debug, Default)]
pub struct Filter {
    /// About whom.
    pub subject: Option<SubjectKind>,
    /// About this child.
    pub child: Option<ChildId>,
    /// Written by which side.
    pub source: Option<Source>,
    /// Of one of these kinds; of any where none is named.
    pub kinds: Vec<String>,
    /// Not before this day.
    pub from: Option<NaiveDate>,
    /// Not after this day.
    pub to: Option<NaiveDate>,
}

/// A record as lists read it: what is shown, and nothing else.
#[derive(Debug)]
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
    pub awaits_countersign_of: Option<InstitutionId>,
    pub payload: JsonText,
    pub sealed: Option<Vec<u8>>,
    pub warnings: JsonText,
    pub photos: PhotoIds,
    pub recorded_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub institution: Option<String>,
}

/// The columns in the order of [`COLUMNS`], and the name of the institution.
impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let mut columns = InOrder::of(row);
        Ok(Self {
            id: columns.take()?,
            subject: columns.take()?,
            child_id: columns.take_optional()?,
            source: columns.take()?,
            kind: columns.take()?,
            edition: columns.take()?,
            occurred_on: columns.take()?,
            user_id: columns.take_optional()?,
            staff_id: columns.take_optional()?,
            author_role: columns.take()?,
            visit_id: columns.take_optional()?,
            state: columns.take()?,
            is_private: columns.take()?,
            awaits_countersign_of: columns.take_optional()?,
            payload: columns.take()?,
            sealed: columns.take_optional()?,
            warnings: columns.take()?,
            photos: columns.take()?,
            recorded_at: columns.take()?,
            edited_at: columns.take_optional()?,
            version: columns.take()?,
            institution: columns.take_optional()?,
        })
    }
}

impl Row {
    /// What was written, and what there was to tell about it.
    pub fn content(&self, keys: &Keys) -> anyhow::Result<Content> {
        Content::open(keys, self.id, self.payload.read()?, self.warnings.read()?, self.sealed.as_deref())
    }
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
    narrow(match filter.kinds.as_slice() {
        [] => None,
        [kind] => Some(column(record::Column::Kind).eq(kind.as_str())),
        kinds => Some(column(record::Column::Kind).is_in(kinds.iter().map(String::as_str))),
    });
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

/// What is read of a record for a list.
const COLUMNS: [record::Column; 21] = {
    use record::Column as C;
    [
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
        C::AwaitsCountersignOf,
        C::Payload,
        C::Sealed,
        C::Warnings,
        C::Photos,
        C::RecordedAt,
        C::EditedAt,
        C::Version,
    ]
};

fn select_rows(handbook: HandbookId, view: &View) -> SelectStatement {
    use record::Column as C;
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

/// Which rows a caller sees: a family everything that is live; staff nothing private and of the family's entries what it
/// shares, and of what was voided only their own.
fn visible(view: &View) -> Condition {
    use record::Column as C;
    let column = |column: C| Expr::col((record::Entity, column));
    let live = column(C::State).eq(RecordState::Live.code());
    let Me::Staff(staff) = view.me else {
        let withdrawn = column(C::State).eq(RecordState::Withdrawn.code()).and(column(C::Kind).ne(ERASED));
        let seen = Condition::any().add(live);
        return if view.with_withdrawn { seen.add(withdrawn) } else { seen };
    };
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
    match not_shared(view.sharing) {
        Some(hidden) => seen.add(hidden.not()),
        None => seen,
    }
}

/// The family's entries that it does not let clinicians see, if any; what is private is another question.
pub fn not_shared(sharing: Sharing) -> Option<Expr> {
    use record::Column as C;
    let column = |column: C| Expr::col((record::Entity, column));
    let by_family = column(C::Source).eq(Source::Family.code());
    match (sharing.shows(false), sharing.shows(true)) {
        (true, true) => None,
        (true, false) => Some(by_family.and(column(C::Subject).eq(SubjectKind::Child.code()))),
        (false, _) => Some(by_family),
    }
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
    let mut found = record::Entity::find()
        .filter(record::COLUMN.staff_id.eq(staff))
        .filter(may_be_listed((record::Entity, record::Column::HandbookId)));
    if let Some(before) = before {
        found = found.filter(record::COLUMN.id.lt(before));
    }
    found.order_by_desc(record::COLUMN.id).limit(limit).all(db).await
}
