//! Rows of pregnancies.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{HandbookId, PregnancyId};
use domain::pregnancy::{Course, Dates, Woman};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, TryInsertResult, UpdateMany,
};
use uuid::Uuid;

use crate::db::entities::{handbook, pregnancy};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::problem::Code;

/// The pregnancies of a handbook, the latest first: one, or a few after losses.
pub async fn of_handbook(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
) -> Result<Vec<pregnancy::Model>, DbErr> {
    of_handbooks(db, [handbook]).await
}

/// The pregnancies of some handbooks, the latest first.
pub async fn of_handbooks(
    db: &impl ConnectionTrait,
    handbooks: impl IntoIterator<Item = HandbookId>,
) -> Result<Vec<pregnancy::Model>, DbErr> {
    let latest = pregnancy::Entity::find()
        .order_by_desc(pregnancy::COLUMN.created_at)
        .order_by_desc(pregnancy::COLUMN.id);
    rows_in(db, latest, pregnancy::Column::HandbookId, handbooks).await
}

/// How the pregnancies of a handbook went.
pub async fn courses(db: &impl ConnectionTrait, handbook: HandbookId) -> Result<Vec<Course>, DbErr> {
    Ok(of_handbook(db, handbook).await?.iter().map(course_of).collect())
}

/// How a pregnancy went.
pub fn course_of(row: &pregnancy::Model) -> Course {
    Course { due_on: row.due_on, outcome: row.outcome, ended_on: row.ended_on }
}

/// The day on which the woman of a handbook with these pregnancies died.
pub fn woman_died_on(handbook: &handbook::Model, pregnancies: &[pregnancy::Model]) -> Option<NaiveDate> {
    let courses: Vec<_> = pregnancies.iter().map(course_of).collect();
    woman_of(handbook, &courses).died_on()
}

/// The woman of a handbook with her pregnancies.
pub fn woman_of<'a>(handbook: &handbook::Model, courses: &'a [Course]) -> Woman<'a> {
    Woman { group: handbook.issued_group, died_on: handbook.woman_died_on, courses }
}

/// One pregnancy of a handbook.
pub async fn one(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    id: PregnancyId,
) -> Result<Option<pregnancy::Model>, DbErr> {
    pregnancy::Entity::find_by_id(id).filter(pregnancy::COLUMN.handbook_id.eq(handbook)).one(db).await
}

/// Whether an id stands for a pregnancy, wherever.
pub async fn is_known(db: &impl ConnectionTrait, id: PregnancyId) -> Result<bool, DbErr> {
    Ok(pregnancy::Entity::find_by_id(id).one(db).await?.is_some())
}

/// Keeps a pregnancy that begins. An id that another has, or is given at the same moment, is refused.
pub async fn insert(
    txn: &impl ConnectionTrait,
    id: Option<PregnancyId>,
    handbook: HandbookId,
    dates: Dates,
    fetuses: i32,
    now: DateTime<Utc>,
) -> Result<pregnancy::Model, ApiError> {
    let row = pregnancy::Model {
        id: id.unwrap_or_else(|| PregnancyId(Uuid::now_v7())),
        handbook_id: handbook,
        last_period_on: dates.last_period_on,
        due_on: dates.due_on,
        dating: dates.dating,
        fetuses,
        outcome: None,
        ended_on: None,
        discharged_on: None,
        risk_grade: None,
        risk_purple: false,
        created_at: now,
        version: 1,
    };
    let taken = OnConflict::column(pregnancy::Column::Id).do_nothing().to_owned();
    let insert = pregnancy::Entity::insert(row.clone().into_active_model()).on_conflict(taken);
    match insert.try_insert().exec(txn).await? {
        TryInsertResult::Inserted(_) => Ok(row),
        TryInsertResult::Conflicted | TryInsertResult::Empty => Err(ApiError::told(Code::IdInUse)),
    }
}

/// Changes columns of a pregnancy as it was read and raises its version; `None` when it moved on meanwhile.
pub async fn change(
    txn: &impl ConnectionTrait,
    id: PregnancyId,
    version: i32,
    change: pregnancy::ActiveModel,
) -> Result<Option<pregnancy::Model>, DbErr> {
    let changed = pregnancy::Entity::update_many()
        .set(change)
        .col_expr(pregnancy::Column::Version, Expr::value(version + 1))
        .filter(pregnancy::COLUMN.id.eq(id))
        .filter(pregnancy::COLUMN.version.eq(version))
        .exec_with_returning(txn)
        .await?;
    Ok(changed.into_iter().next())
}

/// Opens a pregnancy again whose outcome was recorded in error; `None` when none is recorded.
pub async fn open_again(
    txn: &impl ConnectionTrait,
    id: PregnancyId,
) -> Result<Option<pregnancy::Model>, DbErr> {
    let open = pregnancy::ActiveModel {
        outcome: Set(None),
        ended_on: Set(None),
        discharged_on: Set(None),
        ..Default::default()
    };
    let changed = raised(open).filter(pregnancy::COLUMN.id.eq(id));
    let changed = changed.filter(pregnancy::COLUMN.outcome.is_not_null()).exec_with_returning(txn).await?;
    Ok(changed.into_iter().next())
}

/// Ends an open pregnancy; `None` when its outcome is recorded already.
pub async fn end(
    txn: &impl ConnectionTrait,
    id: PregnancyId,
    ended: pregnancy::ActiveModel,
) -> Result<Option<pregnancy::Model>, DbErr> {
    let changed = raised(ended).filter(pregnancy::COLUMN.id.eq(id));
    let changed = changed.filter(pregnancy::COLUMN.outcome.is_null()).exec_with_returning(txn).await?;
    Ok(changed.into_iter().next())
}

fn raised(change: pregnancy::ActiveModel) -> UpdateMany<pregnancy::Entity> {
    let next = Expr::col(pregnancy::Column::Version).add(1);
    pregnancy::Entity::update_many().set(change).col_expr(pregnancy::Column::Version, next)
}
