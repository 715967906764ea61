//! Table `password_issue`.
//!
//! Passwords that somebody issued for somebody else, each with who did and when.

use domain::id::StaffId;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_issue")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub staff_id: StaffId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issued_at: DateTimeUtc,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer_id: StaffId,
}

impl ActiveModelBehavior for ActiveModel {}
