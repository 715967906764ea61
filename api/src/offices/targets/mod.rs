//! Yearly targets of a region: what it set, what a region above it set, or what the programme says.

pub mod set;
pub mod show;
mod store;

use domain::place::Region;
use domain::usage::{TargetIndicator, default_target_percent};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::RegionRef;
use crate::usage;

/// First and last year that a target may be of.
const YEARS: std::ops::RangeInclusive<i32> = 2016..=2100;

/// The target of one region, year and indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Per cent to reach.
    pub percent: u8,
    /// The region that set it: this one or one above; nobody when it is the programme's.
    pub set_by: Option<Region>,
    /// Version of what this region itself set; 0 when it set nothing.
    pub version: i32,
}

/// The target that a region is held against: its own, else that of the nearest region above, else the programme's for
/// the years since the handbook was launched there.
pub async fn of(
    db: &impl ConnectionTrait,
    region: Region,
    year: i32,
    indicator: TargetIndicator,
) -> Result<Target, DbErr> {
    let set = store::set_for(db, region, year, indicator).await?;
    if let Some(row) = set {
        let by = Region { code: row.region_code, level: row.region_level };
        return Ok(Target {
            percent: u8::try_from(row.percent).unwrap_or(100),
            set_by: Some(by),
            version: if by == region { row.version } else { 0 },
        });
    }
    let launched_in = launched_in(db, region).await?.unwrap_or(year);
    Ok(Target { percent: default_target_percent(indicator, year - launched_in), set_by: None, version: 0 })
}

/// The year in which the handbook was launched in a region: the first with a target or an issue.
pub async fn launched_in(db: &impl ConnectionTrait, region: Region) -> Result<Option<i32>, DbErr> {
    let target = store::first_target_year(db, region).await?;
    let issue = usage::store::first_issue(db, region).await?;
    Ok(target.into_iter().chain(issue.map(|month| month.year())).min())
}

/// `?region=&level=&year=` of the targets.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// Division code of the region.
    #[param(value_type = i64)]
    region: domain::place::RegionCode,
    /// Level at which the code is meant.
    #[param(value_type = String)]
    level: domain::place::RegionLevel,
    /// Year.
    #[param(minimum = 2016, maximum = 2100)]
    year: i32,
}

impl Place {
    fn region(self) -> Region {
        Region { code: self.region, level: self.level }
    }

    fn check_year(self) -> Result<(), crate::error::ApiError> {
        if YEARS.contains(&self.year) {
            return Ok(());
        }
        Err(crate::query::out_of_range("year", YEARS.start(), YEARS.end()))
    }
}

/// One target as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Target)]
pub(crate) struct View {
    /// Which rate.
    #[schema(value_type = String)]
    indicator: TargetIndicator,
    /// Its name in Chinese.
    label_zh: &'static str,
    /// Its name in English.
    label_en: &'static str,
    /// Per cent to reach.
    percent: u8,
    /// The region that set it; nothing when it is the programme's.
    set_by: Option<RegionRef>,
    /// Send it as `If-Match` when setting the target of this region; 0 when it set none.
    version: i32,
}

fn view(indicator: TargetIndicator, target: Target) -> View {
    View {
        indicator,
        label_zh: indicator.zh(),
        label_en: indicator.en(),
        percent: target.percent,
        set_by: target.set_by.map(RegionRef::from),
        version: target.version,
    }
}
