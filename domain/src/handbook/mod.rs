//! The handbook: states and moves, and the groups that a report counts apart.
//!
//! Numbers, codes, the cover, and the rules of issuing and claiming have a file each.

pub mod claim;
pub mod code;
pub mod cover;
pub mod identity;
pub mod issuing;
pub mod number;

use chrono::NaiveDate;

use crate::calendar::age_in_years;
use crate::word::words;

/// The national edition of the printed book that is issued; it stands on every issue event.
pub const EDITION: &str = "2017";

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
        AccountClosed = "account_closed", "家庭已注销账号", "the family closed its account";
    }
}

words! {
    /// Why a handbook was given instead of another.
    pub enum ReplaceReason {
        Lost = "lost", "遗失", "lost";
        Damaged = "damaged", "损坏", "damaged";
    }
}

/// Why a handbook is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseRefusal {
    /// A handbook is closed for age when every child of it is past 6 years and nobody is pregnant.
    #[error("a child of the handbook is not past 6 years, or there is none")]
    NotPastSix,
    /// A family closes its account itself; no desk says so for it.
    #[error("the family closes its account itself")]
    OfTheFamily,
}

/// May a handbook with these children be closed for this reason today?
pub fn may_close(
    reason: CloseReason,
    children_born_on: &[NaiveDate],
    is_pregnant: bool,
    today: NaiveDate,
) -> Result<(), CloseRefusal> {
    let past_six = |born_on: &NaiveDate| age_in_years(*born_on, today) >= 6;
    let all_past_six = !children_born_on.is_empty() && children_born_on.iter().all(past_six) && !is_pregnant;
    match reason {
        CloseReason::AccountClosed => Err(CloseRefusal::OfTheFamily),
        CloseReason::ChildPastSix if !all_past_six => Err(CloseRefusal::NotPastSix),
        _ => Ok(()),
    }
}

impl State {
    /// Records may be added and read.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Issued | Self::Claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handbook_closes_for_age_on_the_sixth_birthday_of_its_youngest_child() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let twins = [day("2020-11-21"), day("2020-11-22")];
        let close = |children: &[NaiveDate], is_pregnant, today| {
            may_close(CloseReason::ChildPastSix, children, is_pregnant, day(today))
        };
        assert_eq!(close(&twins, false, "2026-11-21"), Err(CloseRefusal::NotPastSix));
        assert_eq!(close(&twins, false, "2026-11-22"), Ok(()));
        assert_eq!(close(&twins, true, "2026-11-22"), Err(CloseRefusal::NotPastSix));
        assert_eq!(close(&[], false, "2026-11-22"), Err(CloseRefusal::NotPastSix));
        assert_eq!(may_close(CloseReason::MovedAway, &twins, true, day("2021-01-01")), Ok(()));
        assert_eq!(
            may_close(CloseReason::AccountClosed, &[], false, day("2021-01-01")),
            Err(CloseRefusal::OfTheFamily)
        );
    }
}
