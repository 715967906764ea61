//! What the night does: what nobody decided or took expires; what is past the retention of the audit log goes. Files are
//! never stored, so there are none to remove.

use chrono::TimeDelta;

use super::store;
use crate::app::App;

/// Carries it out; done twice, the second time finds nothing.
pub async fn carry_out(app: &App) -> anyhow::Result<()> {
    let (db, now) = (app.db.write(), app.now());
    store::expire(db, now).await?;
    let yesterday = app.today() - TimeDelta::days(1);
    store::forget(db, app.config.audit_retention.kept_from(now), yesterday).await?;
    Ok(())
}
