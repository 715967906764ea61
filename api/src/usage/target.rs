//! The target of a year: the nearest that was set, from the region upwards, else the one of the programme.

use domain::calendar::Month;
use domain::place::Region;
use domain::usage::{TargetIndicator, default_target_percent};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use crate::db::entities::target;

/// The usage rate in per cent that a region is held to in a year. `launch` is the month of its first issue.
pub async fn of(
    db: &impl ConnectionTrait,
    region: Region,
    year: i32,
    launch: Option<Month>,
) -> Result<i32, DbErr> {
    let indicator = TargetIndicator::HandbookUsage;
    let places = region.and_above().fold(Condition::any(), |places, above| {
        places.add(
            Condition::all()
                .add(target::COLUMN.region_code.eq(above.code))
                .add(target::COLUMN.region_level.eq(above.level)),
        )
    });
    let set = target::Entity::find()
        .filter(target::COLUMN.year.eq(year))
        .filter(target::COLUMN.indicator.eq(indicator))
        .filter(places)
        .all(db)
        .await?;
    let nearest = set.iter().max_by_key(|row| row.region_level).map(|row| row.percent);
    let years = launch.map_or(0, |launch| year - launch.year());
    Ok(nearest.unwrap_or_else(|| i32::from(default_target_percent(indicator, years))))
}
