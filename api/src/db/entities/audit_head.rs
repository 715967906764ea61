//! Table `audit_head`.

use sea_orm::entity::prelude::*;

use super::ChainEnds;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    pub made_at: DateTimeUtc,
    pub kept_from: DateTimeUtc,
    pub previous: Vec<u8>,
    pub chains: ChainEnds,
    pub hash: Vec<u8>,
    pub key_id: i32,
    pub signature: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
