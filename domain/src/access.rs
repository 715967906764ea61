//! Who may do what: one table of role x relation x action. Whatever is not in the table is refused.

use crate::member::MemberRole;
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

words! {
    /// How a staff member stands to one handbook.
    pub enum Tie {
        Visit = "visit", "本次就诊", "an open visit at the own institution";
        LateResults = "late_results", "补录结果", "a past visit whose results may still come";
        Managing = "managing", "管理机构", "the managing institution";
        Issuing = "issuing", "发放机构", "the issuing institution";
        BreakGlass = "break_glass", "紧急调阅", "emergency access";
        Delegated = "delegated", "委托随访", "delegated by the health centre";
        InRegion = "in_region", "辖区管理", "inside the own region";
        Author = "author", "本人记录", "the author of a record in it";
        HighRisk = "high_risk", "高危管理", "a high-risk case of the own county";
    }
}

words! {
    /// What can be done in one handbook.
    pub enum Action {
        ReadCover = "read_cover", "查看手册封面", "read whose handbook it is and its dates";
        ReadRecords = "read_records", "查看记录", "read the records";
        ReadSensitive = "read_sensitive", "查看敏感结果", "read sensitive results";
        WriteEntry = "write_entry", "写自我记录", "write family entries";
        ShowCode = "show_code", "出示动态码", "show the dynamic code";
        ReadMembers = "read_members", "查看成员", "read the members";
        ManageMembers = "manage_members", "管理成员", "invite and remove members";
        Leave = "leave", "退出手册", "leave the handbook";
        ProveWoman = "prove_woman", "核实本人", "prove to be the woman herself";
        ReadAccessLog = "read_access_log", "查看访问记录", "read who looked";
        ReadNotices = "read_notices", "查看通知", "read what the family is told";
        Watch = "watch", "实时更新", "follow live changes";
        AttachCheckup = "attach_checkup", "录入检查", "attach a checkup";
        AttachResult = "attach_result", "补录检查结果", "attach a late result of a visit";
        CorrectOwn = "correct_own", "更正本人记录", "correct or void an own checkup";
        Countersign = "countersign", "审签", "countersign a delegated record";
        Delegate = "delegate", "委托", "delegate to a village doctor";
        ManagePregnancy = "manage_pregnancy", "维护孕情", "set pregnancy dates, outcome and births";
        PrintCode = "print_code", "打印二维码", "print, revoke and reprint the printed code";
        Reclaim = "reclaim", "重新绑定", "re-claim for a lost phone or account";
        Release = "release", "解除绑定", "release the handbook from its last owner";
        CorrectIdentity = "correct_identity", "更正身份信息", "correct identity that was typed wrong";
        Transfer = "transfer", "转出管理", "change the managing institution";
        Close = "close", "结案", "close the handbook";
        Replace = "replace", "换发", "replace a lost or damaged handbook";
        ReadAlerts = "read_alerts", "查看预警", "read and answer danger signs";
        FollowUpUsage = "follow_up_usage", "随访使用情况", "say whether the handbook was found in use";
        ReadResponsibility = "read_responsibility", "查看责任链", "read who answers for what";
        ReadConsents = "read_consents", "查看同意情况", "read what was agreed to";
        Consent = "consent", "同意或撤回", "agree to a purpose or withdraw";
        AskCorrection = "ask_correction", "申请更正", "ask to correct a clinician's record";
        ReadCorrections = "read_corrections", "查看更正申请", "read requests for correction";
    }
}

impl Action {
    /// Whether a member does it only under the privacy text in force: everything but to read what is asked, to answer it,
    /// and to leave.
    pub fn needs_consent(self) -> bool {
        !matches!(self, Self::ReadConsents | Self::Consent | Self::Leave)
    }
}

words! {
    /// What staff can do outside one handbook.
    pub enum OfficeAction {
        FindHandbook = "find_handbook", "查找手册", "find a handbook";
        IssueHandbook = "issue_handbook", "发放手册", "issue a handbook";
        OpenVisit = "open_visit", "扫码就诊", "open a visit";
        BreakGlass = "break_glass", "紧急调阅", "open emergency access";
        ReadUsage = "read_usage", "查看使用率", "read usage figures";
        ReadAlerts = "read_alerts", "查看预警列表", "read the danger signs of what one manages";
        Countersign = "countersign", "待审签列表", "read what awaits a countersign";
        ReadOwnCheckups = "read_own_checkups", "查看本人检查记录", "read the list of own checkups";
        ReadInstitutions = "read_institutions", "查看机构", "read institutions";
        ManageInstitutions = "manage_institutions", "管理机构", "create and change institutions";
        ManageStaff = "manage_staff", "管理人员", "create and change staff";
        ManageRegions = "manage_regions", "管理区划", "change regions";
        SetTargets = "set_targets", "设置目标", "set yearly targets";
        ReviewOverrides = "review_overrides", "复核", "review overrides and emergency access";
        ReadCorrections = "read_corrections", "查看更正申请", "read requests to correct records";
        AnswerCorrections = "answer_corrections", "答复更正申请", "answer requests to correct records";
        ReadUnused = "read_unused", "查看未使用手册名单", "read whose handbooks are not in use";
        AskDisclosure = "ask_disclosure", "申请导出名单", "ask for a list of persons and take it";
        ReadDisclosures = "read_disclosures", "查看导出记录", "read what was asked for and taken";
        DecideDisclosure = "decide_disclosure", "审批导出名单", "approve, refuse and look after exports of others";
    }
}

/// How a caller stands to one handbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A member of the family side.
    Member {
        /// The member's role.
        role: MemberRole,
        /// The member is proved to be the woman herself.
        is_woman: bool,
    },
    /// Staff with roles and ties to this handbook.
    Staff {
        /// Roles of the staff member.
        roles: Vec<Role>,
        /// Ties to this handbook.
        ties: Vec<Tie>,
    },
}

/// The answer of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed, for staff with the tie that allows it (it stands in the access log).
    Allowed(Option<Tie>),
    /// The caller may read the handbook but not do this: 403.
    Forbidden,
    /// The caller may not know that the handbook exists: 404.
    Hidden,
}

use Action as A;
use Role as R;
use Tie as T;

const CLINICAL_READ: &[Action] = &[A::ReadCover, A::ReadRecords];
const CLINICAL_WRITE: &[Action] =
    &[A::ReadCover, A::ReadRecords, A::AttachCheckup, A::CorrectOwn, A::ManagePregnancy];
const OWN_DESK: &[Action] = &[A::ReadCover, A::PrintCode, A::Reclaim, A::CorrectIdentity, A::Replace];

/// Staff: role x tie → actions. The first tie in this order that allows an action is the one that is logged.
const STAFF: &[(Role, Tie, &[Action])] = &[
    (R::Clinician, T::Visit, CLINICAL_WRITE),
    (R::Clinician, T::Visit, &[A::ReadSensitive, A::Watch]),
    (R::Clinician, T::Managing, CLINICAL_WRITE),
    (
        R::Clinician,
        T::Managing,
        &[
            A::ReadSensitive,
            A::Watch,
            A::Countersign,
            A::Delegate,
            A::ReadAlerts,
            A::Transfer,
            A::Close,
            A::ReadResponsibility,
        ],
    ),
    (
        R::Clinician,
        T::BreakGlass,
        &[A::ReadCover, A::ReadRecords, A::AttachCheckup, A::CorrectOwn, A::ReadSensitive],
    ),
    (R::Clinician, T::LateResults, &[A::AttachResult, A::CorrectOwn]),
    (R::Clinician, T::Author, &[A::CorrectOwn]),
    (R::HandbookAdministrator, T::Managing, OWN_DESK),
    (
        R::HandbookAdministrator,
        T::Managing,
        &[A::Transfer, A::Close, A::Release, A::ManagePregnancy, A::FollowUpUsage, A::ReadResponsibility],
    ),
    (R::HandbookAdministrator, T::Issuing, OWN_DESK),
    (R::HandbookAdministrator, T::Issuing, &[A::FollowUpUsage]),
    (R::HandbookAdministrator, T::Visit, OWN_DESK),
    (R::HandbookAdministrator, T::Visit, &[A::ManagePregnancy]),
    (R::KindergartenStaff, T::Visit, &[A::ReadCover, A::ReadRecords, A::AttachCheckup, A::CorrectOwn]),
    (R::KindergartenStaff, T::LateResults, &[A::AttachResult, A::CorrectOwn]),
    (R::KindergartenStaff, T::Author, &[A::CorrectOwn]),
    (R::VillageWorker, T::Delegated, &[A::ReadCover, A::AttachCheckup, A::CorrectOwn]),
    (R::VillageWorker, T::InRegion, &[A::ReadCover, A::FollowUpUsage]),
    (R::TownshipOffice, T::InRegion, &[A::ReadCover, A::FollowUpUsage]),
    (R::TownshipOffice, T::Issuing, &[A::ReadCover, A::PrintCode, A::FollowUpUsage]),
    (R::VillageWorker, T::Author, &[A::CorrectOwn]),
    (R::CountyMch, T::InRegion, &[A::ReadCover, A::ReadAlerts, A::Transfer, A::Close, A::ReadResponsibility]),
    (R::CountyMch, T::Author, &[A::CorrectOwn]),
    (R::CountyMch, T::HighRisk, CLINICAL_READ),
    (R::CountyMch, T::HighRisk, &[A::ReadSensitive, A::AttachCheckup, A::CorrectOwn]),
];

/// Family: role → actions. Sensitive results are for the woman herself alone.
const FAMILY: &[(MemberRole, &[Action])] = &[
    (
        MemberRole::Owner,
        &[
            A::ReadCover,
            A::ReadRecords,
            A::WriteEntry,
            A::ShowCode,
            A::ReadMembers,
            A::ManageMembers,
            A::Leave,
            A::ProveWoman,
            A::ReadAccessLog,
            A::ReadNotices,
            A::Watch,
            A::ReadConsents,
            A::Consent,
            A::AskCorrection,
            A::ReadCorrections,
        ],
    ),
    (
        MemberRole::Guardian,
        &[
            A::ReadCover,
            A::ReadRecords,
            A::WriteEntry,
            A::ShowCode,
            A::ReadMembers,
            A::Leave,
            A::ProveWoman,
            A::ReadAccessLog,
            A::ReadNotices,
            A::Watch,
            A::ReadConsents,
            A::Consent,
            A::AskCorrection,
            A::ReadCorrections,
        ],
    ),
    (
        MemberRole::Viewer,
        &[
            A::ReadCover,
            A::ReadRecords,
            A::ReadMembers,
            A::Leave,
            A::ProveWoman,
            A::Watch,
            A::ReadConsents,
            A::Consent,
        ],
    ),
];

/// Staff outside one handbook: role → actions. The scope (institution or region) is a filter of every finder.
const OFFICE: &[(Role, &[OfficeAction])] = &[
    (
        R::Clinician,
        &[
            OfficeAction::OpenVisit,
            OfficeAction::BreakGlass,
            OfficeAction::ReadAlerts,
            OfficeAction::Countersign,
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadInstitutions,
            OfficeAction::ReadCorrections,
            OfficeAction::AnswerCorrections,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::HandbookAdministrator,
        &[
            OfficeAction::FindHandbook,
            OfficeAction::IssueHandbook,
            OfficeAction::OpenVisit,
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::KindergartenStaff,
        &[
            OfficeAction::OpenVisit,
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadCorrections,
            OfficeAction::AnswerCorrections,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::VillageWorker,
        &[
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::TownshipOffice,
        &[
            OfficeAction::FindHandbook,
            OfficeAction::IssueHandbook,
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::CountyMch,
        &[
            OfficeAction::FindHandbook,
            OfficeAction::ReadUsage,
            OfficeAction::ReadAlerts,
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadInstitutions,
            OfficeAction::ManageInstitutions,
            OfficeAction::ManageStaff,
            OfficeAction::SetTargets,
            OfficeAction::ReviewOverrides,
            OfficeAction::ReadCorrections,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
            OfficeAction::DecideDisclosure,
        ],
    ),
    (
        R::CityMch,
        &[
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::SetTargets,
            OfficeAction::ReadDisclosures,
            OfficeAction::DecideDisclosure,
        ],
    ),
    (
        R::ProvinceMch,
        &[
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::SetTargets,
            OfficeAction::ReadDisclosures,
            OfficeAction::DecideDisclosure,
        ],
    ),
    (
        R::HealthAuthority,
        &[OfficeAction::ReadUsage, OfficeAction::ReadInstitutions, OfficeAction::SetTargets],
    ),
    (
        R::SystemAdministrator,
        &[
            OfficeAction::ReadInstitutions,
            OfficeAction::ManageInstitutions,
            OfficeAction::ManageStaff,
            OfficeAction::ManageRegions,
            OfficeAction::SetTargets,
            OfficeAction::ReadUsage,
        ],
    ),
];

/// May this caller do this in the handbook?
pub fn may(standing: &Standing, action: Action) -> Verdict {
    match standing {
        Standing::Member { role, is_woman } => {
            let listed = FAMILY.iter().any(|(member, actions)| member == role && actions.contains(&action));
            let own_sensitive = action == Action::ReadSensitive && *is_woman;
            if listed || own_sensitive { Verdict::Allowed(None) } else { Verdict::Forbidden }
        }
        Standing::Staff { roles, ties } => {
            let rows = || STAFF.iter().filter(|(role, tie, _)| roles.contains(role) && ties.contains(tie));
            match rows().find(|(_, _, actions)| actions.contains(&action)) {
                Some((_, tie, _)) => Verdict::Allowed(Some(*tie)),
                None if rows().any(|(_, _, actions)| actions.contains(&Action::ReadCover)) => {
                    Verdict::Forbidden
                }
                None => Verdict::Hidden,
            }
        }
    }
}

/// May staff with these roles do this at all? What they may do it to is their scope.
pub fn may_in_office(roles: &[Role], action: OfficeAction) -> bool {
    OFFICE.iter().any(|(role, actions)| roles.contains(role) && actions.contains(&action))
}

/// The roles that a manager of staff may give: nobody gives more than they could be given from above.
pub fn may_grant(granting: &[Role], granted: Role) -> bool {
    if granting.contains(&Role::SystemAdministrator) {
        return true;
    }
    granting.contains(&Role::CountyMch)
        && matches!(
            granted,
            R::Clinician
                | R::HandbookAdministrator
                | R::KindergartenStaff
                | R::VillageWorker
                | R::TownshipOffice
                | R::CountyMch
        )
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(
                !matches!(may(&staff(role, Tie::ALL), Action::WriteEntry), Verdict::Allowed(_)),
                "{role}"
            );
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
        assert_eq!(
            may(&staff(R::Clinician, &[T::Visit]), A::ReadSensitive),
            Verdict::Allowed(Some(T::Visit))
        );
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
}
