//! Table `consent`.

use domain::id::{ConsentId, HandbookId, UserId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConsentId,
    pub handbook_id: HandbookId,
    pub user_id: UserId,
    pub text_version: String,
    pub as_guardian: bool,
    pub given_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
