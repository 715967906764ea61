//! Which desk answers for what is known of a person, where several handbooks name the same woman.

use chrono::{DateTime, Utc};

use super::Group;
use crate::id::HandbookId;

/// How far a form that a desk fills in changes what is known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grip {
    /// Whoever fills it in answers for the person: what the form says counts.
    Answers,
    /// The same, at the issue of a child's handbook: its phone is the one at which the family is reached, whosever it is, and
    /// becomes hers only where she had none.
    AnswersForChild,
    /// Other desks answer for the person: nothing that finds or proves somebody is touched, and what is known stays.
    Elsewhere,
}

impl Grip {
    /// How far the issue of a handbook changes what is known of the woman; the desk that issues it may answer for all other
    /// handbooks of hers, of which there may be none, or not.
    pub fn at_issue(group: Group, answers_for_others: bool) -> Self {
        match group {
            _ if !answers_for_others => Self::Elsewhere,
            Group::Child => Self::AnswersForChild,
            Group::Planning | Group::Pregnant => Self::Answers,
        }
    }
}

/// Of the live handbooks of one woman, each with when it was first issued (of one that replaced another, when that was), the
/// one whose desk puts her identity right: the first. Else whoever issues her another anywhere could make her somebody else
/// in all of them.
pub fn keeper_of_identity(
    handbooks: impl IntoIterator<Item = (HandbookId, DateTime<Utc>)>,
) -> Option<HandbookId> {
    handbooks.into_iter().min_by_key(|(_, issued_at)| *issued_at).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_desk_that_does_not_answer_for_her_other_handbooks_touches_nothing() {
        for group in [Group::Planning, Group::Pregnant, Group::Child] {
            assert_eq!(Grip::at_issue(group, false), Grip::Elsewhere);
        }
        assert_eq!(Grip::at_issue(Group::Pregnant, true), Grip::Answers);
        assert_eq!(Grip::at_issue(Group::Child, true), Grip::AnswersForChild);
    }

    #[test]
    fn the_first_handbook_keeps_the_identity() {
        // Ids may be chosen by whoever issues: they say nothing.
        let issued = [(1, 30), (3, 10), (2, 20)].map(|(id, at)| {
            (HandbookId(Uuid::from_u128(id)), DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(at))
        });
        assert_eq!(keeper_of_identity(issued), Some(issued[1].0));
        assert_eq!(keeper_of_identity([]), None);
    }
}
