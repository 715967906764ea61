//! Table `access_log`.

use domain::access::Tie;
use domain::id::{AccessId, HandbookId, InstitutionId, StaffId, VisitId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessId,
    pub at: DateTimeUtc,
    pub staff_id: StaffId,
    pub institution_id: Option<InstitutionId>,
    pub handbook_id: HandbookId,
    pub action: String,
    pub tie: Option<Tie>,
    pub visit_id: Option<VisitId>,
    pub request_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
