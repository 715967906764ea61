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
