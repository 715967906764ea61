//! Everything the stand-in knows, behind one mutex, and what it does with a call.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{
    Settings,
    accounts::Accounts,
    fault::{Fault, Faults},
    interface::{self, Received, Reply},
    journal::{Entry, Journal},
    phone::CountryCodes,
    token::Tokens,
};
use crate::{digest::sha256, error::Code};

/// The world, shared by the server and its control. Clones are the same world.
#[derive(Clone, Debug)]
pub(super) struct SharedWorld(Arc<Mutex<World>>);

impl SharedWorld {
    pub(super) fn new(settings: Settings) -> io::Result<Self> {
        let mut seed = [0; 32];
        rand::fill(&mut seed).map_err(|_| io::Error::other("the system has no randomness to give"))?;
        Ok(Self(Arc::new(Mutex::new(World::new(settings, Mint { seed, serial: 0 })))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) mint: Mint,
    pub(super) advanced: TimeDelta,
    pub(super) accounts: Accounts,
    pub(super) tokens: Tokens,
    pub(super) country_codes: CountryCodes,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
}

impl World {
    fn new(settings: Settings, mint: Mint) -> Self {
        Self {
            settings,
            mint,
            advanced: TimeDelta::zero(),
            accounts: Accounts::default(),
            tokens: Tokens::default(),
            country_codes: CountryCodes::default(),
            faults: Faults::default(),
            journal: Journal::default(),
        }
    }

    /// Forgets everything, but goes on minting, so that nothing given out before is given out again.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.settings.clone(), self.mint.clone());
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.settings.clock.now() + self.advanced
    }

    /// Takes a call in: picks the fault that it meets, does what was asked unless the fault is in the way, and writes
    /// the journal.
    pub(super) fn take(&mut self, received: &Received, ordered: Option<Fault>) -> (Reply, Option<Fault>) {
        let fault = ordered.or_else(|| self.faults.next_for(&received.path));
        let answer = match fault {
            Some(Fault::Errcode(number)) => Some(Err(Code::from(number))),
            Some(fault) if fault.keeps_the_call_away() => None,
            _ => Some(interface::answer(self, received)),
        };
        self.journal.write(Entry {
            at: self.now(),
            method: received.method.to_string(),
            path: received.path.clone(),
            query: received.masked_query(),
            body: received.masked_body(),
            fault,
            errcode: answer.as_ref().map(|answer| answer.as_ref().err().map_or(0, |code| code.number())),
        });
        (self.reply(received, answer), fault)
    }

    fn reply(&mut self, received: &Received, answer: Option<Result<Value, Code>>) -> Reply {
        match answer {
            Some(Ok(answer)) => received.reply(&answer),
            Some(Err(code)) => received.reply(&interface::refusal(code, &self.mint.rid())),
            None => Reply::default(),
        }
    }

    /// The checks on who calls, as the interfaces that take the AppSecret make them.
    pub(super) fn check_app(&self, app_id: Option<&str>, secret: Option<&str>) -> Result<(), Code> {
        if app_id.ok_or(Code::AppIdMissing)? != self.settings.app_id {
            return Err(Code::AppId);
        }
        if secret.ok_or(Code::SecretMissing)? != self.settings.secret.expose() {
            return Err(Code::Secret);
        }
        Ok(())
    }
}

/// Makes codes, keys and tokens that nobody can guess and that never repeat.
#[derive(Clone, Debug)]
pub(super) struct Mint {
    seed: [u8; 32],
    serial: u64,
}

impl Mint {
    pub(super) fn bytes(&mut self) -> [u8; 32] {
        self.serial += 1;
        sha256(&[&self.seed[..], &self.serial.to_be_bytes()].concat())
    }

    /// 43 characters.
    pub(super) fn text(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes())
    }

    /// True about as often as `likelihood` says: never at 0, always at 1.
    pub(super) fn chance(&mut self, likelihood: f64) -> bool {
        let [drawn, ..] = self.bytes();
        f64::from(drawn) < likelihood * 256.0
    }

    fn rid(&mut self) -> String {
        let [a, b, c, d, e, f, ..] = self.bytes();
        format!("{:08x}-{a:02x}{b:02x}{c:02x}-{d:02x}{e:02x}{f:02x}", self.serial)
    }
}
