//! Rows of institutions and of what they manage.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::handbook::State;
use domain::id::{InstitutionId, StaffId};
use domain::place::{Region, RegionCode, Scope};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::Facts;
use crate::db::entities::{Classes, Groups, catchment, handbook, institution, staff};
use crate::db::rows_in;
use crate::db::statement;
use crate::error::ApiError;
use crate::problem::Code;

/// One institution.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    id: InstitutionId,
) -> Result<Option<institution::Model>, DbErr> {
    institution::Entity::find_by_id(id).one(db).await
}

/// Live institutions of a scope after a given one, by region and id.
pub(super) async fn in_scope(
    db: &impl ConnectionTrait,
    scope: Scope,
    after: Option<(RegionCode, InstitutionId)>,
    limit: u64,
) -> Result<Vec<institution::Model>, DbErr> {
    let (first, last) = scope.range().into_inner();
    let mut found = institution::Entity::find()
        .filter(institution::COLUMN.region_code.between(RegionCode(first), RegionCode(last)))
        .filter(institution::COLUMN.ended_at.is_null())
        .order_by_asc(institution::COLUMN.region_code)
        .order_by_asc(institution::COLUMN.id)
        .limit(limit);
    if let Some((code, id)) = after {
        let same_region = institution::Column::RegionCode.eq(code).and(institution::Column::Id.gt(id));
        found = found.filter(institution::Column::RegionCode.gt(code).or(same_region));
    }
    found.all(db).await
}

/// Live institutions that stand in regions with these codes.
pub(crate) async fn at_codes(
    db: &impl ConnectionTrait,
    codes: impl IntoIterator<Item = RegionCode>,
) -> Result<Vec<institution::Model>, DbErr> {
    let live = institution::Entity::find().filter(institution::COLUMN.ended_at.is_null());
    rows_in(db, live, institution::Column::RegionCode, codes).await
}

/// The administrators that institutions name.
pub(super) async fn administrators(
    db: &impl ConnectionTrait,
    rows: &[institution::Model],
) -> Result<HashMap<StaffId, staff::Model>, DbErr> {
    let named = rows.iter().filter_map(|row| row.administrator_id);
    let found = rows_in(db, staff::Entity::find(), staff::Column::Id, named).await?;
    Ok(found.into_iter().map(|staff| (staff.id, staff)).collect())
}

/// A new institution as a row.
pub(crate) fn row_of(id: InstitutionId, facts: Facts, now: DateTime<Utc>) -> institution::Model {
    institution::Model {
        id,
        name: facts.name,
        region_code: facts.region.code,
        region_level: facts.region.level,
        classes: Classes(facts.classes),
        level: facts.level,
        midwifery: facts.midwifery,
        is_service_point: facts.is_service_point,
        administrator_id: None,
        issues_to: Groups(facts.issues_to),
        phone: facts.phone,
        created_at: now,
        ended_at: None,
        version: 1,
    }
}

/// What administrators said of a row.
pub(crate) fn facts_of(row: &institution::Model) -> Facts {
    Facts {
        name: row.name.clone(),
        region: super::region_of(row),
        classes: row.classes.0.clone(),
        level: row.level,
        midwifery: row.midwifery,
        phone: row.phone.clone(),
        is_service_point: row.is_service_point,
        issues_to: row.issues_to.0.clone(),
    }
}

/// Keeps new institutions.
pub(crate) async fn insert_all(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = institution::Model>,
) -> Result<(), DbErr> {
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    institution::Entity::insert_many(rows).exec_without_returning(db).await.map(|_| ())
}

/// Writes changed facts over a row that nobody changed meanwhile. The region stays: counts were made under it.
pub(crate) async fn update(
    db: &impl ConnectionTrait,
    row: &institution::Model,
    facts: Facts,
    administrator: Option<StaffId>,
) -> Result<institution::Model, ApiError> {
    let changed = institution::ActiveModel {
        name: Set(facts.name),
        classes: Set(Classes(facts.classes)),
        level: Set(facts.level),
        midwifery: Set(facts.midwifery),
        is_service_point: Set(facts.is_service_point),
        administrator_id: Set(administrator),
        issues_to: Set(Groups(facts.issues_to)),
        phone: Set(facts.phone),
        version: Set(row.version + 1),
        ..Default::default()
    };
    let updated = institution::Entity::update_many()
        .set(changed)
        .filter(institution::COLUMN.id.eq(row.id))
        .filter(institution::COLUMN.version.eq(row.version))
        .exec(db)
        .await?;
    if updated.rows_affected != 1 {
        return Err(ApiError::with(Code::Stale, "version", row.version + 1));
    }
    find(db, row.id).await?.ok_or_else(|| ApiError::told(Code::NotFound))
}

/// Holds a live institution until the transaction ends, so that it is not ended while somebody comes to depend on it;
/// says no when it has ended.
pub(crate) async fn hold(txn: &impl ConnectionTrait, id: InstitutionId) -> Result<bool, DbErr> {
    let hold = statement(
        txn.get_database_backend(),
        "UPDATE institution SET ended_at = ended_at WHERE id = ? AND ended_at IS NULL",
        [id.into()],
    );
    Ok(txn.execute_raw(hold).await?.rows_affected() == 1)
}

/// Ends an institution; call it after [`hold`].
pub(super) async fn end(
    txn: &impl ConnectionTrait,
    id: InstitutionId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    institution::Entity::update_many()
        .col_expr(institution::Column::EndedAt, Expr::value(now))
        .col_expr(institution::Column::Version, Expr::col(institution::Column::Version).add(1))
        .filter(institution::COLUMN.id.eq(id))
        .exec(txn)
        .await
        .map(|_| ())
}

/// What still depends on an institution, if anything does.
pub(super) async fn used_by(
    db: &impl ConnectionTrait,
    id: InstitutionId,
    today: chrono::NaiveDate,
) -> Result<Option<(&'static str, &'static str)>, DbErr> {
    let left = staff::Column::LeftOn.is_not_null().and(staff::Column::LeftOn.lte(today));
    let staff = staff::Entity::find().filter(staff::COLUMN.institution_id.eq(id)).filter(left.not());
    if staff.one(db).await?.is_some() {
        return Ok(Some(("在职人员", "staff")));
    }
    let regions = catchment::Entity::find().filter(catchment::COLUMN.institution_id.eq(id));
    if regions.one(db).await?.is_some() {
        return Ok(Some(("管理范围", "a catchment")));
    }
    let managed = handbook::Entity::find()
        .filter(handbook::COLUMN.managing_id.eq(id))
        .filter(handbook::COLUMN.state.is_in([State::Issued, State::Claimed]));
    if managed.one(db).await?.is_some() {
        return Ok(Some(("所管理的手册", "handbooks that it manages")));
    }
    Ok(None)
}

/// The regions whose people an institution manages.
pub(super) async fn catchment_of(
    db: &impl ConnectionTrait,
    id: InstitutionId,
    limit: u64,
) -> Result<Vec<Region>, DbErr> {
    let rows = catchment::Entity::find()
        .filter(catchment::COLUMN.institution_id.eq(id))
        .order_by_asc(catchment::COLUMN.region_code)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| Region { code: row.region_code, level: row.region_level }).collect())
}

/// Takes every region from an institution and gives it these.
pub(super) async fn replace_catchment(
    txn: &impl ConnectionTrait,
    id: InstitutionId,
    regions: &[Region],
) -> Result<(), DbErr> {
    catchment::Entity::delete_many().filter(catchment::COLUMN.institution_id.eq(id)).exec(txn).await?;
    if regions.is_empty() {
        return Ok(());
    }
    let rows = regions.iter().map(|region| catchment::ActiveModel {
        region_code: Set(region.code),
        region_level: Set(region.level),
        institution_id: Set(id),
    });
    catchment::Entity::insert_many(rows).exec_without_returning(txn).await.map(|_| ())
}

/// The first of these regions that another institution manages.
pub(super) async fn taken_by_another(
    db: &impl ConnectionTrait,
    id: InstitutionId,
    regions: &[Region],
) -> Result<Option<RegionCode>, DbErr> {
    let codes = regions.iter().map(|region| region.code);
    let of_others = catchment::Entity::find().filter(catchment::COLUMN.institution_id.ne(id));
    let rows = rows_in(db, of_others, catchment::Column::RegionCode, codes).await?;
    let is_asked_for = |row: &&catchment::Model| {
        regions.contains(&Region { code: row.region_code, level: row.region_level })
    };
    Ok(rows.iter().find(is_asked_for).map(|row| row.region_code))
}

/// Raises the version of an institution that nobody changed meanwhile.
pub(super) async fn raise_version(
    txn: &impl ConnectionTrait,
    row: &institution::Model,
) -> Result<bool, DbErr> {
    let raised = institution::Entity::update_many()
        .col_expr(institution::Column::Version, Expr::value(row.version + 1))
        .filter(institution::COLUMN.id.eq(row.id))
        .filter(institution::COLUMN.version.eq(row.version))
        .exec(txn)
        .await?;
    Ok(raised.rows_affected == 1)
}

/// Whether an id names an institution already.
pub(super) async fn exists(db: &impl ConnectionTrait, id: InstitutionId) -> Result<bool, DbErr> {
    Ok(institution::Entity::find_by_id(id).count(db).await? > 0)
}
