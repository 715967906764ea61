//! Rows of targets, and the first year of a region.

use domain::place::{Region, RegionLevel};
use domain::usage::TargetIndicator;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use crate::db::entities::target;
use crate::db::statement;

/// What the region, or the nearest one above it, set.
pub(super) async fn set_for(
    db: &impl ConnectionTrait,
    region: Region,
    year: i32,
    indicator: TargetIndicator,
) -> Result<Option<target::Model>, DbErr> {
    let levels = || RegionLevel::ALL.iter().copied().filter(|level| *level <= region.level);
    let rows = target::Entity::find()
        .filter(target::COLUMN.region_code.is_in(levels().map(|level| region.code.at(level))))
        .filter(target::COLUMN.year.eq(year))
        .filter(target::COLUMN.indicator.eq(indicator))
        .all(db)
        .await?;
    let is_above = |row: &target::Model| {
        row.region_level <= region.level && row.region_code == region.code.at(row.region_level)
    };
    Ok(rows.into_iter().filter(is_above).max_by_key(|row| row.region_level))
}

/// Sets a target that nobody set since this version; says no when somebody did.
pub(super) async fn set(
    db: &impl ConnectionTrait,
    region: Region,
    year: i32,
    indicator: TargetIndicator,
    percent: u8,
    seen: i32,
) -> Result<bool, DbErr> {
    let affected = if seen == 0 {
        let first = statement(
            db.get_database_backend(),
            "INSERT INTO target (region_code, region_level, year, indicator, percent, version) VALUES (?, ?, ?, ?, ?, 1) \
             ON CONFLICT (region_code, region_level, year, indicator) DO NOTHING",
            [
                region.code.into(),
                region.level.into(),
                year.into(),
                indicator.into(),
                i32::from(percent).into(),
            ],
        );
        db.execute_raw(first).await?.rows_affected()
    } else {
        target::Entity::update_many()
            .col_expr(target::Column::Percent, Expr::value(i32::from(percent)))
            .col_expr(target::Column::Version, Expr::value(seen + 1))
            .filter(target::COLUMN.region_code.eq(region.code))
            .filter(target::COLUMN.region_level.eq(region.level))
            .filter(target::COLUMN.year.eq(year))
            .filter(target::COLUMN.indicator.eq(indicator))
            .filter(target::COLUMN.version.eq(seen))
            .exec(db)
            .await?
            .rows_affected
    };
    Ok(affected == 1)
}

/// The first year for which a region set a target.
pub(super) async fn first_target_year(
    db: &impl ConnectionTrait,
    region: Region,
) -> Result<Option<i32>, DbErr> {
    let first = target::Entity::find()
        .filter(target::COLUMN.region_code.eq(region.code))
        .filter(target::COLUMN.region_level.eq(region.level))
        .order_by_asc(target::COLUMN.year)
        .one(db)
        .await?;
    Ok(first.map(|row| row.year))
}
