//! `POST /api/v1/handbooks/{handbook}/identity`: identity that was typed wrong is put right at a desk.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Role};
use domain::handbook::Group;
use domain::handbook::identity::keeper_of_identity;
use domain::handbook::issuing::{check_child, check_woman};
use domain::id::{ChildId, HandbookId, PersonId};
use domain::person::{IdNumber, Sex};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, SqlErr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refused::watched;
use super::store::{self, Act};
use crate::access::{Access, CorrectIdentity};
use crate::app::App;
use crate::body::Body;
use crate::children::store::{self as children, already_has};
use crate::children::{ChildKey, check_sex};
use crate::db::entities::{child, handbook, person};
use crate::error::ApiError;
use crate::form::{ADDRESS, Form, REMARK, WORD};
use crate::idempotency::{IfMatch, Work, etag};
use crate::notices::{self, Kind};
use crate::overrides::store::{self as overrides, NewOverride, Of};
use crate::people::store::NewPerson;
use crate::people::{self, Identity};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::session::Staff;

/// What is put right. Fields left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectRequest {
    /// `woman`, or the id of a child of the handbook.
    pub person: String,
    /// Name.
    pub name: Option<String>,
    /// ID number.
    pub id_number: Option<String>,
    /// Phone of the woman or guardian.
    pub phone: Option<String>,
    /// Take the recorded phone away: it is a stranger's, and the right one is not known.
    #[serde(default)]
    pub remove_phone: bool,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// Sex of a child.
    #[schema(value_type = Option<String>)]
    pub sex: Option<Sex>,
    /// Present address below the region.
    pub address: Option<String>,
    /// Registered (household) address.
    pub registered_address: Option<String>,
    /// Ethnicity.
    pub ethnicity: Option<String>,
    /// Education.
    pub education: Option<String>,
    /// Occupation.
    pub occupation: Option<String>,
    /// What was wrong, and what was shown.
    pub reason: String,
}

/// The person whose identity was put right.
#[derive(Debug, Serialize, ToSchema)]
pub struct Corrected {
    /// Id of the person.
    #[schema(value_type = Uuid)]
    pub id: PersonId,
    /// Version of the identity now.
    pub version: i32,
}

/// Correct identity that was typed wrong
///
/// `If-Match` is the version of the person's identity as the cover shows it. What stood there before is kept, sealed, with
/// the reason; the family is told.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), IfMatch),
    request_body = CorrectRequest,
    responses(
        (status = 200, description = "Corrected", body = Corrected, headers(("ETag" = String))),
        (status = 409, description = "The ID number stands under somebody else (`id_number_taken`), another institution answers for her first handbook (`identity_elsewhere`), or the handbook is closed (`handbook_closed`)"),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/identity")]
pub(crate) async fn correct(
    app: Data<App>,
    access: Access<CorrectIdentity>,
    seen: IfMatch,
    body: Body<CorrectRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let work = Box::pin(put_right(&app, &access, &seen, &request));
    watched(&app, access.caller.staff()?, Action::CorrectIdentity.code(), work).await
}

async fn put_right(
    app: &App,
    access: &Access<CorrectIdentity>,
    seen: &IfMatch,
    request: &CorrectRequest,
) -> Result<HttpResponse, ApiError> {
    let (staff, id) = (access.caller.staff()?, access.handbook.id);
    let work = Work::without_key(app).await?;
    let (txn, now) = (&work.txn, app.now());
    let held = store::hold_as(txn, access).await?;
    let whose = Whose::find(txn, &held, &request.person).await?;
    let row = whose.person();
    let others = whose.other_handbooks(txn, &held).await?;
    must_be_own_desk(txn, &held, &others, staff, now).await?;
    seen.check(row.version)?;

    let before = people::store::identity(&app.keys, row)?;
    let right = request.check(&before, &whose, is_unborn(txn, &held).await?, app.today())?;
    let new = NewPerson {
        identity: &right.identity,
        born_on: right.born_on,
        sex: right.sex,
        region: row.region_code,
    };
    let others: Vec<&handbook::Model> = others.iter().collect();
    store::settle_contacts(txn, &app.keys, &others, before.phone.as_deref()).await?;
    // Before anybody else is looked at: what cannot be right must not ask whose the number is.
    if let (Whose::Child(child, _), Some(born_on)) = (&whose, right.born_on)
        && born_on != child.born_on
    {
        check_age(app, txn, &held, (child.born_on, born_on), &right.reason, staff).await?;
    }
    if let (Whose::Woman(woman), Some(born_on)) = (&whose, right.born_on)
        && woman.born_on != Some(born_on)
        && held.issued_group != Group::Child
    {
        check_woman(born_on, held.issued_on)?;
    }
    let corrected = people::store::update_identity(txn, &app.keys, row, new).await?;
    let corrected = corrected.ok_or_else(|| ApiError::told(Code::Conflict))?;
    if let Whose::Child(child, _) = &whose {
        rekey(app, txn, &held, child, &right).await?;
    }
    if request.phone.is_some() || request.remove_phone {
        store::set_contact(txn, &app.keys, id, right.identity.phone.as_deref()).await?;
    }
    let act = Act {
        handbook: id,
        action: Action::CorrectIdentity,
        staff,
        reason: &right.reason,
        person: Some((row.id, row.identity.clone())),
    };
    store::keep_act(txn, &app.keys, act, now).await?;
    notices::store::tell(txn, id, Kind::IdentityCorrected, staff.institution, None, now).await?;

    let mut answer = work
        .answer(
            app,
            access.wrote(),
            StatusCode::OK,
            &Corrected { id: corrected.id, version: corrected.version },
        )
        .await?;
    let (name, value) = etag(corrected.version);
    answer
        .headers_mut()
        .insert(name, value.parse().map_err(|_| ApiError::internal(anyhow::anyhow!("ETag")))?);
    app.live.changed(id).await;
    Ok(answer)
}

/// Whose identity it is.
enum Whose {
    Woman(person::Model),
    Child(child::Model, person::Model),
}

impl Whose {
    async fn find(
        txn: &impl ConnectionTrait,
        handbook: &handbook::Model,
        named: &str,
    ) -> Result<Self, ApiError> {
        let unknown = || {
            let (zh, en) =
                ("应为woman或本手册中儿童的id。", "Must be `woman` or the id of a child of this handbook.");
            ApiError::field("/person", "unknown_person", zh, en)
        };
        if named == "woman" {
            let id = handbook.woman_id.ok_or_else(unknown)?;
            return people::store::by_id(txn, id).await?.map(Self::Woman).ok_or_else(unknown);
        }
        let id: ChildId = named.parse().map_err(|_| unknown())?;
        let child = children::one(txn, handbook.id, id).await?.ok_or_else(unknown)?;
        let person = people::store::by_id(txn, child.person_id).await?.ok_or_else(unknown)?;
        Ok(Self::Child(child, person))
    }

    /// Other live handbooks of the woman. A child stands in one only.
    async fn other_handbooks(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
    ) -> Result<Vec<handbook::Model>, DbErr> {
        let Self::Woman(woman) = self else { return Ok(Vec::new()) };
        let mut found = store::live_of_women(txn, [woman.id]).await?;
        found.retain(|other| other.id != held.id);
        Ok(found)
    }

    fn person(&self) -> &person::Model {
        match self {
            Self::Woman(person) | Self::Child(_, person) => person,
        }
    }
}

/// A woman is put right at the desk of the handbook that keeps her identity.
async fn must_be_own_desk(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    others: &[handbook::Model],
    staff: &Staff,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let all: Vec<_> = others.iter().chain([held]).collect();
    let keeper = keeper_of_identity(store::first_issued(txn, &all).await?);
    let Some(keeper) = others.iter().find(|other| keeper == Some(other.id)) else { return Ok(()) };
    if store::answers_for(txn, staff.institution, &[keeper], now).await? {
        Ok(())
    } else {
        Err(ApiError::told(Code::IdentityElsewhere))
    }
}

/// The identity as it is right.
struct Right {
    identity: Identity,
    id_number: Option<IdNumber>,
    born_on: Option<NaiveDate>,
    sex: Option<Sex>,
    reason: String,
}

impl CorrectRequest {
    fn words(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("/name", self.name.as_deref()),
            ("/address", self.address.as_deref()),
            ("/registered_address", self.registered_address.as_deref()),
            ("/ethnicity", self.ethnicity.as_deref()),
            ("/education", self.education.as_deref()),
            ("/occupation", self.occupation.as_deref()),
        ]
    }

    fn check(
        &self,
        before: &Identity,
        whose: &Whose,
        unborn: bool,
        today: NaiveDate,
    ) -> Result<Right, ApiError> {
        let mut form = Form::default();
        let person = whose.person();
        let is_child = matches!(whose, Whose::Child(..));
        form.forbid("/sex", self.sex.is_some() && !is_child);
        form.forbid("/phone", self.phone.is_some() && is_child);
        form.forbid("/remove_phone", self.remove_phone && (self.phone.is_some() || is_child));
        let typed = form.id_number("/id_number", self.id_number.as_deref());
        let known = before.id_number.as_deref().and_then(|number| IdNumber::parse(number).ok());
        let id_number = typed.clone().or(known);
        // A corrected ID number brings its birth date and sex; without one what is typed counts, else what is known.
        let brought = typed.as_ref().and_then(IdNumber::born_on);
        let typed_or_known = self.birth_date.or(brought).or(person.born_on);
        let born_on = form.born_on("/birth_date", typed_or_known, id_number.as_ref(), today);
        let sex = self.sex.or(typed.as_ref().map(IdNumber::sex)).or(person.sex);
        if is_child {
            check_sex(&mut form, "/sex", sex.unwrap_or(Sex::Unknown), id_number.as_ref());
        } else if person.sex == Some(Sex::Female) && sex == Some(Sex::Male) {
            form.refuse(
                "/id_number",
                "not_a_woman",
                "该身份证号不是女性的。",
                "This ID number is not a woman's.",
            );
        }
        let phone = form.phone("/phone", self.phone.as_deref());
        let mut line = |pointer: &str, text: &Option<String>, longest, before: &Option<String>| {
            form.optional_line(pointer, text.as_deref(), longest).or_else(|| before.clone())
        };
        let address = line("/address", &self.address, ADDRESS, &before.address);
        let registered_address =
            line("/registered_address", &self.registered_address, ADDRESS, &before.registered_address);
        let ethnicity = line("/ethnicity", &self.ethnicity, WORD, &before.ethnicity);
        let education = line("/education", &self.education, WORD, &before.education);
        let occupation = line("/occupation", &self.occupation, WORD, &before.occupation);
        let name = self.name.as_deref().map(|name| form.name("/name", name));
        let reason = form.remark("/reason", &self.reason, &REMARK);
        let reason = form.take(reason.checked(unborn))?;
        if unborn {
            form.silent(self.words());
        }
        let reason = form.end(reason)?;
        let identity = Identity {
            name: name.unwrap_or_else(|| before.name.clone()),
            id_number: id_number.as_ref().map(|number| number.as_str().to_owned()),
            phone: phone
                .map(|phone| phone.as_str().to_owned())
                .or_else(|| before.phone.clone().filter(|_| !self.remove_phone)),
            address,
            registered_address,
            health_record_no: before.health_record_no.clone(),
            ethnicity,
            education,
            occupation,
        };
        Ok(Right { identity, id_number, born_on, sex, reason })
    }
}

/// A child whose corrected birth date makes it as old at the issue as no child is issued a handbook: past six never, past
/// three with the reason of a handbook administrator, which is kept for review as at an issue.
async fn check_age(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    (before, born_on): (NaiveDate, NaiveDate),
    reason: &str,
    staff: &Staff,
) -> Result<(), ApiError> {
    check_child(born_on, held.issued_on, Some(reason))?;
    let needs_reason = |born_on| check_child(born_on, held.issued_on, None).is_err();
    if needs_reason(before) || !needs_reason(born_on) {
        return Ok(());
    }
    if !staff.is(Role::HandbookAdministrator) {
        return Err(ApiError::told(Code::OverrideNotAllowed));
    }
    let Some(issuance) = store::issuance_of(txn, held.id).await? else { return Ok(()) };
    if issuance.override_reason.is_none() {
        store::give_reason(txn, &app.keys, issuance.id, reason).await?;
    }
    let overridden = NewOverride {
        handbook: held.id,
        region: held.region_code,
        of: Of::Issue(issuance.id),
        institution: staff.institution.unwrap_or(issuance.institution_id),
        staff: staff.id,
    };
    overrides::keep_unless_known(txn, overridden, app.now()).await
}

/// What makes the child the same child changes with its identity; the day of birth stands in its row too.
async fn rekey(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: &handbook::Model,
    child: &child::Model,
    right: &Right,
) -> Result<(), ApiError> {
    let born_on = right.born_on.unwrap_or(child.born_on);
    let key = key_of(handbook, child, right.id_number.as_ref(), &right.identity.name, born_on);
    set_key(
        app,
        txn,
        handbook.id,
        child,
        key,
        child::ActiveModel { born_on: Set(born_on), ..Default::default() },
    )
    .await
    .map(|_| ())
}

/// The key of a child as it is known now.
pub fn key_of<'a>(
    handbook: &handbook::Model,
    child: &child::Model,
    number: Option<&'a IdNumber>,
    name: &'a str,
    born_on: NaiveDate,
) -> ChildKey<'a> {
    match (number, handbook.woman_id) {
        (Some(number), _) => ChildKey::IdNumber(number),
        (None, Some(mother)) => ChildKey::Birth { mother, born_on, order: child.birth_order },
        (None, None) => ChildKey::Name { name, born_on, region: handbook.region_code },
    }
}

/// Writes the key of a child with other columns of its row. Another live handbook with the same key is told by number.
pub async fn set_key(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    child: &child::Model,
    key: ChildKey<'_>,
    mut change: child::ActiveModel,
) -> Result<child::Model, ApiError> {
    let index = children::index(&app.keys, key);
    if let Some(other) = children::other_with_key(txn, child.id, &index).await? {
        return Err(if other.id == handbook { ApiError::told(Code::Conflict) } else { already_has(&other) });
    }
    change.identity_index = Set(Some(index));
    let changed = children::change(txn, child.id, child.version, change).await;
    let changed = changed.map_err(|err| match err.sql_err() {
        // Another handbook was given the key at the same moment.
        Some(SqlErr::UniqueConstraintViolation(_)) => ApiError::told(Code::Conflict),
        _ => err.into(),
    })?;
    changed.ok_or_else(|| ApiError::told(Code::Conflict))
}
