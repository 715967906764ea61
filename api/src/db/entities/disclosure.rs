//! Table `disclosure`: a list of persons that somebody asked for.

use domain::disclosure::{DisclosureState, Form, PersonList};
use domain::id::{DisclosureId, InstitutionId, StaffId};
use domain::place::{RegionCode, RegionLevel};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "disclosure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DisclosureId,
    pub staff_id: StaffId,
    pub institution_id: Option<InstitutionId>,
    pub region_code: RegionCode,
    pub region_level: RegionLevel,
    pub county_code: RegionCode,
    pub goes_above: bool,
    pub list: PersonList,
    #[sea_orm(column_type = "JsonBinary")]
    pub filters: Json,
    pub list_key: String,
    pub form: Form,
    pub lines: i64,
    pub purpose: Option<Vec<u8>>,
    pub state: DisclosureState,
    pub asked_at: DateTimeUtc,
    pub decided_at: Option<DateTimeUtc>,
    pub decided_by: Option<StaffId>,
    pub reason: Option<Vec<u8>>,
    pub holds_until: Option<DateTimeUtc>,
    pub taken: i32,
    pub taken_at: Option<DateTimeUtc>,
    pub seen_at: Option<DateTimeUtc>,
    pub seen_by: Option<StaffId>,
}

impl ActiveModelBehavior for ActiveModel {}
