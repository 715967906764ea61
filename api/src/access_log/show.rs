//! `GET /api/v1/handbooks/{handbook}/access-log`: tells the family in plain words who looked, where and why.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::access::{Action, Tie};
use domain::audit::Kind;
use domain::id::{EventId, InstitutionId, StaffId, VisitId};
use domain::person::family_name;
use domain::visit::VisitKind;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::{self, Worker};
use crate::access::{Access, ReadAccessLog};
use crate::app::App;
use crate::db::entities::{audit_event, visit};
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Language;
use crate::query::Query;

/// One read by staff.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Look {
    #[schema(value_type = Uuid)]
    id: EventId,
    at: DateTime<Utc>,
    /// Family name and title of who looked.
    who: String,
    /// Name of the institution; absent for an office of a region.
    #[serde(skip_serializing_if = "Option::is_none")]
    institution: Option<String>,
    /// What was done, as a stable English word.
    action: String,
    /// The same in words.
    what: String,
    /// Why it was allowed, in words.
    why: String,
    /// The visit by which it was allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    visit: Option<LookVisit>,
}

/// A visit as the family sees it.
#[derive(Debug, Serialize, ToSchema)]
struct LookVisit {
    #[schema(value_type = Uuid)]
    id: VisitId,
    #[schema(value_type = String)]
    kind: VisitKind,
    ends_at: DateTime<Utc>,
    /// Whether the institution may read now; the family may end it.
    is_open: bool,
}

/// Who looked into the handbook
///
/// Every read of personal data by staff, the newest first.
#[utoipa::path(
    operation_id = "access_log",
    tag = "handbooks",
    params(("handbook" = Uuid, Path, description = "Handbook"), PageQuery),
    responses((status = 200, description = "A page", body = Page<Look>)),
)]
#[get("/api/v1/handbooks/{handbook}/access-log")]
pub(crate) async fn show(
    app: Data<App>,
    access: Access<ReadAccessLog>,
    language: Language,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (db, handbook, limit) = (app.db.read(), access.handbook.id, page.limit()?);
    let list = format!("access_log/{handbook}");
    let handbooks = store::with_replaced(db, &access.handbook).await?;
    let rows = store::newest(db, &handbooks, page.after(&app.keys, &list)?, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |read| read.id);
    let items = looks(&app, db, rows, language).await?;
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// Reads as the family is told of them.
pub(crate) async fn looks(
    app: &App,
    db: &impl ConnectionTrait,
    rows: Vec<audit_event::Model>,
    language: Language,
) -> Result<Vec<Look>, ApiError> {
    let told = Telling {
        language,
        now: app.now(),
        workers: store::workers(db, &app.keys, rows.iter().filter_map(|read| read.staff_id)).await?,
        institutions: store::institution_names(db, rows.iter().filter_map(|read| read.institution_id))
            .await?,
        visits: store::visits(db, rows.iter().filter_map(|read| read.visit_id)).await?,
    };
    Ok(rows.into_iter().map(|read| told.look(read)).collect())
}

/// What a page is told with.
struct Telling {
    language: Language,
    now: DateTime<Utc>,
    workers: HashMap<StaffId, Worker>,
    institutions: HashMap<InstitutionId, String>,
    visits: HashMap<VisitId, visit::Model>,
}

impl Telling {
    fn look(&self, read: audit_event::Model) -> Look {
        let visit = read.visit_id.and_then(|id| self.visits.get(&id));
        let worker = read.staff_id.and_then(|id| self.workers.get(&id));
        let tie = read.tie.as_deref().and_then(|tie| tie.parse().ok());
        Look {
            id: read.id,
            at: read.at,
            who: match worker {
                Some(worker) => self.who(worker),
                None => self.language.of("系统运维人员", "an operator of the system").to_owned(),
            },
            institution: read.institution_id.and_then(|id| self.institutions.get(&id).cloned()),
            what: self.what(&read.action),
            why: match worker {
                Some(_) => why(tie, visit.map(|visit| visit.kind), self.language).to_owned(),
                None => self.language.of("查询谁看过资料", "to find out who looked").to_owned(),
            },
            action: read.action,
            visit: visit.map(|visit| LookVisit {
                id: visit.id,
                kind: visit.kind,
                ends_at: visit.ends_at,
                is_open: visit.ends_at > self.now,
            }),
        }
    }

    fn who(&self, worker: &Worker) -> String {
        let family = family_name(&worker.name);
        match self.language {
            _ if worker.title.is_empty() => family.to_owned(),
            Language::Chinese => format!("{family}{}", worker.title),
            Language::English => format!("{family}, {}", worker.title),
        }
    }

    fn what(&self, action: &str) -> String {
        if action == Kind::AnsweredAgain.code() {
            return self.language.of(Kind::AnsweredAgain.zh(), Kind::AnsweredAgain.en()).to_owned();
        }
        let known = action.parse::<Action>().ok();
        known
            .map_or_else(|| action.to_owned(), |action| self.language.of(action.zh(), action.en()).to_owned())
    }
}

/// Why a read was allowed, as one would say it to the family.
fn why(tie: Option<Tie>, visit: Option<VisitKind>, language: Language) -> &'static str {
    let (zh, en) = match (tie, visit) {
        (_, Some(VisitKind::BreakGlass)) | (Some(Tie::BreakGlass), _) => {
            ("紧急情况下调阅，已写明原因并接受复核", "an emergency; the reason is on record and is reviewed")
        }
        (Some(Tie::LateResults), _) => ("补录您就诊时的检查结果", "results of your visit still come in"),
        (_, Some(VisitKind::DynamicCode)) => {
            ("您在就诊时出示了手机上的二维码", "you showed the code on your phone at a visit")
        }
        (_, Some(VisitKind::PrintedCode)) => (
            "就诊时扫描了手册封面的二维码，并核对了后四位",
            "the code on the cover was scanned at a visit, with the last four",
        ),
        (_, Some(VisitKind::IdCard)) => {
            ("就诊时未带手册，核对了身份证", "a visit without the handbook, by ID card")
        }
        (Some(Tie::Visit), None) => ("您在该机构就诊", "you have a visit at this institution"),
        (Some(Tie::Managing), _) => {
            ("该机构负责您的健康管理", "this institution looks after your health management")
        }
        (Some(Tie::Issuing), _) => ("该机构发放了这本手册", "this institution issued the handbook"),
        (Some(Tie::Delegated), _) => {
            ("卫生院委托其上门随访", "the health centre asked them to visit you at home")
        }
        (Some(Tie::Author), _) => ("更正本人填写的记录", "they corrected a record of their own"),
        (Some(Tie::InRegion), _) => ("您居住在其服务的辖区内", "you live in the area that they serve"),
        (Some(Tie::HighRisk), _) => (
            "高危孕产妇由县级妇幼保健机构专案管理",
            "the county MCH institution follows high-risk pregnancies",
        ),
        (None, _) => ("在窗口办理业务时查找手册", "the handbook was looked up at a desk"),
    };
    language.of(zh, en)
}
