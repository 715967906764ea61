//! Agency classes, and in which column of the quarterly report an institution's issues count.

use std::collections::BTreeSet;

use crate::handbook::Group;
use crate::word::words;

words! {
    /// What an institution is in the three-level network (document 002).
    pub enum AgencyClass {
        TownshipFamilyPlanningOffice = "township_family_planning_office", "乡镇（街道）计生办", "township family-planning office";
        PreconceptionCheckProvider = "preconception_check_provider", "孕前优生健康检查服务机构", "preconception-check provider";
        PrimaryCare = "primary_care", "基层医疗卫生机构", "primary care";
        Midwifery = "midwifery", "助产机构", "midwifery institution";
        Kindergarten = "kindergarten", "托幼机构", "kindergarten";
        MchCounty = "mch_county", "县级妇幼保健机构", "county MCH institution";
        MchCity = "mch_city", "市级妇幼保健机构", "city MCH institution";
        MchProvince = "mch_province", "省级妇幼保健机构", "province MCH institution";
        HealthAuthority = "health_authority", "卫生健康行政部门", "health authority";
        Other = "other", "其他机构", "other institution";
    }
}

words! {
    /// Level of a hospital; a risk colour decides which level may deliver (国卫办妇幼发〔2017〕35号).
    pub enum InstitutionLevel {
        None = "none", "未定级", "not graded";
        Primary = "primary", "一级", "level 1";
        Secondary = "secondary", "二级", "level 2";
        Tertiary = "tertiary", "三级", "level 3";
    }
}

words! {
    /// ReportColumn of the quarterly report in which an issue counts (document 000, form R1).
    pub enum ReportColumn {
        TownshipOffice = "township_office", "乡镇（街道）计生办发放数", "township family-planning offices";
        PreconceptionProvider = "preconception_provider", "孕前优生健康检查服务机构发放数", "preconception-check providers";
        PrimaryCare = "primary_care", "基层医疗卫生机构发放数", "primary care";
        Midwifery = "midwifery", "助产机构发放数", "midwifery institutions";
        Other = "other", "其他机构", "others";
    }
}

impl AgencyClass {
    /// Whether institutions of this class answer for the subjects who live in a region.
    pub fn may_manage(self) -> bool {
        matches!(self, Self::PrimaryCare | Self::MchCounty)
    }
}

words! {
    /// What keeps an institution from issuing handbooks (document 000, flow B9).
    pub enum Obstacle {
        Ended = "ended", "机构已停用", "the institution has ended";
        NoServicePoint = "no_service_point", "未设发放服务点", "it is no service point";
        NoAdministrator = "no_administrator", "未指定手册管理员", "no handbook administrator is named";
        AdministratorLeft = "administrator_left", "手册管理员已离职", "its handbook administrator has left";
        AdministratorMoved = "administrator_moved", "手册管理员已调离", "its handbook administrator works elsewhere";
        AdministratorWithoutRole = "administrator_without_role", "手册管理员已无此角色", "its handbook administrator lost the role";
        AdministratorNotTrained = "administrator_not_trained", "手册管理员未培训", "its handbook administrator is not trained";
        NoGroups = "no_groups", "未授权发放人群", "it may issue to no group";
    }
}

/// What must hold of a service point and of its administrator before it can issue.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServicePoint {
    /// The institution has ended.
    pub ended: bool,
    /// The county named a service point here.
    pub is_service_point: bool,
    /// It may issue to at least one group.
    pub has_groups: bool,
    /// Its administrator, if one is named.
    pub administrator: Option<Administrator>,
}

/// The administrator of a service point.
#[derive(Debug, Clone, Copy, Default)]
pub struct Administrator {
    /// No longer works here at all.
    pub has_left: bool,
    /// Works at this institution.
    pub works_here: bool,
    /// Has the role of handbook administrator.
    pub has_role: bool,
    /// Was trained.
    pub is_trained: bool,
}

impl ServicePoint {
    /// The first thing that keeps the institution from issuing; nothing when it can.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if self.ended {
            return Some(Obstacle::Ended);
        }
        if !self.is_service_point {
            return Some(Obstacle::NoServicePoint);
        }
        let Some(administrator) = self.administrator else { return Some(Obstacle::NoAdministrator) };
        administrator.obstacle().or((!self.has_groups).then_some(Obstacle::NoGroups))
    }
}

impl Administrator {
    /// Why this person cannot be the administrator of the service point.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if self.has_left {
            Some(Obstacle::AdministratorLeft)
        } else if !self.works_here {
            Some(Obstacle::AdministratorMoved)
        } else if !self.has_role {
            Some(Obstacle::AdministratorWithoutRole)
        } else if !self.is_trained {
            Some(Obstacle::AdministratorNotTrained)
        } else {
            None
        }
    }
}

/// The agency classes of one institution: a health centre may deliver babies too.
pub type AgencyClasses = BTreeSet<AgencyClass>;

/// The class under which an issue to `group` counts, and its column (document 000, form R1). Whoever the form does not
/// name counts as other; with several classes the one that the form names counts, midwifery before primary care.
pub fn column_of(group: Group, classes: &AgencyClasses) -> (AgencyClass, ReportColumn) {
    let named: &[(AgencyClass, ReportColumn)] = match group {
        Group::Planning => &[
            (AgencyClass::TownshipFamilyPlanningOffice, ReportColumn::TownshipOffice),
            (AgencyClass::PreconceptionCheckProvider, ReportColumn::PreconceptionProvider),
        ],
        Group::Pregnant => &[
            (AgencyClass::Midwifery, ReportColumn::Midwifery),
            (AgencyClass::PrimaryCare, ReportColumn::PrimaryCare),
        ],
        Group::Child => &[(AgencyClass::PrimaryCare, ReportColumn::PrimaryCare)],
    };
    named
        .iter()
        .copied()
        .find(|(class, _)| classes.contains(class))
        .unwrap_or_else(|| (classes.iter().copied().min().unwrap_or(AgencyClass::Other), ReportColumn::Other))
}

/// The columns that the report form has for a group, in print order.
pub fn columns_of(group: Group) -> &'static [ReportColumn] {
    match group {
        Group::Planning => {
            &[ReportColumn::TownshipOffice, ReportColumn::PreconceptionProvider, ReportColumn::Other]
        }
        Group::Pregnant => &[ReportColumn::PrimaryCare, ReportColumn::Midwifery, ReportColumn::Other],
        Group::Child => &[ReportColumn::PrimaryCare, ReportColumn::Other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_point_issues_only_with_a_trained_administrator_who_works_there() {
        let able = Administrator { has_left: false, works_here: true, has_role: true, is_trained: true };
        let point = |administrator| ServicePoint {
            ended: false,
            is_service_point: true,
            has_groups: true,
            administrator,
        };
        assert_eq!(point(Some(able)).obstacle(), None);
        assert_eq!(point(None).obstacle(), Some(Obstacle::NoAdministrator));
        let cases = [
            (Administrator { has_left: true, ..able }, Obstacle::AdministratorLeft),
            (Administrator { works_here: false, ..able }, Obstacle::AdministratorMoved),
            (Administrator { has_role: false, ..able }, Obstacle::AdministratorWithoutRole),
            (Administrator { is_trained: false, ..able }, Obstacle::AdministratorNotTrained),
        ];
        for (administrator, obstacle) in cases {
            assert_eq!(point(Some(administrator)).obstacle(), Some(obstacle));
        }
        assert_eq!(
            ServicePoint { has_groups: false, ..point(Some(able)) }.obstacle(),
            Some(Obstacle::NoGroups)
        );
        assert_eq!(ServicePoint { ended: true, ..point(Some(able)) }.obstacle(), Some(Obstacle::Ended));
        assert_eq!(ServicePoint::default().obstacle(), Some(Obstacle::NoServicePoint));
    }

    #[test]
    fn an_issue_counts_in_the_column_that_the_form_names_for_the_group() {
        use AgencyClass::*;
        let cases = [
            (Group::Planning, vec![TownshipFamilyPlanningOffice], ReportColumn::TownshipOffice),
            (
                Group::Planning,
                vec![PreconceptionCheckProvider, Midwifery],
                ReportColumn::PreconceptionProvider,
            ),
            (Group::Planning, vec![PrimaryCare], ReportColumn::Other),
            (Group::Pregnant, vec![PrimaryCare, Midwifery], ReportColumn::Midwifery),
            (Group::Pregnant, vec![PrimaryCare], ReportColumn::PrimaryCare),
            (Group::Pregnant, vec![MchCounty], ReportColumn::Other),
            (Group::Child, vec![Midwifery], ReportColumn::Other),
            (Group::Child, vec![PrimaryCare, Midwifery], ReportColumn::PrimaryCare),
            (Group::Child, vec![], ReportColumn::Other),
        ];
        for (group, classes, column) in cases {
            let classes = AgencyClasses::from_iter(classes);
            assert_eq!(column_of(group, &classes).1, column, "{group} {classes:?}");
            assert!(columns_of(group).contains(&column));
        }
    }
}
