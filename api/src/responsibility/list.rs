//! `GET /api/v1/handbooks/{handbook}/responsibility`: the chain of responsibility as one dated list.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::id::{InstitutionId, RecordId, VisitId};
use domain::responsibility::{Duty, DutyState, state};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, Line};
use crate::access::{Access, ReadResponsibility};
use crate::access_log::store::institution_names;
use crate::app::App;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Language;
use crate::query::Query;

/// One duty.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Responsibility {
    id: Uuid,
    #[schema(value_type = String)]
    duty: Duty,
    /// The duty in words.
    what: String,
    /// When it was known, or done at a desk.
    since: DateTime<Utc>,
    /// Who answers for it; absent where the county does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    institution: Option<InstitutionId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_name: Option<String>,
    /// The role that answers for it.
    #[schema(value_type = String)]
    role: Role,
    /// By when it is to be done; absent where no time is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_by: Option<DateTime<Utc>>,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<DateTime<Utc>>,
    /// `due`, `done` or `late`; what was done after its time stays late.
    #[schema(value_type = String)]
    state: DutyState,
    /// The record that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    record: Option<RecordId>,
    /// The visit that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    visit: Option<VisitId>,
}

/// Who answers for what
///
/// Danger signs, emergency access, rules set aside, countersigns, delegations, risk assessments, late results and what was
/// done at a desk, the newest first. It says nothing of their content.
#[utoipa::path(
    operation_id = "responsibility",
    tag = "handbooks",
    params(("handbook" = Uuid, Path, description = "Handbook"), PageQuery),
    responses((status = 200, description = "A page", body = Page<Responsibility>)),
)]
#[get("/api/v1/handbooks/{handbook}/responsibility")]
pub(crate) async fn list(
    app: Data<App>,
    access: Access<ReadResponsibility>,
    language: Language,
    page: Query<PageQuery>,
) -> Result<Json<Page<Responsibility>>, ApiError> {
    let (db, handbook, limit) = (app.db.read(), access.handbook.id, page.limit()?);
    let list = format!("responsibility/{handbook}");
    let rows = store::newest(db, handbook, page.after(&app.keys, &list)?, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |line| (line.since, line.id));
    let names = institution_names(db, rows.iter().filter_map(|line| line.institution)).await?;
    let told = |line: Line| Responsibility {
        id: line.id,
        duty: line.duty,
        what: match line.act {
            Some(act) => language.of(act.zh(), act.en()),
            None => language.of(line.duty.zh(), line.duty.en()),
        }
        .to_owned(),
        since: line.since,
        institution: line.institution,
        institution_name: line.institution.and_then(|id| names.get(&id).cloned()),
        role: line.role,
        due_by: line.due_by,
        done_at: line.done_at,
        state: state(line.due_by, line.done_at, app.now()),
        record: line.record,
        visit: line.visit,
    };
    Ok(Json(Page { items: rows.into_iter().map(told).collect(), next_cursor }))
}
