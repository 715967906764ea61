//! WeChat's users and the one-time codes that their phones get.

use std::collections::{HashMap, VecDeque};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::world::{Mint, World};
use crate::{
    digest::sha256,
    error::Code,
    secret::{OpenId, PhoneNumber, UnionId},
};

/// How long a one-time code lives.
const CODE_LIFE: TimeDelta = TimeDelta::seconds(300);
/// How many exchanges one user has in a minute.
const EXCHANGES_A_MINUTE: usize = 100;

/// Users by name, and the codes that are alive.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: HashMap<String, User>,
    codes: HashMap<String, OneTimeCode>,
}

#[derive(Debug)]
struct User {
    has_unionid: bool,
    session_key: String,
    /// The exchanges of the last minute, oldest first.
    exchanges: VecDeque<DateTime<Utc>>,
}

#[derive(Debug)]
struct OneTimeCode {
    kind: CodeKind,
    user: String,
    app_id: String,
    issued_at: DateTime<Utc>,
    used: bool,
}

/// Where a code comes from, and what the phone number button adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CodeKind {
    Login,
    Phone(Phone),
}

/// A number as a person has it: the country code in digits, and the number without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phone {
    pub(super) country: String,
    pub(super) number: PhoneNumber,
}

/// What WeChat says of a user at login.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) openid: OpenId,
    pub(super) unionid: Option<UnionId>,
    pub(super) session_key: String,
}

impl World {
    /// Opens the account of a user or changes whether it has a unionid.
    pub(super) fn open_account(&mut self, user: &str, has_unionid: bool) -> Identity {
        self.ensure_account(user).has_unionid = has_unionid;
        self.identity(user)
    }

    /// Gives the user's phone a code of this mini-program. A login code may bring a new session key.
    pub(super) fn issue_code(&mut self, user: &str, kind: CodeKind) -> String {
        if kind == CodeKind::Login {
            self.rotate_session(user);
        }
        let app_id = self.settings.app_id.clone();
        self.issue_code_of(app_id, user, kind)
    }

    /// Gives the user's phone a code of any mini-program.
    pub(super) fn issue_code_of(&mut self, app_id: String, user: &str, kind: CodeKind) -> String {
        self.ensure_account(user);
        let (text, issued_at) = (self.mint.text(), self.now());
        let code = OneTimeCode { kind, user: user.to_owned(), app_id, issued_at, used: false };
        self.accounts.codes.retain(|_, code| code.is_alive(issued_at));
        self.accounts.codes.insert(text.clone(), code);
        text
    }

    /// Takes a login code in.
    pub(super) fn redeem_login_code(&mut self, text: &str) -> Result<Identity, Code> {
        refuse_magic(text)?;
        if let Some(user) = self.demo_user(text).map(str::to_owned) {
            self.rotate_session(&user);
            self.count_exchange(&user)?;
            return Ok(self.identity(&user));
        }
        let code = self.living_code(text).ok_or(Code::CodeInvalid)?;
        if code.kind != CodeKind::Login {
            return Err(Code::CodeInvalid);
        }
        let user = code.user.clone();
        self.count_exchange(&user)?;
        if self.use_up(text) { Ok(self.identity(&user)) } else { Err(Code::CodeUsed) }
    }

    /// Takes a code of the phone number button in.
    pub(super) fn redeem_phone_code(&mut self, text: &str) -> Result<Phone, Code> {
        refuse_magic(text)?;
        if let Some(phone) = self.demo_phone(text) {
            return Ok(phone);
        }
        let code = self.living_code(text).ok_or(Code::CodeInvalid)?;
        let CodeKind::Phone(phone) = code.kind.clone() else { return Err(Code::CodeInvalid) };
        let user = code.user.clone();
        self.count_exchange(&user)?;
        if self.use_up(text) { Ok(phone) } else { Err(Code::CodeInvalid) }
    }

    fn ensure_account(&mut self, user: &str) -> &mut User {
        let mint = &mut self.mint;
        self.accounts.users.entry(user.to_owned()).or_insert_with(|| User {
            has_unionid: true,
            session_key: session_key(mint),
            exchanges: VecDeque::new(),
        })
    }

    fn rotate_session(&mut self, user: &str) {
        let rotates = self.mint.chance(self.settings.rotate_session);
        let new = session_key(&mut self.mint);
        let account = self.ensure_account(user);
        if rotates {
            account.session_key = new;
        }
    }

    fn identity(&mut self, user: &str) -> Identity {
        let openid = OpenId::new(public_id(&self.settings.app_id, user));
        let unionid = UnionId::new(public_id("open platform account", user));
        let account = self.ensure_account(user);
        Identity {
            openid,
            unionid: account.has_unionid.then_some(unionid),
            session_key: account.session_key.clone(),
        }
    }

    fn living_code(&self, text: &str) -> Option<&OneTimeCode> {
        let is_ours = |code: &&OneTimeCode| code.app_id == self.settings.app_id && code.is_alive(self.now());
        self.accounts.codes.get(text).filter(is_ours)
    }

    /// Whether this was the first use.
    fn use_up(&mut self, text: &str) -> bool {
        self.accounts.codes.get_mut(text).is_some_and(|code| !std::mem::replace(&mut code.used, true))
    }

    fn count_exchange(&mut self, user: &str) -> Result<(), Code> {
        let now = self.now();
        let exchanges = &mut self.ensure_account(user).exchanges;
        exchanges.retain(|&at| now - at < TimeDelta::minutes(1));
        if exchanges.len() >= EXCHANGES_A_MINUTE {
            return Err(Code::MinuteLimit);
        }
        exchanges.push_back(now);
        Ok(())
    }

    fn demo_user<'a>(&self, text: &'a str) -> Option<&'a str> {
        let user = text.strip_prefix("demo-").filter(|user| !user.is_empty())?;
        (self.settings.demo_codes && !user.starts_with("phone-")).then_some(user)
    }

    fn demo_phone(&self, text: &str) -> Option<Phone> {
        let number = text.strip_prefix("demo-phone-")?;
        let is_number = number.len() == 11 && number.bytes().all(|byte| byte.is_ascii_digit());
        (self.settings.demo_codes && is_number)
            .then(|| Phone { country: "86".to_owned(), number: PhoneNumber::new(number) })
    }
}

impl OneTimeCode {
    fn is_alive(&self, now: DateTime<Utc>) -> bool {
        now < self.issued_at + CODE_LIFE
    }
}

/// `err-<n>` is refused with errcode n.
fn refuse_magic(text: &str) -> Result<(), Code> {
    match text.strip_prefix("err-").and_then(|number| number.parse().ok()) {
        None | Some(0) => Ok(()),
        Some(number) => Err(Code::from(number)),
    }
}

/// 28 characters, always the same for the same user of the same app.
pub(super) fn public_id(app: &str, user: &str) -> String {
    let digest = URL_SAFE_NO_PAD.encode(sha256(format!("{app}:{user}").as_bytes()));
    format!("o{}", &digest[..27])
}

/// 16 bytes in base64.
fn session_key(mint: &mut Mint) -> String {
    STANDARD.encode(&mint.bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::APP_ID;

    /// Computed by another program from the rule: `o` and 27 characters of base64url(sha256(appid:user)).
    #[test]
    fn an_openid_is_the_same_everywhere() {
        assert_eq!(public_id(APP_ID, "mum1"), "oNaI_6Se_m3F_v_YSwhfd3P7eOBC");
    }

    #[test]
    fn only_an_errcode_in_the_code_is_magic() {
        assert_eq!(refuse_magic("err-40226"), Err(Code::UserBlocked));
        assert_eq!(refuse_magic("err--1"), Err(Code::Busy));
        for plain in ["err-0", "err-", "err-x", "40226"] {
            assert_eq!(refuse_magic(plain), Ok(()), "{plain}");
        }
    }
}
