//! A page of a list of persons on its way to staff.
//!
//! The cursor carries how many lines were given before it, so whoever follows it comes to the limit of the list. Whoever
//! changes filters from page to page, to begin anew each time, is stopped by what the account is given in a day. A list
//! that is loaded again shows the same handbooks and counts once.

use domain::disclosure::{FREE_LINES, PersonList};
use domain::id::HandbookId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lists::Which;
use super::store;
use crate::app::App;
use crate::error::ApiError;
use crate::page::{PageQuery, cut};
use crate::problem::Code;
use crate::session::Staff;

/// A page that is being read.
#[derive(Debug)]
pub(crate) struct Reading<'a, P> {
    app: &'a App,
    staff: &'a Staff,
    list: PersonList,
    key: String,
    given: u64,
    limit: u64,
    /// Where it begins, if it is not the first.
    pub(crate) after: Option<P>,
}

impl<'a, P: Serialize + DeserializeOwned> Reading<'a, P> {
    /// Begins a page. It ends where the lines end that may be given; one that begins there is refused.
    pub(crate) async fn begin(
        app: &'a App,
        staff: &'a Staff,
        which: &Which,
        page: &PageQuery,
    ) -> Result<Self, ApiError> {
        let (limit, key) = (page.limit()?, which.key());
        let (given, after) = match page.after::<(u64, P)>(&app.keys, &key)? {
            Some((given, after)) => (given, Some(after)),
            None => (0, None),
        };
        let mut most = FREE_LINES;
        if given + limit > most {
            most = most.max(store::approved(app.db.read(), staff.id, &key, app.now()).await?);
        }
        if given >= most {
            return Err(ApiError::with(Code::ApprovalNeeded, "limit", FREE_LINES));
        }
        let limit = limit.min(most - given);
        Ok(Self { app, staff, list: which.list(), key, given, limit, after })
    }

    /// Rows to fetch: one more than are given tells whether there is a next page.
    pub(crate) fn wanted(&self) -> u64 {
        self.limit + 1
    }

    /// Cuts the page out of the rows, and counts whom it shows for the day before anybody sees them.
    pub(crate) async fn give<R>(
        self,
        rows: Vec<R>,
        position: impl Fn(&R) -> P,
        handbook: impl Fn(&R) -> HandbookId,
    ) -> Result<(Vec<R>, Option<String>), ApiError> {
        let given = self.given + self.limit;
        let (rows, next) = cut(&self.app.keys, rows, self.limit, &self.key, |row| (given, position(row)));
        store::count_shown(self.app, self.staff, self.list, rows.iter().map(handbook)).await?;
        Ok((rows, next))
    }
}
