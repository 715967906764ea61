//! `PATCH /api/v1/staff/{staff}`: roles, title, training, and moving to another institution.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use chrono::NaiveDate;
use domain::access::Role;
use domain::id::InstitutionId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Facts, Giver, View, find_post, given_region, name_of, of_manager, store, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::{Body, given};
use crate::checkups::store as checkups;
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{IfMatch, Work, etag};
use crate::offices::RegionRef;
use crate::problem::Code;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = StaffChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 50)]
    title: Option<String>,
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    roles: Option<Vec<Role>>,
    /// The institution to which they move; `null` leaves them without one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    institution: Option<Option<InstitutionId>>,
    /// The region of a regional role; `null` with the last of these roles.
    #[serde(default, deserialize_with = "given")]
    region: Option<Option<RegionRef>>,
    /// When they were trained as handbook administrator.
    #[serde(default, deserialize_with = "given")]
    trained_on: Option<Option<NaiveDate>>,
}

/// Change a staff member
///
/// What is left out stays. A changed scope acts on their next request, and
/// what was delegated to somebody who moves ends. Nobody changes themselves here.
#[utoipa::path(
    tag = "staff",
    params(("staff" = Uuid, Path, description = "The staff member"), IfMatch),
    request_body = Request,
    responses(
        (status = 200, description = "Changed", body = View),
        (status = 409, description = "They have left (`staff_left`)"),
    ),
)]
#[patch("/api/v1/staff/{staff}")]
pub(crate) async fn change_staff(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    id: Path<String>,
    seen: IfMatch,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let row = of_manager(txn, &office.staff, &id).await?;
    seen.check(row.version)?;
    if row.left_on.is_some_and(|left_on| left_on <= app.today()) {
        return Err(ApiError::told(Code::StaffLeft));
    }
    let mut form = Form::default();
    let facts = request.over(facts_of(&app, &row)?).checked(&mut form, app.today());
    form.done()?;
    let post = find_post(txn, &Giver::of(&office.staff), &facts).await?;
    let before = row;
    let row = store::update(txn, &app.keys, &before, facts, post).await?;
    if has_moved(&before, &row) {
        checkups::end_delegations_to(txn, row.id, app.now()).await?;
    }
    work.done(&app, office.wrote().on(row.id)).await?;
    Ok(HttpResponse::Ok().insert_header(etag(row.version)).json(view(&app.keys, row)?))
}

/// Whether somebody to whom a family may be delegated works elsewhere from now on, or as something else.
fn has_moved(before: &staff::Model, after: &staff::Model) -> bool {
    let place = |row: &staff::Model| (row.institution_id, row.region_code, row.region_level);
    place(before) != place(after) || !after.roles.0.contains(&Role::VillageWorker)
}

fn facts_of(app: &App, row: &staff::Model) -> Result<Facts, ApiError> {
    Ok(Facts {
        name: name_of(&app.keys, row)?,
        title: row.title.clone(),
        roles: row.roles.0.clone(),
        institution: row.institution_id,
        region: given_region(row),
        trained_on: row.trained_on,
    })
}

impl Request {
    /// The facts with what is given written over them.
    fn over(self, facts: Facts) -> Facts {
        Facts {
            name: self.name.unwrap_or(facts.name),
            title: self.title.unwrap_or(facts.title),
            roles: self.roles.unwrap_or(facts.roles),
            institution: self.institution.unwrap_or(facts.institution),
            region: self.region.map_or(facts.region, |region| region.map(Into::into)),
            trained_on: self.trained_on.unwrap_or(facts.trained_on),
        }
    }
}
