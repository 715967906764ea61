//! Rows of alerts.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::catalogue::Warning;
use domain::consent::Purpose;
use domain::handbook::CloseReason;
use domain::id::{AlertId, ChildId, HandbookId, InstitutionId, PregnancyId, RecordId, StaffId};
use domain::place::{RegionCode, RegionLevel};
use domain::pregnancy::{Outcome, is_of_fetus};
use domain::record::{RecordState, Source, SubjectKind};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, NullOrdering, Order, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter,
};
use uuid::Uuid;

use super::list::answer_place;
use crate::app::App;
use crate::children::store as children;
use crate::db::entities::{alert, handbook, institution, person, record};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::keys::{Keys, Place, places};
use crate::pregnancies::store as pregnancies;
use crate::problem::Code;
use crate::responsibility::store::{Handover, keep_handovers};

/// Tells the managing institution about the danger signs of a record that it was not told before, and not of those that
/// it found itself. Call it after the change number was raised: from then on nobody transfers the handbook, so the
/// institution that is read here is the one that answers for her when all this is committed.
pub async fn raise(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    record: RecordId,
    found_by: Option<InstitutionId>,
    warnings: &[Warning],
) -> Result<(), ApiError> {
    let dangers: Vec<&Warning> = warnings.iter().filter(|warning| warning.alert).collect();
    let Some(gravest) = dangers.iter().map(|warning| warning.level).max() else { return Ok(()) };
    let row = handbook::Entity::find_by_id(handbook).one(txn).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    if found_by == Some(row.managing_id) {
        return Ok(());
    }
    let told = told_before(txn, &app.keys, handbook, record).await?;
    let new: BTreeSet<&str> =
        dangers.iter().map(|warning| warning.id.as_str()).filter(|id| !told.contains(*id)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let id = AlertId(Uuid::now_v7());
    let new_alert = alert::ActiveModel {
        id: Set(id),
        handbook_id: Set(handbook),
        record_id: Set(record),
        institution_id: Set(row.managing_id),
        county_code: Set(row.region_code.at(RegionLevel::County)),
        level: Set(gravest.code().to_owned()),
        signs: Set(seal_signs(&app.keys, id, new).map_err(ApiError::Internal)?),
        raised_at: Set(app.now()),
        answered_at: Set(None),
        answered_by: Set(None),
        answer: Set(None),
    };
    alert::Entity::insert(new_alert).exec_without_returning(txn).await?;
    Ok(())
}

/// The same of a family's entry that is seen again, unless what it is about has ended meanwhile: nobody is called about a
/// child or a pregnancy that they lost.
pub async fn raise_again(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    entry: &record::Model,
    warnings: &[Warning],
) -> Result<(), ApiError> {
    let signs: Vec<String> =
        warnings.iter().filter(|warning| warning.alert).map(|warning| warning.id.clone()).collect();
    if signs.is_empty() || ended_in(txn, held).await?.iter().any(|ended| ended.stops(&signs, entry)) {
        return Ok(());
    }
    raise(app, txn, held.id, entry.id, None, warnings).await
}

/// What has ended in a handbook.
async fn ended_in(txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<Vec<Ended>, DbErr> {
    let courses = pregnancies::of_handbook(txn, held.id).await?;
    let died = pregnancies::woman_died_on(held, &courses).map(|_| Ended::Woman);
    let closed = (held.close_reason == Some(CloseReason::Death)).then_some(Ended::Everybody);
    let lost = courses.iter().filter_map(|course| Ended::by(course.outcome?, course.id));
    let children = children::of_handbook(txn, held.id).await?;
    let dead = children.iter().filter(|child| child.ended_on.is_some()).map(|child| Ended::Child(child.id));
    Ok(lost.chain(dead).chain(died).chain(closed).collect())
}

/// The ids of the warnings of an alert as they are stored.
pub fn seal_signs<'a>(
    keys: &Keys,
    id: AlertId,
    warnings: impl IntoIterator<Item = &'a str>,
) -> anyhow::Result<Vec<u8>> {
    let warnings: Vec<_> = warnings.into_iter().collect();
    keys.seal(Place::new(places::ALERT_SIGNS, id.0), &warnings)
}

/// The ids of the warnings of an alert; none where they do not open, which must not keep anybody from being told or from
/// recording what ends them.
pub fn open_signs(keys: &Keys, id: AlertId, sealed: &[u8]) -> Vec<String> {
    keys.open(Place::new(places::ALERT_SIGNS, id.0), sealed).unwrap_or_else(|err| {
        tracing::error!(alert = %id, cause = %err, "the signs of an alert do not open");
        Vec::new()
    })
}

/// The open signs of a handbook go to the institution that answers for it from now on, and to the county in which the
/// family lives now. What was answered stays in the lists of who answered it.
pub async fn hand_over(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    handover: Handover,
    home: RegionCode,
) -> Result<(), DbErr> {
    let moved = alert::ActiveModel {
        institution_id: Set(handover.to),
        county_code: Set(home.at(RegionLevel::County)),
        ..Default::default()
    };
    let open = alert::Entity::update_many()
        .set(moved)
        .filter(alert::COLUMN.handbook_id.eq(handbook))
        .filter(alert::COLUMN.answered_at.is_null());
    let moved = open.exec_with_returning(txn).await?;
    let signs = moved.into_iter().map(|sign| (sign.record_id, Some(sign.id)));
    keep_handovers(txn, handbook, handover, signs).await
}

/// What ended, so that nobody calls the family about it any more.
#[derive(Debug, Clone, Copy)]
pub enum Ended {
    /// A child has died.
    Child(ChildId),
    /// The woman has died.
    Woman,
    /// A pregnancy was lost: the signs of the fetus. Those of the woman herself (bleeding, blood pressure, thoughts of
    /// self-harm) stay open, for she needs somebody now more than before.
    Pregnancy(PregnancyId),
    /// The handbook was closed because its subjects have died.
    Everybody,
}

impl Ended {
    /// What ends with an outcome.
    pub fn by(outcome: Outcome, pregnancy: PregnancyId) -> Option<Self> {
        match outcome {
            Outcome::LiveBirth => None,
            Outcome::MaternalDeath => Some(Self::Woman),
            Outcome::Miscarriage | Outcome::Abortion | Outcome::Ectopic | Outcome::Stillbirth => {
                Some(Self::Pregnancy(pregnancy))
            }
        }
    }

    fn stops(self, signs: &[String], record: &record::Model) -> bool {
        match self {
            Self::Child(id) => record.child_id == Some(id),
            Self::Woman => record.subject == SubjectKind::Woman,
            Self::Pregnancy(id) => record.pregnancy_id == Some(id) && is_of_fetus(&record.kind, signs),
            Self::Everybody => true,
        }
    }

    /// What stands as the answer.
    fn answer(self) -> &'static str {
        match self {
            Self::Child(_) => "已登记儿童死亡 (the death of the child is recorded)",
            Self::Woman => "已登记本人死亡 (the death of the woman is recorded)",
            Self::Pregnancy(_) => "已登记妊娠丢失 (the loss of the pregnancy is recorded)",
            Self::Everybody => "已因死亡结案 (the handbook was closed after a death)",
        }
    }
}

/// Answers the open signs of what has ended, in the transaction that records it.
pub async fn end_of_subject(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    handbook: HandbookId,
    ended: Ended,
    staff: StaffId,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let open = alert::Entity::find()
        .filter(alert::COLUMN.handbook_id.eq(handbook))
        .filter(alert::COLUMN.answered_at.is_null())
        .all(txn)
        .await?;
    let signed = open.iter().map(|sign| sign.record_id);
    let records = rows_in(txn, record::Entity::find(), record::Column::Id, signed).await?;
    for sign in open {
        let signs = open_signs(keys, sign.id, &sign.signs);
        let record = records.iter().find(|record| record.id == sign.record_id);
        if !record.is_some_and(|record| ended.stops(&signs, record)) {
            continue;
        }
        let sealed = keys.seal(answer_place(sign.id), ended.answer()).map_err(ApiError::Internal)?;
        answer(txn, handbook, sign.id, staff, sealed, now).await?;
    }
    Ok(())
}

async fn told_before(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handbook: HandbookId,
    record: RecordId,
) -> Result<BTreeSet<String>, DbErr> {
    let alerts = alert::Entity::find()
        .filter(alert::COLUMN.handbook_id.eq(handbook))
        .filter(alert::COLUMN.record_id.eq(record))
        .all(db)
        .await?;
    Ok(alerts.iter().flat_map(|alert| open_signs(keys, alert.id, &alert.signs)).collect())
}

/// Whose alerts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of the subjects that an institution manages.
    Institution(InstitutionId),
    /// Of the families of a county, whoever manages them: it may answer each of them.
    County(RegionCode),
}

/// Where a page begins: among the open ones by id, or among the answered ones by the time of the answer.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub enum Position {
    /// Open ones older than this.
    Open(AlertId),
    /// Answered ones before this.
    Answered(DateTime<Utc>, AlertId),
}

/// An alert with what a list says of its record.
#[derive(Debug, FromQueryResult)]
#[expect(missing_docs, reason = "the columns are documented where they are created, in the migrations")]
pub struct Row {
    pub id: AlertId,
    pub handbook_id: HandbookId,
    pub record_id: RecordId,
    pub level: String,
    pub signs: Vec<u8>,
    pub raised_at: DateTime<Utc>,
    pub answered_at: Option<DateTime<Utc>>,
    pub answered_by: Option<StaffId>,
    pub answer: Option<Vec<u8>>,
    pub kind: String,
    pub edition: String,
    pub state: RecordState,
    pub institution: String,
    pub person_id: Option<domain::id::PersonId>,
    pub identity: Option<Vec<u8>>,
}

impl Row {
    /// Where the next page begins after this one.
    pub fn position(&self) -> Position {
        match self.answered_at {
            Some(at) => Position::Answered(at, self.id),
            None => Position::Open(self.id),
        }
    }
}

/// A page of alerts: the open ones first, the newest of them first, then the answered ones by the time of the answer.
/// What the family has hidden since, or shares no longer, is not shown.
pub async fn page(
    db: &impl ConnectionTrait,
    scope: Scope,
    after: Option<Position>,
    limit: u64,
) -> Result<Vec<Row>, DbErr> {
    let fetch = async |query: SelectStatement| {
        Row::find_by_statement(db.get_database_backend().build(&query)).all(db).await
    };
    let mut rows = Vec::new();
    if !matches!(after, Some(Position::Answered(..))) {
        rows = fetch(open(scope, after, limit)).await?;
    }
    let left = limit.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if left > 0 {
        rows.extend(fetch(answered(scope, after, left)).await?);
    }
    Ok(rows)
}

fn column(column: alert::Column) -> Expr {
    Expr::col((alert::Entity, column))
}

fn open(scope: Scope, after: Option<Position>, limit: u64) -> SelectStatement {
    let mut query = select(scope);
    query.and_where(column(alert::Column::AnsweredAt).is_null());
    if let Some(Position::Open(id)) = after {
        query.and_where(column(alert::Column::Id).lt(id.0));
    }
    query.order_by((alert::Entity, alert::Column::Id), Order::Desc).limit(limit).to_owned()
}

fn answered(scope: Scope, after: Option<Position>, limit: u64) -> SelectStatement {
    let mut query = select(scope);
    query.and_where(column(alert::Column::AnsweredAt).is_not_null());
    if let Some(Position::Answered(at, id)) = after {
        let position = Expr::tuple([column(alert::Column::AnsweredAt), column(alert::Column::Id)]);
        query.and_where(position.lt(Expr::tuple([Expr::value(at), Expr::value(id.0)])));
    }
    query
        .order_by_with_nulls((alert::Entity, alert::Column::AnsweredAt), Order::Desc, NullOrdering::Last)
        .order_by((alert::Entity, alert::Column::Id), Order::Desc)
        .limit(limit)
        .to_owned()
}

fn select(scope: Scope) -> SelectStatement {
    use alert::Column as C;
    const COLUMNS: [C; 9] = [
        C::Id,
        C::HandbookId,
        C::RecordId,
        C::Level,
        C::Signs,
        C::RaisedAt,
        C::AnsweredAt,
        C::AnsweredBy,
        C::Answer,
    ];
    let within = match scope {
        Scope::Institution(id) => column(C::InstitutionId).eq(id.0),
        Scope::County(code) => column(C::CountyCode).eq(code.0),
    };
    let same = |left: Expr, table_column: Expr| left.eq(table_column);
    Query::select()
        .columns(COLUMNS.map(|column| (alert::Entity, column)))
        .columns(
            [record::Column::Kind, record::Column::Edition, record::Column::State]
                .map(|column| (record::Entity, column)),
        )
        .expr_as(Expr::col((institution::Entity, institution::Column::Name)), Alias::new("institution"))
        .expr_as(Expr::col((person::Entity, person::Column::Id)), Alias::new("person_id"))
        .column((person::Entity, person::Column::Identity))
        .from(alert::Entity)
        .inner_join(
            record::Entity,
            same(Expr::col((record::Entity, record::Column::Id)), column(C::RecordId)),
        )
        .inner_join(
            institution::Entity,
            same(Expr::col((institution::Entity, institution::Column::Id)), column(C::InstitutionId)),
        )
        .inner_join(
            handbook::Entity,
            same(Expr::col((handbook::Entity, handbook::Column::Id)), column(C::HandbookId)),
        )
        .left_join(
            person::Entity,
            same(
                Expr::col((person::Entity, person::Column::Id)),
                Expr::col((handbook::Entity, handbook::Column::WomanId)),
            ),
        )
        .cond_where(
            Condition::all()
                .add(within)
                .add(Expr::col((record::Entity, record::Column::IsPrivate)).eq(false))
                .add(Expr::col((handbook::Entity, handbook::Column::BlockedUntil)).is_null())
                .add(is_shared()),
        )
        .to_owned()
}

/// What clinicians wrote, and of the family's entries what it lets them see.
fn is_shared() -> Condition {
    let agreed = |column: handbook::Column, purpose: Purpose| {
        Expr::col((handbook::Entity, column)).eq(purpose.version())
    };
    let record = |column: record::Column| Expr::col((record::Entity, column));
    let of_adult = record(record::Column::Subject).ne(SubjectKind::Child.code());
    let about = Condition::any().add(of_adult).add(agreed(handbook::Column::ChildAgreed, Purpose::Child));
    let shared =
        Condition::all().add(agreed(handbook::Column::SharesEntries, Purpose::ShareEntries)).add(about);
    Condition::any().add(record(record::Column::Source).ne(Source::Family.code())).add(shared)
}

/// Keeps the first answer to an alert of a handbook; `false` when there is one already or no such alert.
pub async fn answer(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    id: AlertId,
    staff: StaffId,
    sealed: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let answered = alert::Entity::update_many()
        .set(alert::ActiveModel {
            answered_at: Set(Some(now)),
            answered_by: Set(Some(staff)),
            answer: Set(Some(sealed)),
            ..Default::default()
        })
        .filter(alert::COLUMN.id.eq(id))
        .filter(alert::COLUMN.handbook_id.eq(handbook))
        .filter(alert::COLUMN.answered_at.is_null())
        .exec(txn)
        .await?;
    Ok(answered.rows_affected == 1)
}

/// Whether a handbook has such an alert.
pub async fn exists(db: &impl ConnectionTrait, handbook: HandbookId, id: AlertId) -> Result<bool, DbErr> {
    let found = alert::Entity::find_by_id(id).filter(alert::COLUMN.handbook_id.eq(handbook));
    Ok(found.one(db).await?.is_some())
}
