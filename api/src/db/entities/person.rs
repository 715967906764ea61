//! Table `person`.

use domain::id::PersonId;
use domain::person::Sex;
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PersonId,
    pub identity: Vec<u8>,
    #[sea_orm(unique)]
    pub id_number_index: Option<Vec<u8>>,
    pub phone_index: Option<Vec<u8>>,
    pub born_on: Option<Date>,
    pub sex: Option<Sex>,
    pub region_code: Option<RegionCode>,
    pub created_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
