//! Table `restoration`.
//!
//! When this database came out of a backup.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "restoration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub restored_at: DateTimeUtc,
    pub taken_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary")]
    pub tables: Json,
}

impl ActiveModelBehavior for ActiveModel {}
