//! Table `institution`.

use super::{Classes, Groups};
use domain::id::{InstitutionId, StaffId};
use domain::institution::InstitutionLevel;
use domain::place::{RegionCode, RegionLevel};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "institution")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InstitutionId,
    pub name: String,
    pub region_code: RegionCode,
    pub region_level: RegionLevel,
    #[sea_orm(column_type = "JsonBinary")]
    pub classes: Classes,
    pub level: InstitutionLevel,
    pub midwifery: bool,
    pub is_service_point: bool,
    pub administrator_id: Option<StaffId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub issues_to: Groups,
    pub phone: String,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
