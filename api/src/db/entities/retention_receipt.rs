//! Table `retention_receipt`: what a closing or the end of a period did to which kind of data.

use domain::id::{HandbookId, ReceiptId};
use domain::retention::EndState;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "retention_receipt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReceiptId,
    pub handbook_id: Option<HandbookId>,
    pub cause: String,
    pub kind: String,
    pub end_state: EndState,
    pub amount: i64,
    pub basis: String,
    pub done_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
