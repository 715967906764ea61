//! Table `audit_event`.
//!
//! Its words are read as text: what a newer replica wrote must neither hide a page nor break a seal.

use domain::id::{BatchId, EventId, HandbookId, InstitutionId, RecordId, StaffId, UserId, VisitId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    pub at: DateTimeUtc,
    pub staff_id: Option<StaffId>,
    pub user_id: Option<UserId>,
    pub command: Option<String>,
    pub institution_id: Option<InstitutionId>,
    pub handbook_id: Option<HandbookId>,
    pub kind: String,
    pub action: String,
    pub operation: Option<String>,
    pub tie: Option<String>,
    pub visit_id: Option<VisitId>,
    pub record_id: Option<RecordId>,
    pub object_id: Option<Uuid>,
    pub request_id: Option<Uuid>,
    pub batch_id: Option<BatchId>,
}

impl ActiveModelBehavior for ActiveModel {}
