//! Table `usage_day`.

use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_day")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    #[sea_orm(primary_key, auto_increment = false)]
    pub institution_id: InstitutionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_code: RegionCode,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issued_group: Group,
    pub issued: i64,
    pub used: i64,
}

impl ActiveModelBehavior for ActiveModel {}
