//! Table `handbook_contact`.
//!
//! The phone that a desk wrote down for one handbook.

use domain::id::HandbookId;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "handbook_contact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub handbook_id: HandbookId,
    pub phone: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
