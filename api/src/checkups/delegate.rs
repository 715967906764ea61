//! `/api/v1/handbooks/{handbook}/delegations`: the managing institution hands a woman and her newborn to a village doctor.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::id::{DelegationId, HandbookId, StaffId};
use domain::place::Region;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::access::{Access, Delegate};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::{delegation, institution, staff};
use crate::error::ApiError;
use crate::handbooks::store::hold_as;
use crate::idempotency::{Attempt, Once, Work};
use crate::offices;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Code;
use crate::query::Query;
use crate::records::show::id_in;

/// To whom a handbook is delegated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// A village worker inside the region of the institution.
    #[schema(value_type = Uuid)]
    staff: StaffId,
}

/// A delegation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delegation {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: DelegationId,
    /// The village worker.
    #[schema(value_type = Uuid)]
    pub staff: StaffId,
    /// Name of the village worker.
    pub name: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Delegate to a village doctor
///
/// Who then writes the postpartum and newborn visits; the institution countersigns them.
#[utoipa::path(
    tag = "checkups",
    params(("handbook" = Uuid, Path), Once),
    request_body = NewDelegation,
    responses((status = 201, description = "Delegated", body = Delegation)),
)]
#[post("/api/v1/handbooks/{handbook}/delegations")]
pub(crate) async fn delegate(
    app: Data<App>,
    access: Access<Delegate>,
    once: Once,
    body: Body<NewDelegation>,
) -> Result<HttpResponse, ApiError> {
    let caller = access.caller.staff()?;
    let NewDelegation { staff } = body.parse()?;
    match once.begin(&app, caller.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => Ok(answer),
        Attempt::New(work) => {
            let held = hold_as(&work.txn, &access).await?;
            let institution = offices::institutions::store::find(&work.txn, caller.institution()?).await?;
            let institution = institution.ok_or_else(|| ApiError::told(Code::OutOfScope))?;
            let village = offices::staff::store::find(&work.txn, staff).await?;
            let village = village
                .filter(|village| may_be_delegated_to(village, &institution, &app))
                .ok_or_else(not_a_village_worker)?;
            let row = delegation::Model {
                id: DelegationId(Uuid::now_v7()),
                handbook_id: held.id,
                staff_id: staff,
                institution_id: institution.id,
                created_by: caller.id,
                created_at: app.now(),
                ended_at: None,
            };
            if !store::delegate(&work.txn, &row).await? {
                return Err(ApiError::told(Code::DelegationExists));
            }
            work.answer(&app, access.wrote().on(row.id), StatusCode::CREATED, &shown(&app, &row, &village)?)
                .await
        }
    }
}

fn may_be_delegated_to(village: &staff::Model, institution: &institution::Model, app: &App) -> bool {
    let region = Region { code: institution.region_code, level: institution.region_level };
    let works_here = village.left_on.is_none_or(|left_on| left_on > app.today());
    works_here
        && village.roles.0.contains(&Role::VillageWorker)
        && village.region_code.is_some_and(|code| region.holds(code))
}

fn not_a_village_worker() -> ApiError {
    ApiError::field(
        "/staff",
        "not_a_village_worker",
        "请选择本机构辖区内的村级人员。",
        "Choose a village worker inside the region of your institution.",
    )
}

fn shown(app: &App, row: &delegation::Model, village: &staff::Model) -> Result<Delegation, ApiError> {
    let name = offices::staff::name_of(&app.keys, village)?;
    Ok(Delegation { id: row.id, staff: row.staff_id, name, created_at: row.created_at })
}

/// To whom the handbook is delegated
///
/// The oldest first.
#[utoipa::path(
    operation_id = "delegations",
    tag = "checkups",
    params(("handbook" = Uuid, Path), PageQuery),
    responses((status = 200, description = "A page of delegations that have not ended", body = Page<Delegation>)),
)]
#[get("/api/v1/handbooks/{handbook}/delegations")]
pub(crate) async fn list(
    app: Data<App>,
    access: Access<Delegate>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Delegation>>, ApiError> {
    let (db, handbook, limit) = (app.db.read(), access.handbook.id, page.limit()?);
    let list = format!("delegations/{handbook}");
    let rows = store::delegations(db, handbook, page.after(&app.keys, &list)?, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.id);
    let people = store::staff_by_id(db, rows.iter().map(|row| row.staff_id)).await?;
    let known = |row: &delegation::Model| people.get(&row.staff_id).map(|village| shown(&app, row, village));
    let items = rows.iter().filter_map(known).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// End a delegation
#[utoipa::path(
    tag = "checkups",
    params(("handbook" = Uuid, Path), ("delegation" = Uuid, Path)),
    responses((status = 204, description = "Ended")),
)]
#[delete("/api/v1/handbooks/{handbook}/delegations/{delegation}")]
pub(crate) async fn end(
    app: Data<App>,
    access: Access<Delegate>,
    path: Path<(HandbookId, String)>,
) -> Result<HttpResponse, ApiError> {
    let id = id_in(&path.1)?;
    let work = Work::without_key(&app).await?;
    if store::end_delegation(&work.txn, access.handbook.id, id, app.now()).await? {
        work.done(&app, access.wrote().on(id)).await?;
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::told(Code::NotFound))
    }
}
