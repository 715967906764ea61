//! Table `staff`.

use super::Roles;
use domain::id::{InstitutionId, StaffId};
use domain::place::{RegionCode, RegionLevel};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "staff")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StaffId,
    #[sea_orm(unique)]
    pub user_name: String,
    pub name: Vec<u8>,
    pub title: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: Roles,
    pub institution_id: Option<InstitutionId>,
    pub region_code: Option<RegionCode>,
    pub region_level: Option<RegionLevel>,
    pub trained_on: Option<Date>,
    pub password_hash: String,
    pub password_issued: bool,
    pub totp: Option<Vec<u8>>,
    pub totp_last_step: i64,
    pub created_at: DateTimeUtc,
    pub left_on: Option<Date>,
    pub version: i32,
    /// Who made the account.
    pub made_by: Option<StaffId>,
    /// Who last issued its password.
    pub reset_by: Option<StaffId>,
    /// When that was; not known of one from before this was kept.
    pub reset_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
