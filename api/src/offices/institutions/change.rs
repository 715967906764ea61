//! `PATCH /api/v1/institutions/{institution}`: what an institution is, and its service point.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use domain::handbook::Group;
use domain::id::{InstitutionId, StaffId};
use domain::institution::{AgencyClass, InstitutionLevel};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Facts, View, fitness, of_manager, store, views};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::{Body, given};
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{IfMatch, Work, etag};
use crate::offices::staff;
use crate::problem::Code;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = InstitutionChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    classes: Option<Vec<AgencyClass>>,
    #[schema(value_type = Option<String>)]
    level: Option<InstitutionLevel>,
    midwifery: Option<bool>,
    phone: Option<String>,
    is_service_point: Option<bool>,
    #[schema(value_type = Option<Vec<String>>)]
    issues_to: Option<Vec<Group>>,
    /// A trained handbook administrator who works here; `null` names nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    administrator: Option<Option<StaffId>>,
}

/// Change an institution
///
/// What is left out stays. The region cannot change: an institution that moves ends, and another begins.
#[utoipa::path(
    tag = "institutions",
    params(("institution" = Uuid, Path, description = "The institution"), IfMatch),
    request_body = Request,
    responses(
        (status = 200, description = "Changed", body = View),
        (status = 409, description = "It has ended (`institution_ended`)"),
    ),
)]
#[patch("/api/v1/institutions/{institution}")]
pub(crate) async fn change_institution(
    app: Data<App>,
    office: Office<office::ManageInstitutions>,
    id: Path<String>,
    seen: IfMatch,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let row = of_manager(txn, &office.staff, &id).await?;
    seen.check(row.version)?;
    if row.ended_at.is_some() {
        return Err(ApiError::told(Code::InstitutionEnded));
    }
    let administrator = request.administrator.unwrap_or(row.administrator_id);
    let mut form = Form::default();
    if let Some(Some(named)) = request.administrator {
        check_administrator(txn, &app, &mut form, row.id, named).await?;
    }
    let facts = request.over(store::facts_of(&row)).checked(&mut form);
    form.done()?;

    let row = store::update(txn, &row, facts, administrator).await?;
    let (did, version) = (office.wrote().on(row.id), row.version);
    let changed = views(txn, vec![row], app.today()).await?.pop();
    work.done(&app, did).await?;
    Ok(HttpResponse::Ok().insert_header(etag(version)).json(changed))
}

/// The administrator of a service point works there, has the role and was trained.
async fn check_administrator(
    db: &impl ConnectionTrait,
    app: &App,
    form: &mut Form,
    institution: InstitutionId,
    named: StaffId,
) -> Result<(), ApiError> {
    match staff::store::find(db, named).await? {
        // Whoever works elsewhere need not be known to exist.
        Some(staff) if staff.institution_id == Some(institution) => {
            if let Some(obstacle) = fitness(&staff, institution, app.today()).obstacle() {
                let (zh, en) = (obstacle.zh(), obstacle.en());
                form.refuse(
                    "/administrator",
                    obstacle.code(),
                    format!("{zh}。"),
                    format!("Not possible: {en}."),
                );
            }
        }
        _ => form.refuse("/administrator", "not_here", "该人员不在本机构。", "Nobody here has this id."),
    }
    Ok(())
}

impl Request {
    /// The facts with what is given written over them.
    fn over(self, facts: Facts) -> Facts {
        Facts {
            name: self.name.unwrap_or(facts.name),
            region: facts.region,
            classes: self.classes.unwrap_or(facts.classes),
            level: self.level.unwrap_or(facts.level),
            midwifery: self.midwifery.unwrap_or(facts.midwifery),
            phone: self.phone.unwrap_or(facts.phone),
            is_service_point: self.is_service_point.unwrap_or(facts.is_service_point),
            issues_to: self.issues_to.unwrap_or(facts.issues_to),
        }
    }
}
