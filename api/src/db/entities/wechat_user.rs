//! Table `wechat_user`.

use domain::id::{PersonId, UserId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wechat_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub openid: Vec<u8>,
    #[sea_orm(unique)]
    pub openid_index: Vec<u8>,
    pub unionid: Option<Vec<u8>>,
    pub person_id: Option<PersonId>,
    pub created_at: DateTimeUtc,
    pub closed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
