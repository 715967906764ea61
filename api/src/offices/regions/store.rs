//! Rows of regions.

use domain::place::{Region, RegionCode, RegionLevel};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, TryInsertResult,
};

use crate::db::entities::{catchment, handbook, institution, region, staff, target};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::problem::Code;

/// One region.
pub(crate) async fn find(db: &impl ConnectionTrait, region: Region) -> Result<Option<region::Model>, DbErr> {
    region::Entity::find_by_id((region.code, region.level)).one(db).await
}

/// The region that exists, or the problem that it does not.
pub(crate) async fn known(db: &impl ConnectionTrait, region: Region) -> Result<region::Model, ApiError> {
    let found = find(db, region).await?;
    found.ok_or_else(|| ApiError::with(Code::UnknownRegion, "code", region.code))
}

/// The region of a path: at the level that is asked for, else at the highest at which the code exists.
pub(super) async fn by_path(
    db: &impl ConnectionTrait,
    code: &str,
    level: Option<RegionLevel>,
) -> Result<region::Model, ApiError> {
    let not_found = || ApiError::told(Code::NotFound);
    let code = code.parse().ok().and_then(RegionCode::new).ok_or_else(not_found)?;
    let rows = region::Entity::find().filter(region::COLUMN.code.eq(code)).all(db).await?;
    let fits = |row: &region::Model| level.is_none_or(|level| row.level == level);
    rows.into_iter().filter(fits).min_by_key(|row| row.level).ok_or_else(not_found)
}

/// Regions by code, below a parent, of a level, or both.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    parent: Option<RegionCode>,
    level: Option<RegionLevel>,
    after: Option<(RegionCode, RegionLevel)>,
    limit: u64,
) -> Result<Vec<region::Model>, DbErr> {
    let mut found = region::Entity::find()
        .order_by_asc(region::COLUMN.code)
        .order_by_asc(region::COLUMN.level)
        .limit(limit);
    if let Some(parent) = parent {
        found = found.filter(region::COLUMN.parent_code.eq(parent));
    }
    if let Some(level) = level {
        found = found.filter(region::COLUMN.level.eq(level));
    }
    if let Some((code, level)) = after {
        let same_code = region::Column::Code.eq(code).and(region::Column::Level.gt(level));
        found = found.filter(region::Column::Code.gt(code).or(same_code));
    }
    found.all(db).await
}

/// Rows of all levels with these codes.
pub(crate) async fn with_codes(
    db: &impl ConnectionTrait,
    codes: impl IntoIterator<Item = RegionCode>,
) -> Result<Vec<region::Model>, DbErr> {
    rows_in(db, region::Entity::find(), region::Column::Code, codes).await
}

/// Whether the parent that a region names exists above it.
pub(super) async fn has_place(
    db: &impl ConnectionTrait,
    region: Region,
    parent: Option<RegionCode>,
) -> Result<bool, DbErr> {
    let Some(parent) = parent else { return Ok(true) };
    let rows = with_codes(db, [parent]).await?;
    Ok(rows.iter().any(|row| region.may_hang_under(Region { code: row.code, level: row.level })))
}

/// Keeps a new region; says no when there is one.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    region: Region,
    name_zh: &str,
    parent: Option<RegionCode>,
) -> Result<bool, DbErr> {
    let conflict = OnConflict::columns([region::Column::Code, region::Column::Level]).do_nothing().to_owned();
    let row = row_of(region, name_zh.to_owned(), parent);
    let inserted =
        region::Entity::insert(row).on_conflict(conflict).try_insert().exec_without_returning(db).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

/// Adds regions, and writes over those that differ.
pub(crate) async fn save_all(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = (Region, String, Option<RegionCode>)>,
) -> Result<(), DbErr> {
    let newer = Expr::col((region::Entity, region::Column::Version)).add(1);
    let conflict = OnConflict::columns([region::Column::Code, region::Column::Level])
        .update_columns([region::Column::NameZh, region::Column::ParentCode])
        .value(region::Column::Version, newer)
        .to_owned();
    let rows = rows.into_iter().map(|(region, name, parent)| row_of(region, name, parent));
    region::Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(db).await.map(|_| ())
}

fn row_of(region: Region, name_zh: String, parent: Option<RegionCode>) -> region::ActiveModel {
    region::ActiveModel {
        code: Set(region.code),
        level: Set(region.level),
        name_zh: Set(name_zh),
        parent_code: Set(parent),
        version: Set(1),
    }
}

/// Renames a region that nobody changed meanwhile.
pub(super) async fn rename(
    db: &impl ConnectionTrait,
    mut row: region::Model,
    name_zh: String,
) -> Result<region::Model, ApiError> {
    let renamed = region::Entity::update_many()
        .col_expr(region::Column::NameZh, Expr::value(name_zh.as_str()))
        .col_expr(region::Column::Version, Expr::col(region::Column::Version).add(1))
        .filter(same(&row))
        .exec(db)
        .await?;
    row.version += 1;
    row.name_zh = name_zh;
    if renamed.rows_affected == 1 {
        Ok(row)
    } else {
        Err(ApiError::with(Code::Stale, "version", row.version))
    }
}

/// Deletes a region that nobody changed meanwhile.
pub(super) async fn delete(db: &impl ConnectionTrait, row: &region::Model) -> Result<bool, DbErr> {
    Ok(region::Entity::delete_many().filter(same(row)).exec(db).await?.rows_affected == 1)
}

fn same(row: &region::Model) -> Condition {
    Condition::all()
        .add(region::Column::Code.eq(row.code))
        .add(region::Column::Level.eq(row.level))
        .add(region::Column::Version.eq(row.version))
}

/// What names a region, if anything does, in Chinese and English.
pub(super) async fn used_by(
    db: &impl ConnectionTrait,
    row: &region::Model,
) -> Result<Option<(&'static str, &'static str)>, DbErr> {
    let (code, level) = (row.code, row.level);
    // Two levels of one code share their children; only one of them may then go.
    let below = region::Entity::find()
        .filter(region::COLUMN.parent_code.eq(code))
        .filter(region::COLUMN.level.ne(level));
    if any(db, below).await? {
        return Ok(Some(("下级区划", "regions below")));
    }
    let institutions = institution::Entity::find()
        .filter(institution::COLUMN.region_code.eq(code))
        .filter(institution::COLUMN.region_level.eq(level));
    if any(db, institutions).await? {
        return Ok(Some(("机构", "institutions")));
    }
    let staff = staff::Entity::find()
        .filter(staff::COLUMN.region_code.eq(code))
        .filter(staff::COLUMN.region_level.eq(level));
    if any(db, staff).await? {
        return Ok(Some(("人员", "staff")));
    }
    if any(db, catchment::Entity::find_by_id((code, level))).await? {
        return Ok(Some(("管理范围", "a catchment")));
    }
    let targets = target::Entity::find()
        .filter(target::COLUMN.region_code.eq(code))
        .filter(target::COLUMN.region_level.eq(level));
    if any(db, targets).await? {
        return Ok(Some(("目标", "targets")));
    }
    if any(db, handbook::Entity::find().filter(handbook::COLUMN.region_code.eq(code))).await? {
        return Ok(Some(("手册", "handbooks")));
    }
    Ok(None)
}

async fn any<E: EntityTrait>(db: &impl ConnectionTrait, found: Select<E>) -> Result<bool, DbErr> {
    Ok(found.one(db).await?.is_some())
}
