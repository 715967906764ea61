//! `GET /api/v1/handbooks/{handbook}/changes?after=`: what changed, for whoever was told to look and for clients that
//! have no `EventSource`.

use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, get};
use domain::access::{Action, Standing};
use domain::id::RecordId;
use domain::record::RecordState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, ChangedRecord};
use crate::access::{Access, Watch};
use crate::app::App;
use crate::db::entities::notice;
use crate::error::ApiError;
use crate::notices;
use crate::notices::list::{Told, told};
use crate::openapi::refuses;
use crate::page;
use crate::problem::{Code, Language};

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
    /// Records that were added, changed, withdrawn or voided; read what is live.
    changed: Vec<ChangedItem>,
    /// What the family was told; for whoever may read notices.
    notices: Vec<Told>,
}

/// A record that changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedItem {
    #[schema(value_type = Uuid)]
    record: RecordId,
    /// Whether it still counts: `live`, `withdrawn` or `voided`.
    #[schema(value_type = String)]
    state: RecordState,
    change_seq: i64,
}

/// What changed in a handbook after a number
///
/// At most 100 records and notices together, the oldest change first.
#[utoipa::path(tag = "live", params(("handbook" = Uuid, Path, description = "Handbook"), AfterQuery), responses(
    (status = 200, description = "What changed", body = Changes),
    refuses::BadRequest, refuses::NotSignedIn, refuses::Forbidden, refuses::NotFound, refuses::Unavailable,
))]
#[get("/api/v1/handbooks/{handbook}/changes")]
pub(crate) async fn after(
    app: Data<App>,
    access: Access<Watch>,
    language: Language,
    query: Query<AfterQuery>,
) -> Result<HttpResponse, ApiError> {
    let since = query.after;
    if since < 0 {
        return Err(ApiError::with(Code::BadQuery, "reason", "after ≥ 0"));
    }
    // The number that the guard read bounds both lists: what is committed while they are read comes next time, whole.
    let (db, handbook, up_to) = (app.db.read(), access.handbook.id, access.handbook.change_seq);
    let is_family = matches!(access.standing, Standing::Member { .. });
    let most = page::MAX + 1;
    let records = store::changed_records(db, handbook, since, up_to, is_family, most).await?;
    let notices = if access.may(Action::ReadNotices) {
        notices::store::between(db, handbook, since, up_to, most).await?
    } else {
        Vec::new()
    };
    let (seq, more) = reach(&records, &notices, up_to.max(since));
    let changed = records.into_iter().filter(|record| record.change_seq <= seq).map(|record| ChangedItem {
        record: record.id,
        state: record.state,
        change_seq: record.change_seq,
    });
    let told_by_then = notices.into_iter().filter(|notice| notice.change_seq <= seq).collect();
    let notices = told(db, told_by_then, language).await?;
    Ok(HttpResponse::Ok().json(Changes { seq, more, changed: changed.collect(), notices }))
}

/// How far an answer of at most [`page::MAX`] items reaches, and whether something is left beyond.
fn reach(records: &[ChangedRecord], notices: &[notice::Model], up_to: i64) -> (i64, bool) {
    let records = records.iter().map(|record| record.change_seq);
    let mut seqs: Vec<i64> = records.chain(notices.iter().map(|notice| notice.change_seq)).collect();
    seqs.sort_unstable();
    let most = usize::try_from(page::MAX).unwrap_or(usize::MAX);
    match (seqs.get(most), most.checked_sub(1).and_then(|last| seqs.get(last))) {
        // Items of one change stay together: the answer ends before the change that does not fit.
        (Some(first_left), Some(last)) if first_left == last => {
            let before = seqs.iter().rev().find(|seq| *seq < first_left);
            (before.copied().unwrap_or(*last), true)
        }
        (Some(_), Some(last)) => (*last, true),
        _ => (up_to, false),
    }
}
