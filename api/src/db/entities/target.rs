//! Table `target`.

use domain::place::{RegionCode, RegionLevel};
use domain::usage::TargetIndicator;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "target")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_code: RegionCode,
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_level: RegionLevel,
    #[sea_orm(primary_key, auto_increment = false)]
    pub year: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub indicator: TargetIndicator,
    pub percent: i32,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
