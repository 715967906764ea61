//! `POST /cgi-bin/stable_token`, and the check that every call with a token meets.

use std::collections::HashMap;

use actix_web::http::Method;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    interface::{Interface, Received},
    world::World,
};
use crate::error::Code;

/// How long a token lives.
const LIFE: TimeDelta = TimeDelta::seconds(7200);
/// In these last minutes a new token is given, and both work.
const OVERLAP: TimeDelta = TimeDelta::seconds(300);
/// A forced refresh sooner than this after the last one keeps the token.
const BETWEEN_FORCED: TimeDelta = TimeDelta::seconds(30);
/// Forced refreshes in a day of UTC+8.
const FORCED_A_DAY: u32 = 20;
/// Tokens that ended longer ago are not told from tokens that never were.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

pub(super) const INTERFACE: Interface = Interface {
    path: "/cgi-bin/stable_token",
    method: Method::POST,
    needs_token: false,
    content_type: "application/json; encoding=utf-8",
    shown: &["appid", "grant_type", "force_refresh"],
    answer,
};

fn answer(world: &mut World, received: &Received) -> Result<Value, Code> {
    world.check_app(received.text("appid"), received.text("secret"))?;
    if received.text("grant_type") != Some("client_credential") {
        return Err(Code::GrantType);
    }
    let now = world.now();
    if received.field("force_refresh") == Some(&json!(true)) {
        world.tokens.force(now)?;
    }
    let token = match world.tokens.current(now) {
        Some(token) => token.to_owned(),
        None => {
            let token = world.mint.text();
            world.tokens.issue(token.clone(), now);
            token
        }
    };
    Ok(json!({ "expires_in": world.tokens.seconds_left(&token, now), "access_token": token }))
}

/// The tokens given out, and the forced refreshes of the day.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    current: Option<String>,
    given: HashMap<String, Given>,
    forced: Option<Forced>,
}

#[derive(Debug)]
struct Given {
    expires_at: DateTime<Utc>,
    killed: bool,
}

#[derive(Debug)]
struct Forced {
    last_at: DateTime<Utc>,
    on: NaiveDate,
    times: u32,
}

impl Tokens {
    /// What WeChat says to a call that brings this token.
    pub(super) fn check(&self, token: Option<&str>, now: DateTime<Utc>) -> Result<(), Code> {
        let given = self.given.get(token.ok_or(Code::TokenMissing)?);
        match given {
            None => Err(Code::TokenInvalid),
            Some(given) if given.killed => Err(Code::TokenInvalid),
            Some(given) if now >= given.expires_at => Err(Code::TokenExpired),
            Some(_) => Ok(()),
        }
    }

    /// Forgets the current token, which is refused from here on.
    pub(super) fn kill(&mut self) {
        if let Some(given) = self.current.take().and_then(|token| self.given.get_mut(&token)) {
            given.killed = true;
        }
    }

    /// A forced refresh: kills the current token, unless the last forced refresh was a moment ago.
    fn force(&mut self, now: DateTime<Utc>) -> Result<(), Code> {
        let today = day_in_china(now);
        if self.forced.as_ref().is_some_and(|forced| now - forced.last_at < BETWEEN_FORCED) {
            return Ok(());
        }
        let times = self.forced.as_ref().filter(|forced| forced.on == today).map_or(0, |forced| forced.times);
        if times >= FORCED_A_DAY {
            return Err(Code::DayLimit);
        }
        self.forced = Some(Forced { last_at: now, on: today, times: times + 1 });
        self.kill();
        Ok(())
    }

    /// The current token, while it is too early for a new one.
    fn current(&self, now: DateTime<Utc>) -> Option<&str> {
        let current = self.current.as_deref()?;
        let given = self.given.get(current)?;
        (given.expires_at - now > OVERLAP).then_some(current)
    }

    fn issue(&mut self, token: String, now: DateTime<Utc>) {
        self.given.retain(|_, given| now < given.expires_at + REMEMBERED);
        self.given.insert(token.clone(), Given { expires_at: now + LIFE, killed: false });
        self.current = Some(token);
    }

    fn seconds_left(&self, token: &str, now: DateTime<Utc>) -> i64 {
        self.given.get(token).map_or(0, |given| (given.expires_at - now).num_seconds())
    }
}

fn day_in_china(now: DateTime<Utc>) -> NaiveDate {
    FixedOffset::east_opt(8 * 3600).map_or(now.date_naive(), |china| now.with_timezone(&china).date_naive())
}
