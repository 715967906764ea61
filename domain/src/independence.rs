//! Who may look over what somebody did: nobody who could have had the other's account in their hands, and nobody whose account a
//! third could have had in hands together with the other.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::StaffId;

/// How long an account that was made, or whose password was issued, counts as being in the hands of whoever did so (our own
/// setting): by then the person whom it is for would miss it.
pub const IN_OTHER_HANDS: TimeDelta = TimeDelta::days(30);

/// A password that somebody issued, the first one with the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// By whom.
    pub by: StaffId,
    /// When, if it is known.
    pub at: Option<DateTime<Utc>>,
}

/// A staff account, as far as others had it in their hands.
#[derive(Debug, Clone)]
pub struct Account {
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// It runs the system: whose account it makes, or makes free by issuing a password, is in no clinic's hands.
    pub runs_the_system: bool,
    /// Its passwords that others issued, in any order.
    pub issues: Vec<Issue>,
}

impl Account {
    /// Who could have had it in their hands at an instant, and since when: whoever made it or issued a password, from the last
    /// that the system's administrator issued.
    fn holders<'a>(&'a self, all: &'a Accounts, at: DateTime<Utc>) -> impl Iterator<Item = Issue> + 'a {
        let of_system = |by: StaffId| all.0.get(&by).is_some_and(|account| account.runs_the_system);
        let was_before = move |issue: &&Issue| issue.at.is_none_or(|issued_at| issued_at <= at);
        let before = self.issues.iter().filter(was_before);
        let freed_at = before.clone().filter(|issue| of_system(issue.by)).filter_map(|issue| issue.at).max();
        let counts = move |issue: &&Issue| {
            !of_system(issue.by) && issue.at.is_none_or(|issued_at| Some(issued_at) >= freed_at)
        };
        before.filter(counts).copied()
    }
}

/// Two accounts, and everybody's who could have had them in their hands.
#[derive(Debug, Default)]
pub struct Accounts(HashMap<StaffId, Account>);

impl Accounts {
    /// Adds an account.
    pub fn insert(&mut self, id: StaffId, account: Account) {
        self.0.insert(id, account);
    }

    /// Those who issued passwords and are not among the accounts yet.
    pub fn unknown(&self) -> HashSet<StaffId> {
        let issuers = self.0.values().flat_map(|account| account.issues.iter().map(|issue| issue.by));
        issuers.filter(|id| !self.0.contains_key(id)).collect()
    }

    /// Whether one looks over, now, what another did at an instant. The account must have been there then, and nobody may have
    /// had both in hands: the reviewer's ever, the other's within [`IN_OTHER_HANDS`] before it was done.
    pub fn may_look_over(
        &self,
        (reviewer, now): (StaffId, DateTime<Utc>),
        (of, at): (StaffId, DateTime<Utc>),
    ) -> bool {
        let (Some(account), Some(theirs)) = (self.0.get(&reviewer), self.0.get(&of)) else { return false };
        if account.created_at > at {
            return false;
        }
        let is_recent = |issue: &Issue| issue.at.is_none_or(|issued_at| issued_at > at - IN_OTHER_HANDS);
        let their_hands = self.hands(of, theirs.holders(self, at).filter(is_recent), at);
        self.hands(reviewer, account.holders(self, now), now).is_disjoint(&their_hands)
    }

    /// Somebody, their holders and the holders of these, each at the time when they took hold.
    fn hands(
        &self,
        own: StaffId,
        holders: impl Iterator<Item = Issue>,
        at: DateTime<Utc>,
    ) -> HashSet<StaffId> {
        let mut hands = HashSet::from([own]);
        let mut seen = HashSet::new();
        let mut waiting: Vec<_> = holders.map(|issue| (issue.by, issue.at.unwrap_or(at))).collect();
        while let Some((id, at)) = waiting.pop() {
            hands.insert(id);
            if !seen.insert((id, at)) {
                continue;
            }
            let next = self.0.get(&id).into_iter().flat_map(|account| account.holders(self, at));
            waiting.extend(next.map(|issue| (issue.by, issue.at.unwrap_or(at))));
        }
        hands
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const AT: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;
    const ADMINISTRATOR: u128 = 100;

    fn id(number: u128) -> StaffId {
        StaffId(Uuid::from_u128(number))
    }

    fn before(days: i64) -> DateTime<Utc> {
        AT - TimeDelta::days(days)
    }

    /// Accounts that were made 1,000 days ago, then issues: of whom, by whom, how many days ago.
    fn accounts(issues: &[(u128, u128, i64)]) -> Accounts {
        let mut all = Accounts::default();
        for number in (1..10).chain([ADMINISTRATOR]) {
            let of_it = issues.iter().filter(|(of, ..)| *of == number);
            let issues = of_it.map(|(_, by, days)| Issue { by: id(*by), at: Some(before(*days)) }).collect();
            let runs_the_system = number == ADMINISTRATOR;
            all.insert(id(number), Account { created_at: before(1000), runs_the_system, issues });
        }
        all
    }

    fn looks_over(issues: &[(u128, u128, i64)]) -> bool {
        accounts(issues).may_look_over((id(1), AT), (id(2), AT))
    }

    #[test]
    fn nobody_looks_over_their_own_or_what_was_done_before_they_came() {
        let mut all = accounts(&[]);
        assert!(all.may_look_over((id(1), AT), (id(2), AT)));
        assert!(!all.may_look_over((id(1), AT), (id(1), AT)));
        assert!(!all.may_look_over((id(1), AT), (id(77), AT)));
        for (days, may) in [(0, true), (-1, false)] {
            let young = Account { created_at: before(days), runs_the_system: false, issues: vec![] };
            all.insert(id(1), young);
            assert_eq!(all.may_look_over((id(1), AT), (id(2), AT)), may);
        }
    }

    #[test]
    fn whose_account_somebody_else_held_never_looks_over_what_that_one_did() {
        assert!(!looks_over(&[(1, 2, 999)]));
        assert!(!looks_over(&[(1, 3, 999), (3, 2, 999)]), "nor by a third that the one holds");
        assert!(!looks_over(&[(1, 2, 999), (1, 3, 90)]), "whoever else issued one since");
        assert!(
            looks_over(&[(1, 3, 999), (3, 2, 998)]),
            "what came later into the other's hands was not then"
        );
    }

    #[test]
    fn whoever_made_an_account_waits_until_it_is_surely_somebody_elses() {
        assert!(!looks_over(&[(2, 1, 29)]));
        assert!(looks_over(&[(2, 1, 30)]));
        assert!(looks_over(&[(2, 1, -1)]), "what is issued later says nothing of who did it");
        assert!(!looks_over(&[(2, 1, 29), (2, 3, 5)]), "whoever else issued one since");
        assert!(!looks_over(&[(2, 3, 29), (3, 1, 500)]), "nor by a third that the one holds");
    }

    #[test]
    fn two_accounts_of_one_hand_are_not_two_persons() {
        assert!(!looks_over(&[(1, 3, 500), (2, 3, 29)]));
        assert!(looks_over(&[(1, 3, 500), (2, 3, 30)]));
        assert!(!looks_over(&[(1, 4, 500), (4, 3, 900), (2, 5, 29), (5, 3, 900)]));
    }

    #[test]
    fn what_the_systems_administrator_issues_is_in_no_hands() {
        assert!(looks_over(&[(1, ADMINISTRATOR, 29), (2, ADMINISTRATOR, 29)]));
        assert!(looks_over(&[(1, 2, 999), (1, ADMINISTRATOR, 90)]), "and frees from who held it before");
        assert!(!looks_over(&[(1, ADMINISTRATOR, 90), (1, 2, 89)]), "not from who does since");
        assert!(!looks_over(&[(2, 1, 29), (2, ADMINISTRATOR, -1)]), "and not before it was issued");
    }

    #[test]
    fn whoever_issued_a_password_is_asked_for_until_the_account_is_there() {
        let mut all = Accounts::default();
        let issues = vec![Issue { by: id(3), at: None }];
        all.insert(id(1), Account { created_at: AT, runs_the_system: false, issues });
        assert_eq!(all.unknown(), HashSet::from([id(3)]));
        all.insert(id(3), Account { created_at: AT, runs_the_system: false, issues: vec![] });
        assert_eq!(all.unknown(), HashSet::new());
    }

    #[test]
    fn a_password_of_an_unknown_day_counts_for_good() {
        for (of, by) in [(1, 2), (2, 1)] {
            let mut all = accounts(&[]);
            let issues = vec![Issue { by: id(by), at: None }];
            all.insert(id(of), Account { created_at: before(1000), runs_the_system: false, issues });
            assert!(!all.may_look_over((id(1), AT), (id(2), AT)));
        }
    }

    proptest! {
        /// More passwords that others than the administrator issue never make two accounts independent, and rings of them end.
        #[test]
        fn another_hand_never_makes_independent(
            issues in prop::collection::vec((1_u128..10, 1_u128..10, 0_i64..999), 0..20),
            one_more in (1_u128..10, 1_u128..10, 0_i64..999),
        ) {
            let before = looks_over(&issues);
            let after = looks_over(&[issues, vec![one_more]].concat());
            prop_assert!(before || !after);
        }
    }
}
