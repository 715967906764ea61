//! Table `idempotency`.
//!
//! First answers of requests that must act once, kept 48 hours.

use domain::id::HandbookId;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub actor: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub request_hash: Vec<u8>,
    pub status: i32,
    pub answer: Vec<u8>,
    pub created_at: DateTimeUtc,
    pub handbook_id: Option<HandbookId>,
}

impl ActiveModelBehavior for ActiveModel {}
