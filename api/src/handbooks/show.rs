//! `GET /api/v1/handbooks/{handbook}`: the cover. What of it a caller sees is `domain::handbook::cover`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::NaiveDate;
use domain::handbook::cover::CoverView;
use domain::handbook::{CloseReason, Group, State};
use domain::id::{ChildId, HandbookId, PersonId, PregnancyId};
use domain::person::{Sex, mask_id_number, mask_name, mask_phone};
use domain::place::RegionCode;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::{InstitutionName, store};
use crate::access::{Access, ReadCover};
use crate::app::App;
use crate::children::store as children;
use crate::db::entities::{child, handbook, person};
use crate::error::ApiError;
use crate::idempotency::etag;
use crate::people;
use crate::pregnancies::Pregnancy;
use crate::pregnancies::store as pregnancies;

/// The cover of a handbook. What the caller may not see is absent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cover {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: HandbookId,
    /// Number.
    pub number: String,
    /// State.
    #[schema(value_type = String)]
    pub state: State,
    /// To whom it was issued.
    #[schema(value_type = String)]
    pub group: Group,
    /// Day of issue.
    pub issued_on: NaiveDate,
    /// Region of the present address.
    #[schema(value_type = i64)]
    pub region_code: RegionCode,
    /// Issuing institution.
    pub issuing_institution: Option<InstitutionName>,
    /// Managing institution.
    pub managing_institution: Option<InstitutionName>,
    /// Due date of the open pregnancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_date: Option<NaiveDate>,
    /// Colour of the risk grade of the open pregnancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_grade: Option<String>,
    /// The purple mark of the open pregnancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purple: Option<bool>,
    /// The woman or guardian.
    pub woman: Option<WomanOnCover>,
    /// The pregnancies, the latest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pregnancies: Option<Vec<Pregnancy>>,
    /// The children, the first born first.
    pub children: Vec<ChildOnCover>,
    /// Why it was closed.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_reason: Option<CloseReason>,
    /// The handbook that replaced this one.
    #[schema(value_type = Option<Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<HandbookId>,
    /// Version, also in the ETag.
    pub version: i32,
}

/// The woman or guardian.
#[derive(Debug, Serialize, ToSchema)]
pub struct WomanOnCover {
    /// Id of the person.
    #[schema(value_type = Uuid)]
    pub id: PersonId,
    /// Name, masked for desks and offices.
    pub name: String,
    /// Birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<NaiveDate>,
    /// ID number, always masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number: Option<String>,
    /// Phone that was written down for this handbook, masked for desks and offices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Present address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The day on which she died: nothing is planned for her any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub died_on: Option<NaiveDate>,
    /// Version of the identity, for `If-Match` of a correction.
    pub version: i32,
}

/// A child.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChildOnCover {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: ChildId,
    /// The pregnancy that it was born of, if the handbook holds it.
    #[schema(value_type = Option<Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pregnancy: Option<PregnancyId>,
    /// Name, masked for desks, offices and villages; absent while it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Sex.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
    /// Birth date.
    pub birth_date: NaiveDate,
    /// 1 for the first born.
    pub birth_order: i32,
    /// ID number, always masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number: Option<String>,
    /// Birth weight in grams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_weight_g: Option<i32>,
    /// Gestation at birth in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gestational_days: Option<i32>,
    /// The day on which it died: nothing is planned for it any more, and nobody congratulates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub died_on: Option<NaiveDate>,
    /// Version of the birth facts.
    pub version: i32,
    /// Version of the identity, for `If-Match` of a correction.
    pub identity_version: i32,
}

/// Read the cover of a handbook
///
/// Whose it is, its dates and institutions. Families and clinicians see names in full; desks and offices masked; a village
/// worker name, address, due date and colour; a kindergarten the child part.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path)),
    responses((status = 200, description = "The cover", body = Cover, headers(("ETag" = String)))),
)]
#[get("/api/v1/handbooks/{handbook}")]
pub(crate) async fn show(app: Data<App>, access: Access<ReadCover>) -> Result<HttpResponse, ApiError> {
    let view = CoverView::of(&access.standing);
    let cover = cover(&app, app.db.read(), &access.handbook, view).await?;
    Ok(HttpResponse::Ok().insert_header(etag(cover.version)).json(cover))
}

/// What stands on a cover, as far as a view shows it.
pub(crate) async fn cover(
    app: &App,
    db: &impl ConnectionTrait,
    row: &handbook::Model,
    view: CoverView,
) -> Result<Cover, ApiError> {
    let institutions = store::institutions(db, [row.issued_by, row.managing_id]).await?;
    let named = |id| institutions.get(&id).map(InstitutionName::from);
    let woman = match row.woman_id {
        Some(id) => people::store::by_id(db, id).await?,
        None => None,
    };
    let contact = store::contact(db, &app.keys, row.id).await?;
    let born = children::with_people(db, [row.id]).await?;
    let pregnancies = pregnancies::of_handbook(db, row.id).await?;
    let open = pregnancies.iter().find(|pregnancy| pregnancy.outcome.is_none());
    let died_on = pregnancies::woman_died_on(row, &pregnancies);
    Ok(Cover {
        id: row.id,
        number: row.number.clone(),
        state: row.state,
        group: row.issued_group,
        issued_on: row.issued_on,
        region_code: row.region_code,
        issuing_institution: named(row.issued_by),
        managing_institution: named(row.managing_id),
        due_date: open.filter(|_| view.due_date).map(|open| open.due_on),
        risk_grade: open.filter(|_| view.risk_grade).and_then(|open| open.risk_grade.clone()),
        purple: open.filter(|_| view.purple).map(|open| open.risk_purple),
        woman: woman.map(|woman| woman_on_cover(app, &woman, contact, died_on, view)).transpose()?,
        pregnancies: view
            .pregnancies
            .then(|| pregnancies.iter().map(|pregnancy| Pregnancy::of(pregnancy, app.today())).collect()),
        children: born
            .iter()
            .map(|(child, person)| child_on_cover(app, child, person, view))
            .collect::<Result<_, _>>()?,
        close_reason: row.close_reason,
        successor: row.successor_id,
        version: row.version,
    })
}

fn woman_on_cover(
    app: &App,
    row: &person::Model,
    contact: Option<Option<String>>,
    died_on: Option<NaiveDate>,
    view: CoverView,
) -> Result<WomanOnCover, ApiError> {
    let identity = people::store::identity(&app.keys, row)?;
    let phone = |phone: String| if view.phone_in_full { phone } else { mask_phone(&phone) };
    Ok(WomanOnCover {
        id: row.id,
        name: if view.woman_in_full { identity.name } else { mask_name(&identity.name) },
        birth_date: row.born_on.filter(|_| view.phone_in_full),
        id_number: identity.id_number.as_deref().map(mask_id_number),
        phone: contact.unwrap_or(identity.phone).map(phone),
        address: identity.address.filter(|_| view.address),
        died_on: died_on.filter(|_| view.death_of_woman),
        version: row.version,
    })
}

fn child_on_cover(
    app: &App,
    child: &child::Model,
    row: &person::Model,
    view: CoverView,
) -> Result<ChildOnCover, ApiError> {
    let identity = people::store::identity(&app.keys, row)?;
    let in_full = view.children_in_full;
    let name = Some(identity.name).filter(|name| !name.is_empty());
    Ok(ChildOnCover {
        id: child.id,
        pregnancy: child.pregnancy_id.filter(|_| view.pregnancies),
        name: name.map(|name| if in_full { name } else { mask_name(&name) }),
        sex: row.sex.filter(|_| in_full),
        birth_date: child.born_on,
        birth_order: child.birth_order,
        id_number: identity.id_number.as_deref().map(mask_id_number),
        birth_weight_g: child.birth_weight_g.filter(|_| in_full),
        gestational_days: child.gestational_days.filter(|_| in_full),
        died_on: child.ended_on,
        version: child.version,
        identity_version: row.version,
    })
}
