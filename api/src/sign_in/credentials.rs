//! What staff prove themselves with. Wrong tries are counted per account and per address and refused for a growing
//! while before anything is hashed; an unknown user name costs and answers the same as a wrong password.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::audit::Kind;
use domain::credential::{address_locked_until, locked_until};
use domain::id::{InstitutionId, StaffId};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::{store, totp};
use crate::app::App;
use crate::audit::{self, Act, Event};
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::problem::Code;
use crate::session::Public;
use crate::session::store::has_second_factor;

/// The counts that a try is held against.
///
/// Not [`crate::tries`], which counts a try before it is known to be wrong and would refuse a ward that signs in at the same
/// moment behind one address: here only what was wrong counts, and the pause grows.
pub(super) struct Throttle {
    account: Vec<u8>,
    address: Option<Vec<u8>>,
    staff: Option<(StaffId, Option<InstitutionId>)>,
    act: Act,
}

impl Throttle {
    /// A try from an address at an account, which need not exist.
    pub(super) fn at_sign_in(app: &App, user_name: &str, from: Public, staff: Option<&staff::Model>) -> Self {
        let address = app.keys.blind("throttle", &format!("staff-address:{}", from.address));
        let staff = staff.map(|staff| (staff.id, staff.institution_id));
        Self { account: account_key(app, user_name), address: Some(address), staff, act: from.act }
    }

    /// A try of somebody who is signed in.
    pub(super) fn of_own(app: &App, staff: &staff::Model, act: Act) -> Self {
        let account = account_key(app, &staff.user_name);
        Self { account, address: None, staff: Some((staff.id, staff.institution_id)), act }
    }

    async fn refuse_if_locked(&self, app: &App) -> Result<(), ApiError> {
        let now = app.now();
        let account = locked(app, &self.account, now, locked_until).await?;
        let address = match &self.address {
            Some(key) => locked(app, key, now, address_locked_until).await?,
            None => None,
        };
        match account.max(address) {
            Some(until) => {
                self.tell_locked(app, address.is_some()).await?;
                Err(ApiError::Wait(Code::TooManyTries, (until - now).to_std().unwrap_or(Duration::ZERO)))
            }
            None => Ok(()),
        }
    }

    /// That somebody waits is an event, once a minute for an account that there is or for an address: names that are made up
    /// never end, and would fill the log.
    async fn tell_locked(&self, app: &App, is_address: bool) -> Result<(), ApiError> {
        const ACTION: &str = Kind::SignIn.code();
        let locked = match (self.staff, &self.address) {
            (Some(staff), _) if !is_address => Event::by_staff(staff, self.act, Kind::LockedOut, ACTION),
            (_, address) => {
                let whose = address.as_ref().unwrap_or(&self.account);
                Event::by_nobody(self.act, Kind::LockedOut, ACTION).on(of_hash(whose))
            }
        };
        Ok(audit::store::write_refusal(app.db.write(), locked, app.now()).await?)
    }

    async fn add(&self, app: &App) -> Result<(), ApiError> {
        store::count_wrong_try(app.db.write(), &self.account, app.now()).await?;
        if let Some(address) = &self.address {
            store::count_wrong_try(app.db.write(), address, app.now()).await?;
        }
        Ok(())
    }

    /// A success clears the account. The address stays as it is, or one good account would free an attacker's.
    async fn forget(&self, app: &App) -> Result<(), ApiError> {
        if store::wrong_tries(app.db.read(), &self.account, app.now()).await?.is_some() {
            store::forget_wrong_tries(app.db.write(), &self.account).await?;
        }
        Ok(())
    }
}

/// Forgets the wrong tries at an account, for a password that is issued anew.
pub(crate) async fn forget_wrong_tries(
    txn: &impl ConnectionTrait,
    app: &App,
    user_name: &str,
) -> Result<(), DbErr> {
    store::forget_wrong_tries(txn, &account_key(app, user_name)).await
}

fn account_key(app: &App, user_name: &str) -> Vec<u8> {
    app.keys.blind("throttle", &format!("staff-account:{user_name}"))
}

/// Stands for an address, or an account that does not exist: neither can be read from it.
fn of_hash(key: &[u8]) -> Uuid {
    let mut id = [0; 16];
    id.iter_mut().zip(key).for_each(|(byte, of_key)| *byte = *of_key);
    Uuid::from_bytes(id)
}

async fn locked(
    app: &App,
    key: &[u8],
    now: DateTime<Utc>,
    rule: fn(u32, DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, ApiError> {
    let tries = store::wrong_tries(app.db.read(), key, now).await?;
    Ok(tries.and_then(|tries| rule(tries.failures, tries.last_at)).filter(|until| *until > now))
}

/// What a try brought.
pub(super) enum Outcome {
    /// Everything fits.
    Proved,
    /// The password, or the one-time code, does not fit. The try is counted.
    Wrong,
    /// The password fits and a one-time code is needed.
    CodeNeeded,
}

/// Tries a password, and the one-time code where a second factor is set. The place in the pool is held until a wrong
/// try is counted: however many come at once, only as many as the pool has places are tried beyond the limit.
pub(super) async fn prove(
    app: &App,
    throttle: &Throttle,
    staff: Option<&staff::Model>,
    password: String,
    code: Option<&str>,
) -> Result<Outcome, ApiError> {
    throttle.refuse_if_locked(app).await?;
    let turn = app.passwords.turn().await?;
    throttle.refuse_if_locked(app).await?;
    let fits = turn.verify(password, staff.map(|staff| staff.password_hash.clone())).await?;
    let outcome = match (staff, code) {
        (Some(staff), _) if fits && !has_second_factor(staff) => Outcome::Proved,
        (Some(staff), Some(code)) if fits && use_code(app, staff, code).await? => Outcome::Proved,
        (Some(_), None) if fits => Outcome::CodeNeeded,
        _ => Outcome::Wrong,
    };
    match outcome {
        Outcome::Wrong => throttle.add(app).await?,
        Outcome::Proved => throttle.forget(app).await?,
        Outcome::CodeNeeded => {}
    }
    Ok(outcome)
}

/// Tries the password alone, of somebody who is signed in.
pub(super) async fn prove_password(
    app: &App,
    throttle: &Throttle,
    staff: &staff::Model,
    password: String,
) -> Result<bool, ApiError> {
    let outcome = prove(app, throttle, Some(staff), password, None).await?;
    Ok(!matches!(outcome, Outcome::Wrong))
}

/// Uses a one-time code, which works once: of two at the same moment one is told no.
async fn use_code(app: &App, staff: &staff::Model, code: &str) -> Result<bool, ApiError> {
    match totp::step_of(app, staff, code)? {
        Some(step) => Ok(store::use_step(app.db.write(), staff.id, step).await?),
        None => Ok(false),
    }
}

/// Tries a one-time code alone, as when it is set up; the caller writes down that it was used.
pub(super) async fn prove_first_code(
    app: &App,
    throttle: &Throttle,
    staff: &staff::Model,
    code: &str,
) -> Result<Option<i64>, ApiError> {
    throttle.refuse_if_locked(app).await?;
    let step = totp::step_of(app, staff, code)?;
    if step.is_none() {
        throttle.add(app).await?;
    }
    Ok(step)
}
