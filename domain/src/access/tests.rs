//! Rows of the table that must never be otherwise.

use super::Action as A;
use super::Role as R;
use super::Tie as T;
use super::*;
use crate::place::RegionLevel;

fn staff(role: Role, ties: &[Tie]) -> Standing {
    Standing::Staff { roles: vec![role], ties: ties.to_vec() }
}

#[test]
fn nobody_without_a_tie_may_know_that_a_handbook_exists() {
    for &role in Role::ALL {
        for &action in Action::ALL {
            assert_eq!(may(&staff(role, &[]), action), Verdict::Hidden, "{role} {action}");
        }
    }
}

#[test]
fn only_the_family_writes_entries_and_only_clinical_roles_attach_checkups() {
    for &role in Role::ALL {
        assert!(!matches!(may(&staff(role, Tie::ALL), Action::WriteEntry), Verdict::Allowed(_)), "{role}");
    }
    for &role in MemberRole::ALL {
        let member = Standing::Member { role, is_woman: true };
        assert_eq!(may(&member, Action::AttachCheckup), Verdict::Forbidden);
    }
    assert_eq!(may(&staff(R::TownshipOffice, Tie::ALL), A::AttachCheckup), Verdict::Forbidden);
    assert_eq!(may(&staff(R::SystemAdministrator, Tie::ALL), A::ReadCover), Verdict::Hidden);
}

#[test]
fn a_woman_of_any_role_proves_who_she_is_and_no_staff_does_it_for_her() {
    for &role in MemberRole::ALL {
        let member = Standing::Member { role, is_woman: false };
        assert_eq!(may(&member, A::ProveWoman), Verdict::Allowed(None), "{role}");
    }
    for &role in Role::ALL {
        assert!(!matches!(may(&staff(role, Tie::ALL), A::ProveWoman), Verdict::Allowed(_)), "{role}");
    }
}

#[test]
fn sensitive_results_are_for_the_woman_the_treating_institution_and_county_mch() {
    let father = Standing::Member { role: MemberRole::Owner, is_woman: false };
    let woman = Standing::Member { role: MemberRole::Viewer, is_woman: true };
    assert_eq!(may(&father, A::ReadSensitive), Verdict::Forbidden);
    assert_eq!(may(&woman, A::ReadSensitive), Verdict::Allowed(None));
    assert_eq!(may(&staff(R::Clinician, &[T::Visit]), A::ReadSensitive), Verdict::Allowed(Some(T::Visit)));
    assert_eq!(may(&staff(R::VillageWorker, &[T::Delegated]), A::ReadSensitive), Verdict::Forbidden);
    assert_eq!(may(&staff(R::KindergartenStaff, &[T::Visit]), A::ReadSensitive), Verdict::Forbidden);
}

#[test]
fn late_results_do_not_read_history() {
    let after_visit = staff(R::Clinician, &[T::LateResults]);
    assert_eq!(may(&after_visit, A::AttachResult), Verdict::Allowed(Some(T::LateResults)));
    assert_eq!(may(&after_visit, A::ReadRecords), Verdict::Hidden);
    assert_eq!(may(&after_visit, A::AttachCheckup), Verdict::Hidden);
}

#[test]
fn only_who_reads_the_records_without_a_reason_follows_them_live() {
    for tie in [T::Visit, T::Managing] {
        assert_eq!(may(&staff(R::Clinician, &[tie]), A::Watch), Verdict::Allowed(Some(tie)));
    }
    let others = [
        (R::Clinician, T::BreakGlass),
        (R::KindergartenStaff, T::Visit),
        (R::HandbookAdministrator, T::Managing),
        (R::CountyMch, T::HighRisk),
    ];
    for (role, tie) in others {
        assert_eq!(may(&staff(role, &[tie]), A::Watch), Verdict::Forbidden, "{role} {tie}");
    }
}

#[test]
fn usage_is_followed_up_in_the_own_village_or_town_and_by_those_who_issue_or_manage() {
    let allowed = [
        (R::VillageWorker, T::InRegion),
        (R::TownshipOffice, T::InRegion),
        (R::TownshipOffice, T::Issuing),
        (R::HandbookAdministrator, T::Managing),
        (R::HandbookAdministrator, T::Issuing),
    ];
    for &role in Role::ALL {
        for &tie in Tie::ALL {
            let verdict = may(&staff(role, &[tie]), A::FollowUpUsage);
            assert_eq!(
                verdict == Verdict::Allowed(Some(tie)),
                allowed.contains(&(role, tie)),
                "{role} {tie}"
            );
        }
    }
}

#[test]
fn only_the_desk_of_the_managing_institution_releases_a_handbook() {
    for &role in Role::ALL {
        for &tie in Tie::ALL {
            let released = matches!(may(&staff(role, &[tie]), A::Release), Verdict::Allowed(_));
            assert_eq!(released, (role, tie) == (R::HandbookAdministrator, T::Managing), "{role} {tie}");
        }
    }
}

#[test]
fn a_post_is_an_institution_a_region_or_the_country_as_its_roles_ask() {
    use RegionLevel::{City, County, Town, Village};
    type Case<'a> = (&'a [Role], bool, Option<RegionLevel>, Result<(), PostRefusal>);
    let cases: &[Case<'_>] = &[
        (&[R::Clinician], true, None, Ok(())),
        (&[R::Clinician, R::HandbookAdministrator], true, None, Ok(())),
        (&[R::Clinician, R::VillageWorker], true, Some(Village), Ok(())),
        (&[R::TownshipOffice], false, Some(Town), Ok(())),
        (&[R::CountyMch, R::Clinician], true, Some(County), Ok(())),
        (&[R::HealthAuthority], false, Some(City), Ok(())),
        (&[R::SystemAdministrator], false, None, Ok(())),
        (&[], true, None, Err(PostRefusal::NoRole)),
        (&[R::Clinician, R::Clinician], true, None, Err(PostRefusal::RoleTwice(R::Clinician))),
        (&[R::Clinician], false, None, Err(PostRefusal::InstitutionNeeded(R::Clinician))),
        (&[R::Clinician], true, Some(Town), Err(PostRefusal::RegionFromInstitution)),
        (&[R::CountyMch], true, None, Err(PostRefusal::RegionNeeded(R::CountyMch))),
        (&[R::CountyMch], false, Some(City), Err(PostRefusal::WrongLevel(R::CountyMch, City))),
        (
            &[R::CountyMch, R::TownshipOffice],
            false,
            Some(County),
            Err(PostRefusal::WrongLevel(R::TownshipOffice, County)),
        ),
        (&[R::SystemAdministrator, R::Clinician], true, None, Err(PostRefusal::SystemAdministratorAlone)),
        (&[R::SystemAdministrator], false, Some(County), Err(PostRefusal::SystemAdministratorAlone)),
    ];
    for (roles, has_institution, region, expected) in cases {
        assert_eq!(check_post(roles, *has_institution, *region), *expected, "{roles:?} {region:?}");
    }
}

#[test]
fn an_author_corrects_at_any_time_and_reads_nothing_else() {
    for role in [R::Clinician, R::KindergartenStaff, R::VillageWorker, R::CountyMch] {
        let author = staff(role, &[T::Author]);
        assert_eq!(may(&author, A::CorrectOwn), Verdict::Allowed(Some(T::Author)), "{role}");
        assert_eq!(may(&author, A::ReadRecords), Verdict::Hidden, "{role}");
        assert_eq!(may(&author, A::AttachCheckup), Verdict::Hidden, "{role}");
    }
    assert_eq!(may(&staff(R::HandbookAdministrator, &[T::Author]), A::CorrectOwn), Verdict::Hidden);
}

#[test]
fn whoever_follows_up_usage_reads_the_list_for_it_and_only_mch_decides_on_lists_of_others() {
    let may_each = |action| -> Vec<Role> {
        Role::ALL.iter().copied().filter(|role| may_in_office(&[*role], action)).collect()
    };
    let follow_up = [R::HandbookAdministrator, R::VillageWorker, R::TownshipOffice, R::CountyMch];
    assert_eq!(may_each(OfficeAction::ReadUnused), follow_up);
    assert_eq!(may_each(OfficeAction::DecideDisclosure), [R::CountyMch, R::CityMch, R::ProvinceMch]);
    for role in may_each(OfficeAction::AskDisclosure) {
        assert!(may_in_office(&[role], OfficeAction::ReadDisclosures), "{role}");
    }
}

#[test]
fn a_county_cannot_make_city_or_system_roles() {
    assert!(may_grant(&[R::CountyMch], R::Clinician));
    for role in [R::CityMch, R::ProvinceMch, R::HealthAuthority, R::SystemAdministrator] {
        assert!(!may_grant(&[R::CountyMch], role));
    }
    assert!(!may_grant(&[R::Clinician, R::HandbookAdministrator], R::Clinician));
}
