//! Table `usage_rolled`.
//!
//! Months up to and including this one are in usage_rollup. One row.

use domain::calendar::Month;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_rolled")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub month: Month,
}

impl ActiveModelBehavior for ActiveModel {}
