//! Table `photo`.

use domain::id::{HandbookId, PhotoId, RecordId, UserId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "photo")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PhotoId,
    pub handbook_id: HandbookId,
    pub record_id: Option<RecordId>,
    pub user_id: UserId,
    pub content_type: String,
    pub bytes: i32,
    pub width: i32,
    pub height: i32,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
