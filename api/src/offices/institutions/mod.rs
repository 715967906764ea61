//! Institutions: what they are, where they issue, and whom they manage. A county runs its own.

pub mod add;
pub mod catchment;
pub mod change;
pub mod end;
pub mod list;
pub mod show;
pub(crate) mod store;

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Role;
use domain::handbook::Group;
use domain::id::{InstitutionId, StaffId};
use domain::institution::{Administrator, AgencyClass, InstitutionLevel, Obstacle, ServicePoint};
use domain::place::{Region, Scope};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::RegionRef;
use crate::db::entities::{institution, staff};
use crate::error::ApiError;
use crate::form::Form;
use crate::problem::Code;
use crate::session::Staff;

/// Longest name of an institution.
pub(crate) const NAME_LENGTH: usize = 100;

/// What administrators say about an institution.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// Name.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) region: Region,
    /// What it is.
    pub(crate) classes: Vec<AgencyClass>,
    /// Level of a hospital.
    pub(crate) level: InstitutionLevel,
    /// Licensed to deliver babies.
    pub(crate) midwifery: bool,
    /// Where families reach it.
    pub(crate) phone: String,
    /// The county named a service point here.
    pub(crate) is_service_point: bool,
    /// Groups that it may issue to.
    pub(crate) issues_to: Vec<Group>,
}

impl Facts {
    /// The facts as they are kept; what is wrong goes to `form`.
    pub(crate) fn checked(mut self, form: &mut Form) -> Self {
        self.name = form.line("/name", &self.name, NAME_LENGTH);
        self.phone =
            form.phone("/phone", Some(&self.phone)).map_or(self.phone, |phone| phone.as_str().to_owned());
        form.no_twice("/classes", &self.classes);
        form.no_twice("/issues_to", &self.issues_to);
        if self.classes.is_empty() {
            form.refuse(
                "/classes",
                "required",
                "至少选择一个机构类别。",
                "At least one agency class is needed.",
            );
        }
        if self.classes.contains(&AgencyClass::Midwifery) && !self.midwifery {
            form.refuse(
                "/midwifery",
                "contradiction",
                "助产机构必须具备助产资质。",
                "A midwifery institution is licensed for midwifery.",
            );
        }
        if !self.is_service_point && !self.issues_to.is_empty() {
            form.refuse(
                "/issues_to",
                "contradiction",
                "未设发放服务点的机构不能发放手册。",
                "Only a service point issues handbooks.",
            );
        }
        self
    }
}

/// One institution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Institution)]
pub(crate) struct View {
    #[schema(value_type = Uuid)]
    id: InstitutionId,
    name: String,
    region: RegionRef,
    /// What it is in the three-level network.
    #[schema(value_type = Vec<String>)]
    classes: Vec<AgencyClass>,
    /// Level of a hospital: `none`, `primary`, `secondary`, `tertiary`.
    #[schema(value_type = String)]
    level: InstitutionLevel,
    /// Licensed to deliver babies.
    midwifery: bool,
    phone: String,
    /// The county named a service point here.
    is_service_point: bool,
    /// The handbook administrator of the service point.
    #[schema(value_type = Option<Uuid>)]
    administrator: Option<StaffId>,
    /// Groups that the county lets it issue to.
    #[schema(value_type = Vec<String>)]
    issues_to: Vec<Group>,
    /// Whether it can issue today.
    can_issue: bool,
    /// What keeps it from issuing.
    obstacle: Option<ObstacleView>,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    version: i32,
}

/// What keeps an institution from issuing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObstacleView {
    /// Stable word.
    #[schema(value_type = String)]
    code: Obstacle,
    /// In Chinese.
    zh: &'static str,
    /// In English.
    en: &'static str,
}

/// The rows as they are shown. Administrators are looked up for all of them at once.
pub(crate) async fn views(
    db: &impl ConnectionTrait,
    rows: Vec<institution::Model>,
    today: NaiveDate,
) -> Result<Vec<View>, ApiError> {
    let administrators = store::administrators(db, &rows).await?;
    let view = |row: institution::Model| {
        let administrator = row.administrator_id.and_then(|id| administrators.get(&id));
        view(row, administrator, today)
    };
    Ok(rows.into_iter().map(view).collect())
}

fn view(row: institution::Model, administrator: Option<&staff::Model>, today: NaiveDate) -> View {
    let point = ServicePoint {
        ended: row.ended_at.is_some(),
        is_service_point: row.is_service_point,
        has_groups: !row.issues_to.0.is_empty(),
        administrator: administrator.map(|staff| fitness(staff, row.id, today)),
    };
    let obstacle = point.obstacle();
    View {
        id: row.id,
        name: row.name,
        region: RegionRef { code: row.region_code, level: row.region_level },
        classes: row.classes.0,
        level: row.level,
        midwifery: row.midwifery,
        phone: row.phone,
        is_service_point: row.is_service_point,
        administrator: row.administrator_id,
        issues_to: row.issues_to.0,
        can_issue: obstacle.is_none(),
        obstacle: obstacle.map(|code| ObstacleView { code, zh: code.zh(), en: code.en() }),
        created_at: row.created_at,
        ended_at: row.ended_at,
        version: row.version,
    }
}

/// What a staff member is to the service point of an institution.
pub(crate) fn fitness(staff: &staff::Model, institution: InstitutionId, today: NaiveDate) -> Administrator {
    Administrator {
        has_left: staff.left_on.is_some_and(|left_on| left_on <= today),
        works_here: staff.institution_id == Some(institution),
        has_role: staff.roles.0.contains(&Role::HandbookAdministrator),
        is_trained: staff.trained_on.is_some_and(|trained_on| trained_on <= today),
    }
}

/// Where a row stands.
pub(crate) fn region_of(row: &institution::Model) -> Region {
    Region { code: row.region_code, level: row.region_level }
}

/// Refuses a region outside the scope.
pub(crate) fn within(scope: Scope, region: Region) -> Result<(), ApiError> {
    if scope.covers(region) { Ok(()) } else { Err(ApiError::told(Code::OutOfScope)) }
}

/// The institution that a manager may change; outside the scope it is not there.
async fn of_manager(
    db: &impl ConnectionTrait,
    manager: &Staff,
    id: &str,
) -> Result<institution::Model, ApiError> {
    let id = id.parse().map_err(|_| ApiError::told(Code::NotFound))?;
    let found = store::find(db, id).await?.filter(|row| manager.region.covers(region_of(row)));
    found.ok_or_else(|| ApiError::told(Code::NotFound))
}
