//! `GET /api/v1/handbooks/{handbook}/responsibility`: the chain of responsibility as one dated list.

use std::collections::HashMap;

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::id::{ChildId, HandbookId, InstitutionId, RecordId, StaffId, VisitId};
use domain::record::{Subject, SubjectKind};
use domain::responsibility::{Duty, DutyState, Ending, state};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::store::{self, Asked, Line};
use crate::access::{Access, ReadResponsibility};
use crate::access_log::store::{Worker, institution_names, workers};
use crate::app::App;
use crate::children::store as children;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Language;
use crate::query::Query;
use crate::records::form::SubjectWord;

/// What the chain is narrowed to.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChainQuery {
    /// `woman`, `household`, or the id of a child of the handbook. What is about the handbook itself, such as a transfer, is
    /// left out then.
    #[param(max_length = 36)]
    subject: Option<String>,
}

impl ChainQuery {
    async fn subject(
        &self,
        db: &impl ConnectionTrait,
        handbook: HandbookId,
    ) -> Result<Option<Subject>, ApiError> {
        let Some(word) = &self.subject else { return Ok(None) };
        let child = match (word.parse::<SubjectKind>(), word.parse::<ChildId>()) {
            (Ok(SubjectKind::Woman), _) => return Ok(Some(Subject::Woman)),
            (Ok(SubjectKind::Household), _) => return Ok(Some(Subject::Household)),
            (_, Ok(id)) => children::one(db, handbook, id).await?,
            _ => None,
        };
        match child {
            Some(child) => Ok(Some(Subject::Child(child.id))),
            None => Err(ApiError::parameter(
                "subject",
                "not_an_option",
                "应为 woman（孕产妇）、household（家庭）或手册中儿童的编号。",
                "Give woman, household, or the id of a child of the handbook.",
            )),
        }
    }
}

/// One duty, as far as one institution answers for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Responsibility {
    id: Uuid,
    #[schema(value_type = String)]
    duty: Duty,
    /// The duty in words.
    what: String,
    /// About whom; absent where it is about the handbook itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<SubjectWord>,
    /// When it was known, or done at a desk; after a transfer, when it was taken over.
    since: DateTime<Utc>,
    /// Who of the staff knew it first: who wrote the record, opened the access, set the rule aside, delegated.
    #[serde(skip_serializing_if = "Option::is_none")]
    known_by: Option<Responsible>,
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
    /// By when it is to be done; absent where no time is set. A transfer does not move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_by: Option<DateTime<Utc>>,
    /// Its time was over before this institution took it over.
    overdue_on_arrival: bool,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<DateTime<Utc>>,
    /// Who did it, or to whom it is delegated.
    #[serde(skip_serializing_if = "Option::is_none")]
    done_by: Option<Responsible>,
    /// When it was handed over, or what asked for it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
    /// `due`, `done`, `late`, `handed_over` or `ended`; what was done, or ended, after its time stays late.
    #[schema(value_type = String)]
    state: DutyState,
    /// The state in words.
    state_label: String,
    /// The record that it is about; absent for an entry that the family hides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    record: Option<RecordId>,
    /// The visit that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    visit: Option<VisitId>,
}

/// A staff member who stands in the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Responsible {
    /// Full name.
    name: String,
    /// Job title.
    title: String,
}

/// Who answers for what
///
/// Danger signs, emergency access, rules set aside, countersigns, delegations, risk assessments, late results, requests for
/// correction and what was done at a desk, the newest first. What waited at a transfer stands there for each institution: for
/// the former until then, for the other since. What was voided, or hidden by the family, stays with its end. It says nothing of
/// their content.
#[utoipa::path(
    operation_id = "responsibility",
    tag = "handbooks",
    params(("handbook" = Uuid, Path, description = "Handbook"), ChainQuery, PageQuery),
    responses((status = 200, description = "A page", body = Page<Responsibility>)),
)]
#[get("/api/v1/handbooks/{handbook}/responsibility")]
pub(crate) async fn list(
    app: Data<App>,
    access: Access<ReadResponsibility>,
    language: Language,
    wanted: Query<ChainQuery>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Responsibility>>, ApiError> {
    let (db, handbook, limit) = (app.db.read(), &access.handbook, page.limit()?);
    let subject = wanted.subject(db, handbook.id).await?;
    let list = format!("responsibility/{}/{subject:?}", handbook.id);
    let asked = Asked { handbook, subject, seen: page.after(&app.keys, &list)?, limit: limit + 1 };
    let rows = store::newest(db, &asked).await?;
    let (mut rows, next_cursor) = cut(&app.keys, rows, limit, &list, |line| (line.since, line.id));
    rows.retain(Line::ever_waited);
    let told = Telling::fetch(&app, &rows, language).await?;
    Ok(Json(Page { items: rows.into_iter().map(|line| told.line(line)).collect(), next_cursor }))
}

/// What a page is told with.
struct Telling {
    language: Language,
    now: DateTime<Utc>,
    institutions: HashMap<InstitutionId, String>,
    workers: HashMap<StaffId, Worker>,
}

impl Telling {
    async fn fetch(app: &App, rows: &[Line], language: Language) -> Result<Self, ApiError> {
        let db = app.db.read();
        let staff = rows.iter().flat_map(|line| [line.known_by, line.done_by]).flatten();
        Ok(Self {
            language,
            now: app.now(),
            institutions: institution_names(db, rows.iter().filter_map(|line| line.institution)).await?,
            workers: workers(db, &app.keys, staff).await?,
        })
    }

    fn line(&self, line: Line) -> Responsibility {
        let stands = state(line.due_by, line.done_at, line.ending, self.now);
        let (zh, en) = match line.act {
            Some(act) => (act.zh(), act.en()),
            None => (line.duty.zh(), line.duty.en()),
        };
        Responsibility {
            id: line.id,
            duty: line.duty,
            what: self.language.of(zh, en).to_owned(),
            subject: line.subject.map(SubjectWord::from),
            since: line.since,
            known_by: self.responsible(line.known_by),
            institution: line.institution,
            institution_name: line.institution.and_then(|id| self.institutions.get(&id).cloned()),
            role: line.role,
            due_by: line.due_by,
            overdue_on_arrival: line.due_by.is_some_and(|due_by| due_by < line.since),
            done_at: line.done_at,
            done_by: self.responsible(line.done_by),
            ended_at: line.ending.map(Ending::at),
            state: stands,
            state_label: self.language.of(stands.zh(), stands.en()).to_owned(),
            record: line.record,
            visit: line.visit,
        }
    }

    fn responsible(&self, staff: Option<StaffId>) -> Option<Responsible> {
        let worker = self.workers.get(&staff?)?.clone();
        Some(Responsible { name: worker.name, title: worker.title })
    }
}
