//! `PATCH /api/v1/handbooks/{handbook}/children/{child}`: what was not known at birth, above all the name and the ID
//! number. What was typed wrong is corrected at the desk, with a reason.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use domain::access::Action;
use domain::id::ChildId;
use domain::person::{IdNumber, Sex};
use domain::pregnancy::{BIRTH_GESTATION_DAYS, BIRTH_WEIGHT_G};
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{DAYS, GRAMS, check_sex, store};
use crate::access::{Access, ManagePregnancy};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::{child, person};
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::correct::{key_of, set_key};
use crate::handbooks::refused::watched;
use crate::handbooks::store::hold_as;
use crate::idempotency::{IfMatch, Work};
use crate::people::store::NewPerson;
use crate::people::{self, Identity};
use crate::problem::Code;

/// What is known now. Name, ID number and sex are taken only where nothing stands yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChildRequest {
    /// Name.
    pub name: Option<String>,
    /// ID number.
    pub id_number: Option<String>,
    /// Sex, when it was unknown at birth.
    #[schema(value_type = Option<String>)]
    pub sex: Option<Sex>,
    /// Birth weight, 200 to 8000 g.
    pub birth_weight_g: Option<i32>,
    /// Gestation at birth, 140 to 322 days.
    pub gestational_days: Option<i32>,
}

/// A child whose facts were completed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChildChanged {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: ChildId,
    /// Version of the birth facts now.
    pub version: i32,
    /// Version of the identity now.
    pub identity_version: i32,
}

/// Complete the facts of a child
///
/// `If-Match` is the version of the child as the cover shows it. A name or ID number that stands already is corrected by
/// the identity operation.
#[utoipa::path(
    tag = "children",
    params(("handbook" = Uuid, Path), ("child" = Uuid, Path), IfMatch),
    request_body = ChildRequest,
    responses(
        (status = 200, description = "Changed", body = ChildChanged),
        (status = 409, description = "The ID number stands under somebody else (`id_number_taken`), the child has another handbook (`already_has_handbook`), or the handbook is closed"),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[patch("/api/v1/handbooks/{handbook}/children/{child}")]
pub(crate) async fn change(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    seen: IfMatch,
    body: Body<ChildRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let work = complete(&app, &access, ChildId(path.1), &seen, &request);
    watched(&app, access.caller.staff()?, Action::ManagePregnancy.code(), work).await
}

async fn complete(
    app: &App,
    access: &Access<ManagePregnancy>,
    child: ChildId,
    seen: &IfMatch,
    request: &ChildRequest,
) -> Result<HttpResponse, ApiError> {
    let work = Work::without_key(app).await?;
    let txn = &work.txn;
    let held = hold_as(txn, access).await?;
    let row = store::one(txn, held.id, child).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    seen.check(row.version)?;
    let person = people::store::by_id(txn, row.person_id).await?;
    let person = person.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let before = people::store::identity(&app.keys, &person)?;
    let known = request.check(&before, &person)?;
    let new = NewPerson {
        identity: &known.identity,
        born_on: person.born_on,
        sex: known.sex,
        region: person.region_code,
    };
    let person = people::store::update_identity(txn, &app.keys, &person, new).await?;
    let person = person.ok_or_else(|| ApiError::told(Code::Conflict))?;
    let key = key_of(&held, &row, known.id_number.as_ref(), &known.identity.name, row.born_on);
    let changed = set_key(app, txn, held.id, &row, key, request.birth_facts()).await?;
    let answer = ChildChanged { id: changed.id, version: changed.version, identity_version: person.version };
    let answer = work.answer(app, access.wrote(), StatusCode::OK, &answer).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// A child's identity with what was not known before.
struct Known {
    identity: Identity,
    id_number: Option<IdNumber>,
    sex: Option<Sex>,
}

impl ChildRequest {
    fn birth_facts(&self) -> child::ActiveModel {
        let mut facts = child::ActiveModel::default();
        if let Some(weight) = self.birth_weight_g {
            facts.birth_weight_g = Set(Some(weight));
        }
        if let Some(days) = self.gestational_days {
            facts.gestational_days = Set(Some(days));
        }
        facts
    }

    fn check(&self, before: &Identity, row: &person::Model) -> Result<Known, ApiError> {
        let mut form = Form::default();
        let name = self.name.as_deref().map(|name| form.name("/name", name));
        let number = form.id_number("/id_number", self.id_number.as_deref());
        form.within("/birth_weight_g", self.birth_weight_g, &BIRTH_WEIGHT_G, GRAMS);
        form.within("/gestational_days", self.gestational_days, &BIRTH_GESTATION_DAYS, DAYS);
        let known_sex = row.sex.filter(|sex| *sex != Sex::Unknown);
        let number_before = before.id_number.as_deref();
        settled(
            &mut form,
            "/name",
            name.as_deref(),
            Some(before.name.as_str()).filter(|name| !name.is_empty()),
        );
        settled(&mut form, "/id_number", number.as_ref().map(IdNumber::as_str), number_before);
        settled(&mut form, "/sex", self.sex, known_sex);
        let sex = known_sex.or(self.sex).or(row.sex);
        let id_number = number.or_else(|| number_before.and_then(|number| IdNumber::parse(number).ok()));
        check_sex(&mut form, "/sex", sex.unwrap_or(Sex::Unknown), id_number.as_ref());
        if id_number.as_ref().is_some_and(|number| number.born_on() != row.born_on) {
            form.refuse(
                "/id_number",
                "contradiction",
                "身份证号中的出生日期与登记的不一致。",
                "The birth date in the ID number is not the one on record.",
            );
        }
        form.done()?;
        let identity = Identity {
            name: name.unwrap_or_else(|| before.name.clone()),
            id_number: id_number.as_ref().map(|number| number.as_str().to_owned()),
            ..before.clone()
        };
        Ok(Known { identity, id_number, sex })
    }
}

/// What stands already is not overwritten here.
fn settled<T: PartialEq>(form: &mut Form, pointer: &str, new: Option<T>, before: Option<T>) {
    if let (Some(new), Some(before)) = (new, before)
        && new != before
    {
        form.refuse(
            pointer,
            "settled",
            "已有登记，如有误请到窗口更正身份信息。",
            "Something stands here already; if it is wrong, correct the identity at a desk.",
        );
    }
}
