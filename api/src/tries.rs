//! Tries of a secret: so many wrong ones, then a pause. A try is counted before the secret is compared, in a statement of
//! its own, so that parallel tries and requests that roll back count too; it is given back when the secret was right.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use uuid::Uuid;

use crate::app::App;
use crate::db::entities::throttle;
use crate::db::statement;
use crate::error::ApiError;
use crate::problem::Code;

/// How often something may be tried.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What is tried; each purpose counts apart.
    pub purpose: &'static str,
    /// Wrong tries before the pause.
    pub tries: i32,
    /// How long the pause lasts, from the last try that was let through.
    pub pause: TimeDelta,
}

/// A try that was let through.
#[derive(Debug)]
#[must_use = "a try ends with what came of it"]
pub struct Try {
    key: Vec<u8>,
    left: i32,
}

impl Limit {
    /// Counts a try of an actor, or refuses it for the rest of the pause.
    pub async fn begin(self, app: &App, actor: Uuid) -> Result<Try, ApiError> {
        let key = app.keys.blind("throttle", &format!("{}/{actor}", self.purpose));
        let now = app.now();
        match count(app, &key, self, now).await? {
            Some(failures) => Ok(Try { key, left: self.tries - failures }),
            None => {
                let row = throttle::Entity::find_by_id(key).one(app.db.read()).await?;
                let until = row.map_or(now, |row| row.last_at + self.pause);
                Err(ApiError::Wait(Code::TooManyTries, (until - now).to_std().unwrap_or_default()))
            }
        }
    }
}

/// One statement, so that of many tries at once exactly as many pass as are left.
async fn count(app: &App, key: &[u8], limit: Limit, now: DateTime<Utc>) -> Result<Option<i32>, DbErr> {
    let count = statement(
        app.db.backend(),
        "INSERT INTO throttle (key, failures, last_at) VALUES (?, 1, ?) \
         ON CONFLICT (key) DO UPDATE SET last_at = excluded.last_at, \
             failures = CASE WHEN throttle.last_at <= ? THEN 1 ELSE throttle.failures + 1 END \
         WHERE throttle.failures < ? OR throttle.last_at <= ? \
         RETURNING failures",
        [
            key.to_vec().into(),
            now.into(),
            (now - limit.pause).into(),
            limit.tries.into(),
            (now - limit.pause).into(),
        ],
    );
    let row = app.db.write().query_one_raw(count).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

impl Try {
    /// Ends the try. It stays counted only when the outcome is the refusal of the secret, which then says how many tries
    /// are left. No transaction may be open any more.
    pub async fn end<T>(self, app: &App, outcome: Result<T, ApiError>, refusal: Code) -> Result<T, ApiError> {
        match outcome {
            Err(err) if err.code() == refusal => Err(ApiError::with(refusal, "left", self.left)),
            outcome => {
                self.give_back(app).await?;
                outcome
            }
        }
    }

    async fn give_back(self, app: &App) -> Result<(), DbErr> {
        let back = statement(
            app.db.backend(),
            "UPDATE throttle SET failures = failures - 1 WHERE key = ? AND failures > 0",
            [self.key.into()],
        );
        app.db.write().execute_raw(back).await.map(|_| ())
    }
}
