//! A user's place in a handbook, and what may change it.

use std::ops::RangeInclusive;

use crate::word::words;

words! {
    /// What a member may do in the handbook.
    pub enum MemberRole {
        Owner = "owner", "户主", "owner";
        Guardian = "guardian", "监护人", "guardian";
        Viewer = "viewer", "查看者", "viewer";
    }
}

words! {
    /// Who the member is to the child or the woman.
    pub enum MemberRelation {
        Woman = "woman", "本人（孕产妇）", "the woman herself";
        Father = "father", "父亲", "father";
        Grandparent = "grandparent", "（外）祖父母", "grandparent";
        Other = "other", "其他", "other";
    }
}

/// Why a change of members is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// A handbook that is claimed always has an owner.
    #[error("the last owner cannot leave")]
    LastOwner,
    /// A handbook has one woman; another member has proved to be her already.
    #[error("the woman herself is a member already")]
    WomanTaken,
    /// A father or grandparent does not prove to be the woman.
    #[error("the member is not the woman")]
    NotTheWoman,
    /// Nobody takes a woman's handbook from her: the verified woman leaves or hands over by herself.
    #[error("the verified woman is removed or lowered by nobody but herself")]
    WomanStays,
    /// More members than a family has.
    #[error("a handbook has at most {MEMBERS_MAX} members")]
    TooMany,
}

/// Most live members of a handbook.
pub const MEMBERS_MAX: u64 = 20;

/// How long an invitation may be good, in hours: one hour to a week.
pub const INVITATION_HOURS: RangeInclusive<i64> = 1..=168;

/// May a member who is an owner stop being one, with `owners` counted before the change?
pub fn may_stop_being_owner(owners: u64) -> Result<(), MemberRefusal> {
    if owners <= 1 { Err(MemberRefusal::LastOwner) } else { Ok(()) }
}

/// May another owner remove this member or lower their role?
pub fn may_be_lowered_by_another(is_woman: bool) -> Result<(), MemberRefusal> {
    if is_woman { Err(MemberRefusal::WomanStays) } else { Ok(()) }
}

/// Whether a role allows less than another.
pub fn is_lower(role: MemberRole, than: MemberRole) -> bool {
    let rank = |role| match role {
        MemberRole::Owner => 2,
        MemberRole::Guardian => 1,
        MemberRole::Viewer => 0,
    };
    rank(role) < rank(than)
}

/// May a member of this relation prove to be the woman herself, with `is_proved` saying whether a member has?
///
/// The relation is what a member says and proves nothing, so several may call themselves the woman: else whoever said so
/// first would keep her out. Only one of them is proved to be her.
pub fn may_prove_to_be_the_woman(relation: MemberRelation, is_proved: bool) -> Result<(), MemberRefusal> {
    match (relation, is_proved) {
        (MemberRelation::Woman, false) => Ok(()),
        (MemberRelation::Woman, true) => Err(MemberRefusal::WomanTaken),
        (MemberRelation::Father | MemberRelation::Grandparent | MemberRelation::Other, _) => {
            Err(MemberRefusal::NotTheWoman)
        }
    }
}

/// May one more join, with `members` counted before?
pub fn may_join(members: u64) -> Result<(), MemberRefusal> {
    if members >= MEMBERS_MAX { Err(MemberRefusal::TooMany) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_owner_stays_and_the_woman_is_removed_by_nobody() {
        assert_eq!(may_stop_being_owner(1), Err(MemberRefusal::LastOwner));
        assert_eq!(may_stop_being_owner(2), Ok(()));
        assert_eq!(may_be_lowered_by_another(true), Err(MemberRefusal::WomanStays));
        assert_eq!(may_be_lowered_by_another(false), Ok(()));
        assert!(is_lower(MemberRole::Viewer, MemberRole::Guardian));
        assert!(!is_lower(MemberRole::Owner, MemberRole::Guardian));
        assert_eq!(may_join(MEMBERS_MAX - 1), Ok(()));
        assert_eq!(may_join(MEMBERS_MAX), Err(MemberRefusal::TooMany));
    }

    #[test]
    fn one_who_says_to_be_the_woman_proves_it_once_and_nobody_else_does() {
        assert_eq!(may_prove_to_be_the_woman(MemberRelation::Woman, false), Ok(()));
        assert_eq!(may_prove_to_be_the_woman(MemberRelation::Woman, true), Err(MemberRefusal::WomanTaken));
        for relation in [MemberRelation::Father, MemberRelation::Grandparent, MemberRelation::Other] {
            assert_eq!(may_prove_to_be_the_woman(relation, false), Err(MemberRefusal::NotTheWoman));
        }
    }
}
