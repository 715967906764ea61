//! What the night does: handbooks are blocked when the care is over that was due to a family that has gone, blocked ones are
//! erased when their time is over, and the empty places of erased entries go. Done twice, the second time finds nothing.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::id::HandbookId;
use domain::retention::{DataKind, EndState, Retention, TRACE_DAYS};
use uuid::Uuid;

use super::close::block;
use super::receipts::{Cause, Receipts};
use super::{erase, store};
use crate::app::App;
use crate::audit::{self, Event};
use crate::cause;
use crate::error::ApiError;
use crate::handbooks::store as handbooks;

/// Handbooks looked at at a time.
const AT_A_TIME: u64 = 200;

/// Carries out every end of a period that has come. A handbook that cannot be carried out is left for the next night, and
/// holds up no other one; the job fails at the end, so that it is seen.
pub async fn carry_out(app: &App) -> anyhow::Result<()> {
    let table = Retention::in_force()?;
    let failed = block_what_is_free(app, &table).await? + erase_what_is_over(app, &table).await?;
    forget_traces(app).await?;
    anyhow::ensure!(failed == 0, "{failed} handbooks could not be blocked or erased; the log names them");
    Ok(())
}

/// Each handbook in a transaction of its own, so that a long night holds nobody up. Gives how many failed.
async fn block_what_is_free(app: &App, table: &Retention) -> Result<u64, ApiError> {
    let (mut after, mut failed) = ((DateTime::UNIX_EPOCH, HandbookId(Uuid::nil())), 0);
    loop {
        let some = store::left(app.db.read(), after, AT_A_TIME).await?;
        let Some((last, left_at)) = some.last().and_then(|last| Some((last, last.family_left_at?))) else {
            return Ok(failed);
        };
        after = (left_at, last.id);
        for left in &some {
            failed += failure(left.id, block_if_free(app, left.id, table).await);
        }
    }
}

/// One, if it went wrong, with the handbook in the log.
fn failure(handbook: HandbookId, carried_out: Result<(), ApiError>) -> u64 {
    let Err(err) = carried_out else { return 0 };
    tracing::error!(%handbook, cause = cause::told(&err), "the end of a period could not be carried out");
    1
}

async fn block_if_free(app: &App, id: HandbookId, table: &Retention) -> Result<(), ApiError> {
    let now = app.now();
    let row = handbooks::by_id(app.db.read(), id).await?;
    let Some(row) = row else { return Ok(()) };
    // Asked without holding it: of most the duty goes on for years.
    let is_due = store::under_care(app.db.read(), &row).await?.duty(app.today()).is_some();
    if row.state.is_live() && is_due {
        return Ok(());
    }
    let txn = app.db.begin().await?;
    let held = handbooks::hold(&txn, id).await?;
    let is_due = store::under_care(&txn, &held).await?.duty(app.today()).is_some();
    let is_left = held.family_left_at.is_some() && held.blocked_until.is_none();
    if !is_left || (held.state.is_live() && is_due) {
        return Ok(());
    }
    let mut receipts = Receipts::new(table, Cause::EndOfDuty);
    block(app, &txn, &held, table, &mut receipts, now).await?;
    receipts.keep(&txn, now).await?;
    audit::store::write(&txn, [Event::by_job("block_handbook").at(id)], now).await?;
    txn.commit().await?;
    app.live.changed(id).await;
    Ok(())
}

async fn erase_what_is_over(app: &App, table: &Retention) -> Result<u64, ApiError> {
    let (mut after, mut failed) = ((NaiveDate::default(), HandbookId(Uuid::nil())), 0);
    loop {
        let over = store::over(app.db.read(), app.today(), after, AT_A_TIME).await?;
        let Some(last) = over.last() else { return Ok(failed) };
        after = *last;
        for (_, id) in over {
            failed += failure(id, erase_one(app, id, table).await);
        }
    }
}

async fn erase_one(app: &App, id: HandbookId, table: &Retention) -> Result<(), ApiError> {
    let now = app.now();
    let txn = app.db.begin().await?;
    let held = handbooks::hold(&txn, id).await?;
    if held.erased_at.is_some() {
        return Ok(());
    }
    let kept = store::kept(&txn, id, table.inpatient_kinds()).await?;
    let kind = DataKind::of_clinical(kept.is_some_and(|kept| kept.inpatient));
    let mut receipts = Receipts::new(table, Cause::EndOfPeriod);
    let clinical = erase::everything(&app.keys, &txn, &held, now).await?;
    receipts.note_as(Some(id), kind, clinical, EndState::Deleted)?;
    receipts.note_as(Some(id), DataKind::Identity, u64::from(held.woman_id.is_some()), EndState::Deleted)?;
    receipts.note(Some(id), DataKind::AccessLog, 1)?;
    receipts.keep(&txn, now).await?;
    audit::store::write(&txn, [Event::by_job("erase_handbook").at(id)], now).await?;
    txn.commit().await?;
    Ok(())
}

/// The empty places of erased entries: whoever showed the entries has taken them away by now.
async fn forget_traces(app: &App) -> Result<(), ApiError> {
    let before: DateTime<Utc> = app.now() - TimeDelta::days(TRACE_DAYS);
    store::delete::traces(app.db.write(), before).await?;
    Ok(())
}
