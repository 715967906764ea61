//! Table `visit`.

use domain::id::{HandbookId, InstitutionId, StaffId, VisitId};
use domain::visit::VisitKind;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "visit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VisitId,
    pub handbook_id: HandbookId,
    pub institution_id: InstitutionId,
    pub staff_id: StaffId,
    pub kind: VisitKind,
    pub reason: Option<Vec<u8>>,
    pub opened_at: DateTimeUtc,
    pub ends_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
