//! Table `usage_evidence`.

use domain::id::HandbookId;
use domain::usage::Evidence;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_evidence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub handbook_id: HandbookId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: Evidence,
    pub first_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
