//! Table `region`.

use domain::place::{RegionCode, RegionLevel};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "region")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: RegionCode,
    #[sea_orm(primary_key, auto_increment = false)]
    pub level: RegionLevel,
    pub name_zh: String,
    pub parent_code: Option<RegionCode>,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
