//! What of a handbook's cover a caller sees: one table, from how they stand to it.

use crate::access::{Action, Role, Standing, Tie, Verdict, may};

/// What of the cover is shown. Whatever is not named here (number, state, group, managing institution) everybody sees who
/// may read the cover at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CoverView {
    /// The woman's name in full; else masked.
    pub woman_in_full: bool,
    /// Her present address.
    pub address: bool,
    /// Her phone in full; else masked.
    pub phone_in_full: bool,
    /// The children's names in full, with their birth facts; else masked names.
    pub children_in_full: bool,
    /// The day on which the woman died.
    pub death_of_woman: bool,
    /// When the open pregnancy is due.
    pub due_date: bool,
    /// Dates and outcomes of the pregnancies.
    pub pregnancies: bool,
    /// The colour of the risk grade.
    pub risk_grade: bool,
    /// The purple mark, which names an infectious disease.
    pub purple: bool,
}

impl CoverView {
    /// What this caller sees. Village workers see name, address, due date and colour and nothing clinical; desks and
    /// offices see masked names; kindergartens see the child part.
    pub fn of(standing: &Standing) -> Self {
        let purple = allows(standing, Action::ReadSensitive);
        match standing {
            Standing::Member { .. } => Self { purple, ..Self::FAMILY },
            Standing::Staff { roles, ties } => Self { purple, ..Self::of_staff(standing, roles, ties) },
        }
    }

    const FAMILY: Self = Self {
        woman_in_full: true,
        address: true,
        phone_in_full: true,
        children_in_full: true,
        death_of_woman: true,
        due_date: true,
        pregnancies: true,
        risk_grade: true,
        purple: false,
    };

    fn of_staff(standing: &Standing, roles: &[Role], ties: &[Tie]) -> Self {
        let reads = allows(standing, Action::ReadRecords);
        let beyond_kindergarten = Standing::Staff {
            roles: roles.iter().copied().filter(|role| *role != Role::KindergartenStaff).collect(),
            ties: ties.to_vec(),
        };
        let reads_all = allows(&beyond_kindergarten, Action::ReadRecords);
        let visits_at_home = allows(&only(roles, ties, Role::VillageWorker), Action::ReadCover);
        let child_part_only = reads && !reads_all;
        Self {
            woman_in_full: reads_all || visits_at_home,
            address: reads_all || visits_at_home,
            phone_in_full: reads_all,
            children_in_full: reads,
            death_of_woman: !child_part_only || visits_at_home,
            due_date: !child_part_only || visits_at_home,
            pregnancies: reads_all || allows(standing, Action::ManagePregnancy),
            risk_grade: reads_all || visits_at_home,
            purple: false,
        }
    }
}

fn only(roles: &[Role], ties: &[Tie], role: Role) -> Standing {
    let roles = roles.iter().copied().filter(|held| *held == role).collect();
    Standing::Staff { roles, ties: ties.to_vec() }
}

fn allows(standing: &Standing, action: Action) -> bool {
    matches!(may(standing, action), Verdict::Allowed(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::MemberRole;

    fn staff(role: Role, tie: Tie) -> CoverView {
        CoverView::of(&Standing::Staff { roles: vec![role], ties: vec![tie] })
    }

    #[test]
    fn the_family_sees_everything_and_the_purple_mark_only_the_woman() {
        let member = |is_woman| CoverView::of(&Standing::Member { role: MemberRole::Guardian, is_woman });
        assert_eq!(member(false), CoverView::FAMILY);
        assert_eq!(member(true), CoverView { purple: true, ..CoverView::FAMILY });
    }

    #[test]
    fn a_village_worker_sees_name_address_due_date_and_colour() {
        let expected = CoverView {
            woman_in_full: true,
            address: true,
            death_of_woman: true,
            due_date: true,
            risk_grade: true,
            ..CoverView::default()
        };
        assert_eq!(staff(Role::VillageWorker, Tie::InRegion), expected);
        assert_eq!(staff(Role::VillageWorker, Tie::Delegated), expected);
    }

    #[test]
    fn desks_and_offices_see_masked_names_and_no_clinical_detail() {
        let office = CoverView { death_of_woman: true, due_date: true, ..CoverView::default() };
        assert_eq!(staff(Role::TownshipOffice, Tie::InRegion), office);
        assert_eq!(staff(Role::CountyMch, Tie::InRegion), office);
        assert_eq!(staff(Role::HandbookAdministrator, Tie::Issuing), office);
        let desk = CoverView { pregnancies: true, ..office };
        assert_eq!(staff(Role::HandbookAdministrator, Tie::Managing), desk);
    }

    #[test]
    fn clinicians_see_all_and_a_kindergarten_the_child_part() {
        let all = CoverView { purple: true, ..CoverView::FAMILY };
        assert_eq!(staff(Role::Clinician, Tie::Visit), all);
        assert_eq!(staff(Role::CountyMch, Tie::HighRisk), CoverView { pregnancies: true, ..all });
        let child_part = CoverView { children_in_full: true, ..CoverView::default() };
        assert_eq!(staff(Role::KindergartenStaff, Tie::Visit), child_part);
    }

    #[test]
    fn who_may_not_read_the_cover_sees_nothing() {
        for &role in &[Role::CityMch, Role::HealthAuthority, Role::SystemAdministrator] {
            let seen = staff(role, Tie::InRegion);
            assert!(!seen.woman_in_full && !seen.address && !seen.pregnancies && !seen.purple, "{role}");
        }
    }
}
