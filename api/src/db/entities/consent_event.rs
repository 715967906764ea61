//! Table `consent_event`: rows are added and never changed.

use domain::consent::{Channel, Purpose};
use domain::id::{ConsentId, HandbookId, UserId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "consent_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConsentId,
    pub handbook_id: HandbookId,
    pub purpose: Purpose,
    pub given: bool,
    pub text_version: String,
    pub text_hash: String,
    pub user_id: UserId,
    pub as_guardian: bool,
    pub channel: Channel,
    pub at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
