//! Roles, and what makes a post: which roles go together, with which institution and region, and who may give them.

use crate::place::RegionLevel;
use crate::word::words;

words! {
    /// What a staff member is; one person may hold several roles.
    pub enum Role {
        Clinician = "clinician", "医务人员", "clinician";
        HandbookAdministrator = "handbook_administrator", "手册管理员", "handbook administrator";
        KindergartenStaff = "kindergarten_staff", "托幼机构保健人员", "kindergarten health staff";
        VillageWorker = "village_worker", "村级人员", "village worker";
        TownshipOffice = "township_office", "乡镇卫健办", "township office";
        CountyMch = "county_mch", "县级妇幼保健人员", "county MCH";
        CityMch = "city_mch", "市级妇幼保健人员", "city MCH";
        ProvinceMch = "province_mch", "省级妇幼保健人员", "province MCH";
        HealthAuthority = "health_authority", "卫生健康行政人员", "health authority";
        SystemAdministrator = "system_administrator", "系统管理员", "system administrator";
    }
}

impl Role {
    /// Roles that reach beyond one institution must sign in with a second factor in production.
    pub fn needs_second_factor(self) -> bool {
        matches!(
            self,
            Self::CountyMch
                | Self::CityMch
                | Self::ProvinceMch
                | Self::HealthAuthority
                | Self::SystemAdministrator
        )
    }

    /// Roles whose scope is a region; the others belong to an institution.
    pub fn is_regional(self) -> bool {
        self.needs_second_factor() || matches!(self, Self::VillageWorker | Self::TownshipOffice)
    }

    /// The levels at which the region of a regional role may stand. A system administrator answers for the country,
    /// and the other roles take the region of their institution.
    pub fn levels(self) -> &'static [RegionLevel] {
        match self {
            Self::VillageWorker => &[RegionLevel::Village],
            Self::TownshipOffice => &[RegionLevel::Town],
            Self::CountyMch => &[RegionLevel::County],
            Self::CityMch => &[RegionLevel::City],
            Self::ProvinceMch => &[RegionLevel::Province],
            Self::HealthAuthority => &[RegionLevel::Province, RegionLevel::City, RegionLevel::County],
            Self::Clinician
            | Self::HandbookAdministrator
            | Self::KindergartenStaff
            | Self::SystemAdministrator => &[],
        }
    }
}

/// Why roles, institution and region do not make a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostRefusal {
    /// No role at all.
    #[error("at least one role is needed")]
    NoRole,
    /// A role stands twice.
    #[error("the role {0} stands twice")]
    RoleTwice(Role),
    /// A system administrator sees no health data, so the role stands alone, without institution and region.
    #[error("a system administrator has no other role, no institution and no region")]
    SystemAdministratorAlone,
    /// A role of an institution without one.
    #[error("the role {0} needs an institution")]
    InstitutionNeeded(Role),
    /// A regional role without a region.
    #[error("the role {0} needs a region")]
    RegionNeeded(Role),
    /// A region at a level at which the role does not exist.
    #[error("the role {0} cannot answer for a region of level {1}")]
    WrongLevel(Role, RegionLevel),
    /// Roles of an institution alone take its region.
    #[error("without a regional role the region is that of the institution")]
    RegionFromInstitution,
}

/// Judges whether roles, institution and region make a post.
pub fn check_post(
    roles: &[Role],
    has_institution: bool,
    region: Option<RegionLevel>,
) -> Result<(), PostRefusal> {
    let (&first, rest) = roles.split_first().ok_or(PostRefusal::NoRole)?;
    if let Some((_, &role)) = roles.iter().enumerate().find(|(at, role)| roles[..*at].contains(role)) {
        return Err(PostRefusal::RoleTwice(role));
    }
    if roles.contains(&Role::SystemAdministrator) {
        let alone = first == Role::SystemAdministrator && rest.is_empty();
        let free = !has_institution && region.is_none();
        return if alone && free { Ok(()) } else { Err(PostRefusal::SystemAdministratorAlone) };
    }
    if !has_institution && let Some(role) = roles.iter().find(|role| !role.is_regional()) {
        return Err(PostRefusal::InstitutionNeeded(*role));
    }
    let mut regional = roles.iter().copied().filter(|role| role.is_regional()).peekable();
    match (regional.peek(), region) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(PostRefusal::RegionFromInstitution),
        (Some(role), None) => Err(PostRefusal::RegionNeeded(*role)),
        (Some(_), Some(level)) => match regional.find(|role| !role.levels().contains(&level)) {
            Some(role) => Err(PostRefusal::WrongLevel(role, level)),
            None => Ok(()),
        },
    }
}

/// The roles that a manager of staff may give: nobody gives more than they could be given from above.
pub fn may_grant(granting: &[Role], granted: Role) -> bool {
    if granting.contains(&Role::SystemAdministrator) {
        return true;
    }
    granting.contains(&Role::CountyMch)
        && matches!(
            granted,
            Role::Clinician
                | Role::HandbookAdministrator
                | Role::KindergartenStaff
                | Role::VillageWorker
                | Role::TownshipOffice
                | Role::CountyMch
        )
}
