//! Table `record_version`.
//!
//! Every state that a record had before the present one.

use domain::id::{RecordId, StaffId, UserId};
use domain::record::RecordState;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "record_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub record_id: RecordId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    pub state: RecordState,
    pub is_private: bool,
    pub occurred_on: Date,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    pub sealed: Option<Vec<u8>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub warnings: Json,
    /// Who replaced this version, and why.
    pub user_id: Option<UserId>,
    pub staff_id: Option<StaffId>,
    pub reason: Option<Vec<u8>>,
    pub replaced_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
