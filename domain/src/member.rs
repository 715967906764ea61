//! A user's place in a handbook, and what may change it.

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
}

/// May a member who is an owner stop being one, with `owners` counted before the change?
pub fn may_stop_being_owner(owners: u64) -> Result<(), MemberRefusal> {
    if owners <= 1 { Err(MemberRefusal::LastOwner) } else { Ok(()) }
}
