//! `GET /api/v1/exports`, `GET /api/v1/exports/{export}`: what was asked for and taken, for who asked and for who looks after
//! them.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::disclosure::{DecideRefusal, Decider, DisclosureState, Form, PersonList, may_decide, supervises};
use domain::id::{DisclosureId, InstitutionId, StaffId};
use domain::place::RegionLevel;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, Filter, Scope};
use crate::access::{Office, office};
use crate::access_log::store::{institution_names, workers};
use crate::app::App;
use crate::db::entities::disclosure;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::problem::{Code, Language};
use crate::query::Query;
use crate::session::Staff;

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DisclosureQuery {
    /// Only what the caller asked for; whoever looks after nobody sees nothing else anyway.
    #[serde(default)]
    mine: bool,
    /// `waiting`, `ready`, `refused`, `taken`, `expired` or `over_limit`; all when left out.
    #[param(value_type = Option<String>)]
    state: Option<DisclosureState>,
    /// Those that somebody who looks after the asker marked as seen, or those that nobody did; all when left out.
    seen: Option<bool>,
}

/// A list of persons that somebody asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Export)]
pub(crate) struct Shown {
    #[schema(value_type = Uuid)]
    id: DisclosureId,
    /// Which list.
    #[schema(value_type = String)]
    list: PersonList,
    /// The same in words.
    list_label: String,
    /// Which lines of it.
    #[schema(value_type = super::lists::Filters)]
    filters: serde_json::Value,
    /// `xlsx`, `csv` or `screen`.
    #[schema(value_type = String)]
    form: Form,
    /// Most lines that are given.
    lines: i64,
    /// `waiting`, `ready`, `refused`, `taken`, `expired`; `over_limit` where an account ran into its limit of a day.
    #[schema(value_type = String)]
    state: DisclosureState,
    /// The same in words.
    state_label: String,
    /// What it is needed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    /// Who asked.
    #[schema(value_type = Uuid)]
    staff: StaffId,
    staff_name: String,
    staff_title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    institution: Option<InstitutionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_name: Option<String>,
    asked_at: DateTime<Utc>,
    /// When a second person decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<DateTime<Utc>>,
    /// Who did.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by_name: Option<String>,
    /// What they wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Until when it may be taken, or read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until: Option<DateTime<Utc>>,
    /// How often the file was taken.
    taken: i32,
    /// When it was last taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_at: Option<DateTime<Utc>>,
    /// When somebody who looks after the asker marked it as seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at: Option<DateTime<Utc>>,
    /// The caller asked.
    is_mine: bool,
}

impl Shown {
    /// Requests as they are told to a staff member.
    pub(super) async fn all(
        app: &App,
        db: &impl ConnectionTrait,
        reader: &Staff,
        rows: Vec<disclosure::Model>,
        language: Language,
    ) -> Result<Vec<Self>, ApiError> {
        let people = rows.iter().flat_map(|row| [Some(row.staff_id), row.decided_by]).flatten();
        let people = workers(db, &app.keys, people).await?;
        let institutions = institution_names(db, rows.iter().filter_map(|row| row.institution_id)).await?;
        let (keys, now) = (&app.keys, app.now());
        let open = |place, sealed: Option<&Vec<u8>>| sealed.and_then(|sealed| keys.open(place, sealed).ok());
        let shown = rows.into_iter().map(|row| {
            let asker = people.get(&row.staff_id).cloned().unwrap_or_default();
            let state = row.state.now(row.asked_at, row.holds_until, now);
            Self {
                id: row.id,
                list: row.list,
                list_label: language.of(row.list.zh(), row.list.en()).to_owned(),
                form: row.form,
                lines: row.lines,
                state,
                state_label: language.of(state.zh(), state.en()).to_owned(),
                purpose: open(store::purpose_place(row.id), row.purpose.as_ref()),
                staff: row.staff_id,
                staff_name: asker.name,
                staff_title: asker.title,
                institution: row.institution_id,
                institution_name: row.institution_id.and_then(|id| institutions.get(&id).cloned()),
                asked_at: row.asked_at,
                decided_at: row.decided_at,
                decided_by_name: row.decided_by.and_then(|id| people.get(&id)).map(|who| who.name.clone()),
                reason: open(store::reason_place(row.id), row.reason.as_ref()),
                holds_until: row.holds_until,
                taken: row.taken,
                taken_at: row.taken_at,
                seen_at: row.seen_at,
                is_mine: row.staff_id == reader.id,
                filters: row.filters,
            }
        });
        Ok(shown.collect())
    }
}

/// Lists of persons that were asked for, the newest first
///
/// One's own; for county MCH everything of its county, for city and province MCH what the county MCH below them and
/// their own institutions ask for. Also
/// the accounts that ran into their limit of a day.
#[utoipa::path(
    tag = "exports",
    params(DisclosureQuery, PageQuery),
    responses((status = 200, description = "A page", body = Page<Shown>)),
)]
#[get("/api/v1/exports")]
pub(crate) async fn list(
    app: Data<App>,
    office: Office<office::ReadDisclosures>,
    language: Language,
    wanted: Query<DisclosureQuery>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (staff, limit) = (&office.staff, page.limit()?);
    let scope = scope_of(staff, wanted.mine);
    let filter = Filter { state: wanted.state, seen: wanted.seen };
    let list = format!("exports/{scope:?}/{filter:?}");
    let before = page.after(&app.keys, &list)?;
    let db = app.db.read();
    let rows = store::newest(db, scope, filter, before, limit + 1, app.now()).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.id);
    let items = Shown::all(&app, db, staff, rows, language).await?;
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// A list of persons that was asked for
#[utoipa::path(
    tag = "exports",
    params(("export" = Uuid, Path, description = "What was asked for")),
    responses((status = 200, description = "How it stands", body = Shown)),
)]
#[get("/api/v1/exports/{export}")]
pub(crate) async fn one(
    app: Data<App>,
    office: Office<office::ReadDisclosures>,
    language: Language,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let row = find(&app, &office.staff, &id).await?;
    let shown = Shown::all(&app, app.db.read(), &office.staff, vec![row], language).await?;
    Ok(HttpResponse::Ok().json(shown.first()))
}

/// A request of one's own, or of somebody whom one looks after.
pub(super) async fn find(app: &App, staff: &Staff, id: &str) -> Result<disclosure::Model, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id = id.parse().map_err(|_| missing())?;
    let row = store::by_id(app.db.read(), id).await?.ok_or_else(missing)?;
    let may_know = row.staff_id == staff.id || supervises(&staff.roles, staff.region, store::asker(&row));
    if may_know { Ok(row) } else { Err(missing()) }
}

/// A request on which a staff member decides: somebody else's, for whose region they answer.
pub(super) async fn of_another(app: &App, staff: &Staff, id: &str) -> Result<disclosure::Model, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id = id.parse().map_err(|_| missing())?;
    let row = store::by_id(app.db.read(), id).await?.ok_or_else(missing)?;
    let decider = Decider { id: staff.id, roles: &staff.roles, scope: staff.region };
    may_decide(decider, store::asker(&row)).map(|()| row).map_err(|refusal| match refusal {
        DecideRefusal::Own => ApiError::told(Code::OwnDisclosure),
        DecideRefusal::NotTheirs => missing(),
    })
}

fn scope_of(staff: &Staff, mine: bool) -> Scope {
    match staff.region.region() {
        _ if mine => Scope::Own(staff.id),
        Some(region) if staff.is(Role::CountyMch) => Scope::County(region.code.at(RegionLevel::County)),
        Some(region) if staff.is(Role::CityMch) || staff.is(Role::ProvinceMch) => Scope::Above(region),
        _ => Scope::Own(staff.id),
    }
}
