//! `POST /api/v1/institutions`: a new institution of the own scope.

use actix_web::web::Data;
use actix_web::{HttpResponse, http::StatusCode, post};
use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::institution::{AgencyClass, InstitutionLevel};
use sea_orm::SqlErr;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Facts, View, store, views, within};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::{Body, chosen_id};
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{Attempt, Once};
use crate::offices::RegionRef;
use crate::offices::regions;
use crate::problem::Code;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewInstitution)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Chosen by the client, else by the server.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    id: Option<InstitutionId>,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// A region inside the own scope.
    region: RegionRef,
    /// At least one agency class.
    #[schema(value_type = Vec<String>, min_items = 1)]
    classes: Vec<AgencyClass>,
    /// Level of a hospital: `none`, `primary`, `secondary`, `tertiary`.
    #[schema(value_type = String)]
    level: InstitutionLevel,
    /// Licensed to deliver babies; needed of the class `midwifery`.
    #[serde(default)]
    midwifery: bool,
    phone: String,
    /// The county names a service point here; its administrator is named once they work here.
    #[serde(default)]
    is_service_point: bool,
    /// Groups that the service point may issue to.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    issues_to: Vec<Group>,
}

/// Add an institution
#[utoipa::path(
    tag = "institutions",
    params(Once),
    request_body = Request,
    responses((status = 201, description = "Added", body = View)),
)]
#[post("/api/v1/institutions")]
pub(crate) async fn add_institution(
    app: Data<App>,
    office: Office<office::ManageInstitutions>,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let chosen = request.id;
    let mut form = Form::default();
    let facts = request.into_facts().checked(&mut form);
    form.done()?;
    within(office.staff.region, facts.region)?;

    let actor = office.staff.id.0;
    let work = match once.begin(&app, actor, chosen.map(|id| id.0), body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    regions::store::known(&work.txn, facts.region).await?;
    let id = chosen.unwrap_or_else(|| InstitutionId(Uuid::now_v7()));
    if store::exists(&work.txn, id).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    let row = store::row_of(id, facts, app.now());
    store::insert_all(&work.txn, [row.clone()]).await.map_err(|err| match err.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => ApiError::told(Code::IdInUse),
        _ => err.into(),
    })?;
    let added = views(&work.txn, vec![row], app.today()).await?.pop();
    work.answer(&app, office.wrote().on(id), StatusCode::CREATED, &added).await
}

impl Request {
    fn into_facts(self) -> Facts {
        Facts {
            name: self.name,
            region: self.region.into(),
            classes: self.classes,
            level: self.level,
            midwifery: self.midwifery,
            phone: self.phone,
            is_service_point: self.is_service_point,
            issues_to: self.issues_to,
        }
    }
}
