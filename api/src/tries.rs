//! Tries that are counted before anything is compared, so that fifty at once get no more than five one after another.
//!
//! A refused try is not counted: it neither lengthens the pause nor can anybody keep another out by it for good.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::UserId;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use uuid::Uuid;

use crate::app::App;
use crate::db::entities::throttle;
use crate::db::statement;
use crate::error::ApiError;
use crate::problem::Code;
use crate::session::store as sessions;

/// How often something may be tried.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What is tried: counts of different purposes never mix.
    pub purpose: &'static str,
    /// Tries before a pause.
    pub most: u32,
    /// How long the pause is, and how long after the last try all are forgotten.
    pub pause: TimeDelta,
}

impl Limit {
    /// Counts a try of an actor, or refuses it for the rest of the pause.
    pub async fn begin(self, app: &App, actor: Uuid) -> Result<Try, ApiError> {
        let begun = Box::pin(Try::count(app, self, &actor.to_string())).await?;
        begun.allowed()?;
        Ok(begun)
    }

    /// The same of a family user, counted by the WeChat account: who closes the account of ours and comes back is somebody new
    /// everywhere but here.
    pub async fn begin_by_account(self, app: &App, user: UserId) -> Result<Try, ApiError> {
        let begun = Box::pin(Try::count(app, self, &account_of(app, user).await?)).await?;
        begun.allowed()?;
        Ok(begun)
    }
}

/// What tries of a user are counted by, which stays the same when the account is closed and opened anew.
pub async fn account_of(app: &App, user: UserId) -> Result<String, ApiError> {
    let index = sessions::openid_index(app.db.read(), user).await?;
    let index = index.ok_or_else(|| ApiError::told(Code::NotSignedIn))?;
    Ok(format!("account/{}", URL_SAFE_NO_PAD.encode(index)))
}

/// A try that was counted, or refused.
#[derive(Debug)]
pub struct Try {
    key: Vec<u8>,
    at: DateTime<Utc>,
    most: u32,
    counted: u32,
    /// When it was tried last before this.
    last_before: Option<DateTime<Utc>>,
    refused_for: Option<TimeDelta>,
}

impl Try {
    /// Counts a try of `who` at once, whatever else the request does.
    pub async fn count(app: &App, limit: Limit, who: &str) -> Result<Self, ApiError> {
        let (key, now) = (app.keys.blind(limit.purpose, who), app.now());
        let most = i32::try_from(limit.most).unwrap_or(i32::MAX);
        let forgotten = now - limit.pause;
        let before = throttle::Entity::find_by_id(key.clone()).one(app.db.write()).await?;
        let upsert = statement(
            app.db.backend(),
            "INSERT INTO throttle (key, failures, last_at) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET \
             failures = CASE WHEN throttle.last_at <= ? THEN 1 \
                             WHEN throttle.failures > ? THEN throttle.failures ELSE throttle.failures + 1 END, \
             last_at = CASE WHEN throttle.last_at > ? AND throttle.failures >= ? THEN throttle.last_at \
                            ELSE excluded.last_at END \
             RETURNING failures, last_at",
            [key.clone().into(), now.into(), forgotten.into(), most.into(), forgotten.into(), most.into()],
        );
        let row = app.db.write().query_one_raw(upsert).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("throttle".to_owned()))?;
        let failures: i32 = row.try_get("", "failures")?;
        let last_at: DateTime<Utc> = row.try_get("", "last_at")?;
        let refused_for = (failures > most).then(|| last_at + limit.pause - now);
        Ok(Self {
            key,
            at: now,
            most: limit.most,
            counted: failures.unsigned_abs(),
            last_before: before.map(|row| row.last_at),
            refused_for,
        })
    }

    /// Refuses when there were too many before.
    pub fn allowed(&self) -> Result<(), ApiError> {
        match self.refused_for {
            None => Ok(()),
            Some(wait) => Err(ApiError::Wait(Code::TooManyTries, wait.to_std().unwrap_or(Duration::ZERO))),
        }
    }

    /// Ends the try. It stays counted only when the outcome is the refusal of the secret, which then says how many tries
    /// are left. No transaction may be open any more.
    pub async fn end<T>(self, app: &App, outcome: Result<T, ApiError>, refusal: Code) -> Result<T, ApiError> {
        match outcome {
            Err(err) if err.code() == refusal => Err(ApiError::with(refusal, "left", self.left())),
            outcome => {
                self.take_back(app.db.write()).await?;
                outcome
            }
        }
    }

    /// Tries that are left after this one.
    pub fn left(&self) -> u32 {
        self.most.saturating_sub(self.counted)
    }

    /// Says that this was no wrong try: those before it are forgotten as if it had not been.
    pub async fn take_back(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        if self.refused_for.is_some() {
            return Ok(());
        }
        let back = statement(
            db.get_database_backend(),
            "UPDATE throttle SET failures = failures - 1, \
             last_at = CASE WHEN last_at = ? THEN ? ELSE last_at END WHERE key = ? AND failures > 0",
            [self.at.into(), self.last_before.unwrap_or(self.at).into(), self.key.clone().into()],
        );
        db.execute_raw(back).await.map(|_| ())
    }

    /// Forgets this and every wrong try before it.
    pub async fn forgive(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let forget = statement(
            db.get_database_backend(),
            "DELETE FROM throttle WHERE key = ?",
            [self.key.clone().into()],
        );
        db.execute_raw(forget).await.map(|_| ())
    }
}
