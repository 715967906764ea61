//! One task per process asks for all open streams at once: when a message says *look*, and once a second anyway, so that
//! a replica without Redis, or with one that fell silent, is a second late at most.

use std::collections::HashSet;

use actix_web::web::Data;
use domain::id::HandbookId;
use tokio::sync::broadcast::Receiver;
use tokio::time::MissedTickBehavior;

use super::store;
use crate::app::App;
use crate::cause;

/// Follows changes until the process stops.
pub async fn changes(app: Data<App>) {
    let mut stopping = app.stopping.clone();
    let (mut here, mut elsewhere) = (app.live.here(), app.live.elsewhere());
    let mut look = tokio::time::interval(app.config.live.look);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut told = HashSet::new();
        let everything = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            _ = look.tick() => true,
            heard = here.recv() => heard.map(|id| told.insert(id)).is_err(),
            heard = elsewhere.recv() => heard.map(|text| told.extend(text.parse::<HandbookId>().ok())).is_err(),
        };
        told.extend(waiting(&mut here));
        told.extend(waiting(&mut elsewhere).iter().filter_map(|text| text.parse::<HandbookId>().ok()));
        let watched = app.live.watched();
        let asked: Vec<_> = watched.into_iter().filter(|id| everything || told.contains(id)).collect();
        if asked.is_empty() {
            continue;
        }
        match store::latest(app.db.read(), asked).await {
            Ok(latest) => app.live.tell(latest.into_iter().map(|row| (row.id, row.change_seq))),
            // The next second asks again.
            Err(err) => tracing::debug!(cause = cause::told(&err), "changes could not be read"),
        }
    }
}

/// What waits in a channel, so that a burst is one question. Whoever lagged behind is helped by the next second.
fn waiting<T: Clone>(channel: &mut Receiver<T>) -> Vec<T> {
    std::iter::from_fn(|| channel.try_recv().ok()).collect()
}
