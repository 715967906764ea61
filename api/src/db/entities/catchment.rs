//! Table `catchment`.
//!
//! Which institution manages the subjects that live in a region.

use domain::id::InstitutionId;
use domain::place::{RegionCode, RegionLevel};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "catchment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_code: RegionCode,
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_level: RegionLevel,
    pub institution_id: InstitutionId,
}

impl ActiveModelBehavior for ActiveModel {}
