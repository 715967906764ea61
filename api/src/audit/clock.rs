//! Whether what others left bears out the clock of this process. One that is years ahead would delete for good what is kept
//! for years, and would sign that it was time to.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::head;
use super::store::{self, chain};
use crate::app::App;
use crate::db::entities::audit_head;

/// How far a clock may be ahead of everything that others left. Whoever stood still for longer is believed again as soon as
/// another process has sealed something: any restart.
const FAR: TimeDelta = TimeDelta::days(31);

/// Whether the clock of this process is not far ahead of the latest head and of what other processes sealed. Where nothing
/// was ever sealed there is nothing to delete.
pub async fn is_borne_out(app: &App) -> Result<bool, DbErr> {
    let (db, since) = (app.db.read(), app.now() - FAR);
    let known = match store::head::latest(db).await? {
        Some(head) => Some(head::end_of(head.day)),
        None => chain::first_sealed(db).await?,
    };
    let Some(known) = known else { return Ok(true) };
    Ok(known >= since || chain::sealed_by_others(db, app.replica, since).await?.is_some())
}

/// The latest moment that is known from others than this process alone, never after `now`: the end of the day of the head
/// before, what another process sealed since, or, before the first head, when the log began.
pub async fn known(
    db: &impl ConnectionTrait,
    app: &App,
    before: Option<&audit_head::Model>,
) -> Result<DateTime<Utc>, DbErr> {
    let now = app.now();
    let of_log = match before {
        Some(before) => Some(head::end_of(before.day)),
        None => chain::first_sealed(db).await?,
    };
    let Some(of_log) = of_log else { return Ok(now) };
    let of_others = chain::sealed_by_others(db, app.replica, of_log).await?;
    Ok(of_others.unwrap_or(of_log).min(now))
}
