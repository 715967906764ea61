//! The log of reads: every staff read of personal data is an event, written in the same request and before the answer.

use std::collections::BTreeSet;

use domain::access::{Action, Tie};
use domain::audit::Kind;
use domain::id::{HandbookId, VisitId};

use crate::app::App;
use crate::audit::{Event, store};
use crate::error::ApiError;
use crate::session::Staff;

/// One read of one handbook.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// Whose data.
    pub handbook: HandbookId,
    /// What was read.
    pub action: Action,
    /// What allowed it.
    pub tie: Option<Tie>,
    /// The visit, if that allowed it.
    pub visit: Option<VisitId>,
}

impl Read {
    /// The event that says that a staff member read.
    pub fn by(self, staff: &Staff) -> Event {
        staff.event(Kind::Read, self.action.code()).at(self.handbook).through(self.tie, self.visit)
    }
}

/// Writes reads; when they cannot be written, nothing may be read.
pub async fn write(app: &App, staff: &Staff, reads: &[Read]) -> Result<(), ApiError> {
    let events = reads.iter().map(|read| read.by(staff));
    Ok(store::write(app.db.write(), events, app.now()).await?)
}

/// A list that names people of several handbooks, each of which is read once, and all for the same reason.
pub async fn write_list(
    app: &App,
    staff: &Staff,
    handbooks: impl IntoIterator<Item = HandbookId>,
    (action, tie): (Action, Option<Tie>),
) -> Result<(), ApiError> {
    let handbooks: BTreeSet<HandbookId> = handbooks.into_iter().collect();
    let read = |handbook| Read { handbook, action, tie, visit: None };
    let reads: Vec<Read> = handbooks.into_iter().map(read).collect();
    write(app, staff, &reads).await
}
