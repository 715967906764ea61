//! Table `usage_rollup`.
//!
//! Closed months, added up per region of every level.

use domain::calendar::Month;
use domain::handbook::Group;
use domain::institution::ReportColumn;
use domain::place::{RegionCode, RegionLevel};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_rollup")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_code: RegionCode,
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_level: RegionLevel,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issued_group: Group,
    #[sea_orm(primary_key, auto_increment = false)]
    pub report_column: ReportColumn,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issued_in: Month,
    #[sea_orm(primary_key, auto_increment = false)]
    pub used_in: Month,
    pub event_month: Month,
    pub count: i64,
}

impl ActiveModelBehavior for ActiveModel {}
