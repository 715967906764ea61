//! Table `number_series`.

use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "number_series")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub county_code: RegionCode,
    #[sea_orm(primary_key, auto_increment = false)]
    pub year: i32,
    pub last_serial: i64,
}

impl ActiveModelBehavior for ActiveModel {}
