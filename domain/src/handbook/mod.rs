//! The handbook: states and moves, and the groups that a report counts apart.
//!
//! Numbers, codes and the rules of issuing have a file each.

pub mod code;
pub mod issuing;
pub mod number;

use crate::word::words;

words! {
    /// To whom a handbook was issued; the three groups of the quarterly report never mix (document 000).
    pub enum Group {
        Planning = "planning", "计划怀孕妇女", "women planning a pregnancy";
        Pregnant = "pregnant", "孕妇", "pregnant women";
        Child = "child", "儿童", "children";
    }
}

words! {
    /// Where a handbook stands.
    pub enum State {
        Blank = "blank", "空白", "printed, not issued";
        Issued = "issued", "已发放", "issued, not claimed";
        Claimed = "claimed", "已领取", "claimed by a family";
        Closed = "closed", "已结案", "closed";
        Replaced = "replaced", "已换发", "replaced by a successor";
    }
}

words! {
    /// Why a handbook was closed.
    pub enum CloseReason {
        ChildPastSix = "child_past_six", "儿童满6周岁", "child past 6 years";
        MovedAway = "moved_away", "迁出", "moved away";
        Merged = "merged", "合并", "merged into another";
        Death = "death", "死亡", "death";
    }
}

impl State {
    /// Records may be added and read.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Issued | Self::Claimed)
    }

    /// `blank → issued → claimed → closed`, and `replaced` from any live state.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Blank, Self::Issued)
                | (Self::Issued, Self::Claimed | Self::Closed | Self::Replaced)
                | (Self::Claimed, Self::Closed | Self::Replaced)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_closed_or_replaced_and_nothing_returns_to_blank() {
        for &next in State::ALL {
            assert!(
                !State::Closed.may_become(next)
                    && !State::Replaced.may_become(next)
                    && !next.may_become(State::Blank)
            );
        }
        assert!(State::Issued.may_become(State::Claimed) && !State::Blank.may_become(State::Claimed));
    }
}
