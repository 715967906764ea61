//! Who may do what: one table of role x relation x action. Whatever is not in the table is refused.

mod post;
mod table;
#[cfg(test)]
mod tests;

pub use post::{PostRefusal, Role, check_post, may_grant};

use self::table::{FAMILY, OFFICE, STAFF};
use crate::member::MemberRole;
use crate::word::words;

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
