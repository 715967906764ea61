//! Table `issuance`.

use super::ExplainedList;
use domain::calendar::Month;
use domain::handbook::Group;
use domain::handbook::issuing::IssueKind;
use domain::id::{HandbookId, InstitutionId, IssuanceId, StaffId};
use domain::institution::{AgencyClass, ReportColumn};
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "issuance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IssuanceId,
    pub handbook_id: HandbookId,
    pub kind: IssueKind,
    pub institution_id: InstitutionId,
    pub staff_id: StaffId,
    pub region_code: RegionCode,
    pub issued_group: Group,
    pub agency_class: AgencyClass,
    pub report_column: ReportColumn,
    pub edition: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub explained: ExplainedList,
    pub override_reason: Option<Vec<u8>>,
    pub issued_at: DateTimeUtc,
    pub issued_in: Month,
}

impl ActiveModelBehavior for ActiveModel {}
