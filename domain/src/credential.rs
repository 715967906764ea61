//! Rules of user names, of passwords and of slowing down wrong tries.

use chrono::{DateTime, TimeDelta, Utc};

/// User names of the demo begin with this; nobody else may take one, so that production can tell a demo database.
pub const DEMO_PREFIX: &str = "demo.";

/// Why a user name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserNameRefusal {
    /// Not 3 to 40 of the allowed characters.
    #[error("a user name has 3 to 40 of: a-z, 0-9, dot, hyphen, underscore")]
    Shape,
    /// Begins with [`DEMO_PREFIX`].
    #[error("user names that begin with {DEMO_PREFIX} belong to the demo")]
    Demo,
}

/// The name under which a staff member signs in: 3 to 40 of `a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserName(String);

impl UserName {
    /// Reads a new user name.
    pub fn parse(text: &str) -> Result<Self, UserNameRefusal> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        if !(3..=40).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(UserNameRefusal::Shape);
        }
        if text.starts_with(DEMO_PREFIX) {
            return Err(UserNameRefusal::Demo);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it is stored and looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Fewer than [`PASSWORD_MIN`] or more than [`PASSWORD_MAX`] characters.
    #[error("a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")]
    Length,
    /// Fewer than three of: small letters, capitals, digits, others (GB/T 22239-2019 8.1.4.1: complexity).
    #[error("a password has at least three of: small letters, capitals, digits, other characters")]
    TooSimple,
    /// Holds the user name.
    #[error("a password must not hold the user name")]
    HoldsUserName,
    /// Same as before.
    #[error("the new password must differ from the old one")]
    Unchanged,
}

/// Fewest characters of a password.
pub const PASSWORD_MIN: usize = 10;
/// Most characters of a password.
pub const PASSWORD_MAX: usize = 128;

/// Judges a new password. A long passphrase of 20 characters may be of one kind.
pub fn check_password(password: &str, user_name: &str) -> Result<(), PasswordRefusal> {
    let length = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&length) {
        return Err(PasswordRefusal::Length);
    }
    if password.to_lowercase().contains(&user_name.to_lowercase()) {
        return Err(PasswordRefusal::HoldsUserName);
    }
    let kinds: [fn(char) -> bool; 4] =
        [|c| c.is_lowercase(), |c| c.is_uppercase(), |c| c.is_numeric(), |c| !c.is_alphanumeric()];
    let varied = kinds.iter().filter(|kind| password.chars().any(*kind)).count() >= 3;
    if varied || length >= 20 { Ok(()) } else { Err(PasswordRefusal::TooSimple) }
}

/// How many wrong tries at one account are free before waiting begins.
pub const FREE_TRIES: u32 = 5;

/// The same for one address, behind which a whole hospital may sit.
pub const FREE_TRIES_OF_ADDRESS: u32 = 50;

/// After how long without a wrong try all of them are forgotten.
pub const TRIES_REMEMBERED: TimeDelta = TimeDelta::days(1);

/// Until when a further try is refused after `failures` wrong ones, the last at `last_at`: one minute after the fifth,
/// doubling to at most an hour. Never for ever, so that nobody can shut another out for good.
pub fn locked_until(failures: u32, last_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    locked_beyond(FREE_TRIES, failures, last_at)
}

/// The same for an address.
pub fn address_locked_until(failures: u32, last_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    locked_beyond(FREE_TRIES_OF_ADDRESS, failures, last_at)
}

fn locked_beyond(free: u32, failures: u32, last_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let over = failures.checked_sub(free)?;
    let minutes = 1_i64.checked_shl(over.min(6)).unwrap_or(60).min(60);
    Some(last_at + TimeDelta::minutes(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_varied_and_not_the_user_name() {
        assert_eq!(check_password("Chuanshan-2026", "li.doctor"), Ok(()));
        assert_eq!(check_password("short1A!", "li"), Err(PasswordRefusal::Length));
        assert_eq!(check_password("aaaaaaaaaaaa", "li"), Err(PasswordRefusal::TooSimple));
        assert_eq!(check_password("four quiet words here", "li.doctor"), Ok(()));
        assert_eq!(check_password("Li.Doctor-2026", "li.doctor"), Err(PasswordRefusal::HoldsUserName));
    }

    #[test]
    fn user_names_are_short_plain_and_not_those_of_the_demo() {
        for good in ["li.doctor", "a_1", "333", &"x".repeat(40)] {
            assert_eq!(UserName::parse(good).map(|name| name.as_str().to_owned()), Ok(good.to_owned()));
        }
        for wrong in ["", "li", "Li.Doctor", "li doctor", "李医生", "li@doctor", &"x".repeat(41)] {
            assert_eq!(UserName::parse(wrong), Err(UserNameRefusal::Shape), "{wrong}");
        }
        assert_eq!(UserName::parse("demo.clinician"), Err(UserNameRefusal::Demo));
        assert!(UserName::parse("demonstrator").is_ok());
    }

    #[test]
    fn an_address_has_more_tries_than_an_account() {
        let now: DateTime<Utc> = "2026-11-21T02:00:00Z".parse().unwrap();
        let minutes = |failures| address_locked_until(failures, now).map(|until| (until - now).num_minutes());
        assert_eq!([5, 49, 50, 51, 90].map(minutes), [None, None, Some(1), Some(2), Some(60)]);
    }

    #[test]
    fn waiting_grows_from_the_fifth_wrong_try_to_an_hour() {
        let now: DateTime<Utc> = "2026-11-21T02:00:00Z".parse().unwrap();
        let minutes = |failures| locked_until(failures, now).map(|until| (until - now).num_minutes());
        assert_eq!([4, 5, 6, 8, 11, 400].map(minutes), [None, Some(1), Some(2), Some(8), Some(60), Some(60)]);
    }
}
