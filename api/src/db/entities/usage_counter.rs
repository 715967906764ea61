//! Table `usage_counter`.
//!
//! One row per institution, group, column, month of issue and month of first use (0: every issued handbook).
//! `event_month` is the later of the two: the month in which the row can still change.

use domain::calendar::Month;
use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::institution::ReportColumn;
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub institution_id: InstitutionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_code: RegionCode,
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
    /// As much of it as the roll-up holds.
    pub rolled: i64,
}

impl ActiveModelBehavior for ActiveModel {}
