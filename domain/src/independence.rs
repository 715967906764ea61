//! Who may look over what somebody did: nobody who could have had the other's account in their hands.

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::StaffId;

/// How long an account that was made, or whose password was issued, counts as being in the hands of whoever did so (our own
/// setting): by then the person whom it is for would miss it.
pub const IN_OTHER_HANDS: TimeDelta = TimeDelta::days(30);

/// A staff account, as far as others had it in their hands.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// The account.
    pub id: StaffId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it; nobody for the first of a database.
    pub made_by: Option<StaffId>,
    /// Who last issued its password.
    pub reset_by: Option<StaffId>,
    /// When that was, if it is known.
    pub reset_at: Option<DateTime<Utc>>,
}

impl Account {
    /// Whether this account looks over what another did at an instant. It must have been there then, and neither may have had
    /// the other in its hands: whoever was made by the other, or had a password from them, never; whoever made the other or
    /// issued their password, not before [`IN_OTHER_HANDS`] has passed.
    pub fn may_look_over(&self, other: &Self, at: DateTime<Utc>) -> bool {
        let is_in_their_hands = [self.made_by, self.reset_by].contains(&Some(other.id));
        self.id != other.id
            && self.created_at <= at
            && !is_in_their_hands
            && !other.was_in_hands_of(self.id, at)
    }

    fn was_in_hands_of(&self, holder: StaffId, at: DateTime<Utc>) -> bool {
        let since = at - IN_OTHER_HANDS;
        let was_made = self.made_by == Some(holder) && self.created_at > since;
        let was_reset =
            self.reset_by == Some(holder) && self.reset_at.is_none_or(|reset_at| reset_at > since);
        was_made || was_reset
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const AT: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

    fn account(id: u128, days_before: i64) -> Account {
        let created_at = AT - TimeDelta::days(days_before);
        let id = StaffId(Uuid::from_u128(id));
        Account { id, created_at, made_by: None, reset_by: None, reset_at: None }
    }

    #[test]
    fn nobody_looks_over_their_own_or_what_was_done_before_they_came() {
        let (one, other) = (account(1, 100), account(2, 100));
        assert!(one.may_look_over(&other, AT));
        assert!(!one.may_look_over(&one, AT));
        assert!(account(3, 0).may_look_over(&other, AT));
        assert!(!account(3, -1).may_look_over(&other, AT));
    }

    #[test]
    fn whose_account_somebody_else_held_never_looks_over_what_that_one_did() {
        let other = account(2, 100);
        let made = Account { made_by: Some(other.id), ..account(1, 99) };
        let reset =
            Account { reset_by: Some(other.id), reset_at: Some(AT - TimeDelta::days(90)), ..account(1, 100) };
        assert!(!made.may_look_over(&other, AT));
        assert!(!reset.may_look_over(&other, AT));
    }

    #[test]
    fn whoever_made_an_account_waits_until_it_is_surely_somebody_elses() {
        let maker = account(1, 100);
        let made = |days| Account { made_by: Some(maker.id), ..account(2, days) };
        assert!(!maker.may_look_over(&made(29), AT));
        assert!(maker.may_look_over(&made(30), AT));
    }

    #[test]
    fn whoever_issued_a_password_waits_too_and_for_good_where_nobody_knows_when() {
        let issuer = account(1, 100);
        let reset = |reset_at| Account { reset_by: Some(issuer.id), reset_at, ..account(2, 100) };
        assert!(!issuer.may_look_over(&reset(None), AT));
        assert!(!issuer.may_look_over(&reset(Some(AT - TimeDelta::days(29))), AT));
        assert!(!issuer.may_look_over(&reset(Some(AT + TimeDelta::days(1))), AT));
        assert!(issuer.may_look_over(&reset(Some(AT - TimeDelta::days(30))), AT));
    }
}
