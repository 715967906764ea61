//! Rows of requests for correction. What they say and why they were refused is sealed.

use chrono::{DateTime, NaiveDate, Utc};
use domain::correction::RequestState;
use domain::id::{CorrectionId, HandbookId, InstitutionId, StaffId};
use domain::place::RegionCode;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use crate::db::entities::correction_request;
use crate::handbooks::store::may_be_listed;
use crate::keys::{Place, places};

/// Where what is asked is sealed.
pub fn says_place(id: CorrectionId) -> Place {
    Place::new(places::CORRECTION_REQUEST_SAYS, id.0)
}

/// Where the reason of an answer is sealed.
pub fn reason_place(id: CorrectionId) -> Place {
    Place::new(places::CORRECTION_REQUEST_REASON, id.0)
}

/// Keeps a request, or nothing (`false`) while one of the same user about the same record is open.
pub async fn insert(txn: &impl ConnectionTrait, row: correction_request::Model) -> Result<bool, DbErr> {
    let open = OnConflict::new().do_nothing().to_owned();
    let insert = correction_request::Entity::insert(row.into_active_model()).on_conflict(open);
    match insert.exec_without_returning(txn).await {
        Ok(rows) => Ok(rows == 1),
        Err(DbErr::RecordNotInserted) => Ok(false),
        Err(err) => Err(err),
    }
}

/// One request.
pub async fn by_id(
    db: &impl ConnectionTrait,
    id: CorrectionId,
) -> Result<Option<correction_request::Model>, DbErr> {
    correction_request::Entity::find_by_id(id).one(db).await
}

/// Requests about the records of a handbook, the newest first.
pub async fn of_handbook(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    before: Option<CorrectionId>,
    limit: u64,
) -> Result<Vec<correction_request::Model>, DbErr> {
    let requests =
        correction_request::Entity::find().filter(correction_request::COLUMN.handbook_id.eq(handbook));
    newest(requests, before, limit).all(db).await
}

/// Whose requests a list of staff shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// About what an institution wrote.
    Institution(InstitutionId),
    /// About records of the families of a county, as far as they were due before this day.
    Overdue(RegionCode, NaiveDate),
}

/// A page of requests in one state, the newest first.
pub async fn of_scope(
    db: &impl ConnectionTrait,
    scope: Scope,
    state: RequestState,
    before: Option<CorrectionId>,
    limit: u64,
) -> Result<Vec<correction_request::Model>, DbErr> {
    let requests = correction_request::Entity::find()
        .filter(correction_request::COLUMN.state.eq(state))
        .filter(may_be_listed((correction_request::Entity, correction_request::Column::HandbookId)));
    let requests = match scope {
        Scope::Institution(id) => requests.filter(correction_request::COLUMN.institution_id.eq(id)),
        Scope::Overdue(county, today) => requests
            .filter(correction_request::COLUMN.county_code.eq(county))
            .filter(correction_request::COLUMN.due_on.lt(today)),
    };
    newest(requests, before, limit).all(db).await
}

fn newest(
    requests: Select<correction_request::Entity>,
    before: Option<CorrectionId>,
    limit: u64,
) -> Select<correction_request::Entity> {
    let requests = match before {
        Some(before) => requests.filter(correction_request::COLUMN.id.lt(before)),
        None => requests,
    };
    requests.order_by_desc(correction_request::COLUMN.id).limit(limit)
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    /// Corrected or refused.
    pub state: RequestState,
    /// The version that corrects.
    pub version: Option<i32>,
    /// Why, sealed.
    pub reason: Option<Vec<u8>>,
    /// Who answers.
    pub by: StaffId,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps the first answer to a request; `false` when there is one.
pub async fn answer(txn: &impl ConnectionTrait, id: CorrectionId, answer: Answer) -> Result<bool, DbErr> {
    let answered = correction_request::ActiveModel {
        state: Set(answer.state),
        answered_at: Set(Some(answer.at)),
        answered_by: Set(Some(answer.by)),
        new_version: Set(answer.version),
        reason: Set(answer.reason),
        ..Default::default()
    };
    let answered = correction_request::Entity::update_many()
        .set(answered)
        .filter(correction_request::COLUMN.id.eq(id))
        .filter(correction_request::COLUMN.answered_at.is_null());
    Ok(answered.exec(txn).await?.rows_affected == 1)
}
