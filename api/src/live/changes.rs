//! `GET /api/v1/handbooks/{handbook}/changes?after=`: what changed, for whoever was told to look and for clients that
//! have no `EventSource`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::access::{Action, Standing};
use domain::id::RecordId;
use domain::record::RecordState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, Span};
use crate::access::{Access, Watch, log};
use crate::app::App;
use crate::consents::store::sharing;
use crate::error::ApiError;
use crate::notices;
use crate::notices::list::{Told, told};
use crate::page;
use crate::problem::Language;
use crate::query::{self, Query};
use crate::session::Caller;

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AfterQuery {
    /// `seq` of the answer before; 0 for everything.
    #[serde(default)]
    #[param(minimum = 0)]
    after: i64,
}

/// What changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changes {
    /// Send it as `after` next time.
    seq: i64,
    /// Whether there is more after `seq` at once.
    more: bool,
    /// Records that were added, changed, hidden, withdrawn or voided; read what is live, take away what is not.
    changed: Vec<ChangedItem>,
    /// What the family was told; for whoever may read notices.
    notices: Vec<Told>,
}

/// A record that changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedItem {
    #[schema(value_type = Uuid)]
    record: RecordId,
    /// Whether it still counts: `live`, `withdrawn` or `voided`. To staff an entry that the family has hidden is `withdrawn`:
    /// a client that shows it takes it away, and it stands in no timeline any more.
    #[schema(value_type = String)]
    state: RecordState,
    change_seq: i64,
}

/// What changed in a handbook after a number
///
/// At most 100 records and notices together, the oldest change first.
#[utoipa::path(
    tag = "live",
    params(("handbook" = Uuid, Path, description = "Handbook"), AfterQuery),
    responses((status = 200, description = "What changed", body = Changes)),
)]
#[get("/api/v1/handbooks/{handbook}/changes")]
pub(crate) async fn after(
    app: Data<App>,
    access: Access<Watch>,
    language: Language,
    query: Query<AfterQuery>,
) -> Result<HttpResponse, ApiError> {
    let since = query.after;
    if since < 0 {
        return Err(query::out_of_range("after", 0, i64::MAX));
    }
    // The number that the guard read bounds both lists: what is committed while they are read comes next time, whole.
    let (db, handbook, up_to) = (app.db.read(), access.handbook.id, access.handbook.change_seq);
    let is_family = matches!(access.standing, Standing::Member { .. });
    let most = page::MAX + 1;
    let span = Span { handbook, after: since, up_to, limit: most };
    let records = if is_family {
        store::changed_records(db, span).await?
    } else {
        store::changed_records_for_staff(db, span, sharing(&access.handbook)).await?
    };
    let notices = if access.may(Action::ReadNotices) {
        notices::store::between(db, handbook, since, up_to, most).await?
    } else {
        Vec::new()
    };
    // What was written when is personal data; that nothing was is none, and is asked for every few seconds.
    if let (Caller::Staff(staff), false) = (&access.caller, records.is_empty()) {
        log::write(&app, staff, &[access.read()]).await?;
    }
    let record_seqs = records.iter().map(|record| record.change_seq);
    let seqs = record_seqs.chain(notices.iter().map(|notice| notice.change_seq)).collect();
    let (seq, more) = reach(seqs, up_to);
    let changed = records.into_iter().filter(|record| record.change_seq <= seq).map(|record| ChangedItem {
        record: record.id,
        state: record.state,
        change_seq: record.change_seq,
    });
    let told_by_then = notices.into_iter().filter(|notice| notice.change_seq <= seq).collect();
    let notices = told(db, told_by_then, language).await?;
    Ok(HttpResponse::Ok().json(Changes { seq, more, changed: changed.collect(), notices }))
}

/// How far an answer of at most [`page::MAX`] items reaches, and whether something is left beyond. Items of one change
/// stay together: the answer ends before the change that does not fit.
fn reach(mut seqs: Vec<i64>, up_to: i64) -> (i64, bool) {
    seqs.sort_unstable();
    let most = usize::try_from(page::MAX).unwrap_or(usize::MAX);
    let Some(first_left) = seqs.get(most) else { return (up_to, false) };
    let whole = seqs.iter().rev().find(|seq| *seq < first_left);
    (*whole.unwrap_or(first_left), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_between_two_changes() {
        assert_eq!(reach(vec![], 7), (7, false));
        assert_eq!(reach((1..=100).collect(), 100), (100, false));
        assert_eq!(reach((1..=101).rev().collect(), 101), (100, true));
        let pairs = (1..=60).flat_map(|seq| [seq, seq]).collect();
        assert_eq!(reach(pairs, 60), (50, true));
        let three_at_once = (1..=98).chain([99, 99, 99]).collect();
        assert_eq!(reach(three_at_once, 99), (98, true), "the three come together next time");
    }
}
