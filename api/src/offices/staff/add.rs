//! `POST /api/v1/staff`: a new staff member, with a password that is shown once.

use actix_web::web::Data;
use actix_web::{HttpResponse, http::StatusCode, post};
use chrono::NaiveDate;
use domain::access::Role;
use domain::credential::{UserName, UserNameRefusal};
use domain::id::{InstitutionId, StaffId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, NewStaff};
use super::{Facts, Giver, WithPassword, find_post, new_password, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::{Body, chosen_id};
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{Attempt, Once};
use crate::offices::RegionRef;
use crate::problem::Code;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewStaff)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Chosen by the client, else by the server.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    id: Option<StaffId>,
    /// 3 to 40 of `a-z 0-9 . _ -`; it never changes.
    #[schema(min_length = 3, max_length = 40, pattern = "^[a-z0-9._-]{3,40}$")]
    user_name: String,
    /// Full name.
    #[schema(min_length = 1, max_length = 50)]
    name: String,
    /// Professional title or function.
    #[schema(min_length = 1, max_length = 50)]
    title: String,
    /// At least one role that the caller may give.
    #[schema(value_type = Vec<String>, min_items = 1)]
    roles: Vec<Role>,
    /// Where they work; needed of the roles of an institution.
    #[schema(value_type = Option<Uuid>)]
    institution: Option<InstitutionId>,
    /// The region of a regional role; left out otherwise.
    region: Option<RegionRef>,
    /// When they were trained as handbook administrator.
    trained_on: Option<NaiveDate>,
}

/// Add a staff member
///
/// The answer holds a password that is shown once and must be changed at the first sign-in.
#[utoipa::path(
    tag = "staff",
    params(Once),
    request_body = Request,
    responses(
        (status = 201, description = "Added", body = WithPassword),
        (status = 429, description = "Too many passwords are being hashed; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/staff")]
pub(crate) async fn add_staff(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let (chosen, user_name) = (request.id, request.user_name.clone());
    let mut form = Form::default();
    check_user_name(&mut form, &user_name);
    let facts = request.into_facts().checked(&mut form, app.today());
    form.done()?;
    let giver = Giver::of(&office.staff);
    giver.check_roles(&facts.roles)?;
    // Hashing takes its time, so it comes before the transaction.
    let password = new_password(&user_name);
    let password_hash = app.passwords.hash(password.clone()).await?;

    let actor = office.staff.id.0;
    let work = match once.begin(&app, actor, chosen.map(|id| id.0), body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let post = find_post(&work.txn, &giver, &facts).await?;
    let id = chosen.unwrap_or_else(|| StaffId(Uuid::now_v7()));
    if store::find(&work.txn, id).await?.is_some() {
        return Err(ApiError::told(Code::IdInUse));
    }
    let new = NewStaff {
        id,
        user_name,
        facts,
        post,
        password_hash,
        password_issued: true,
        made_by: Some(office.staff.id),
    };
    let row = new.into_row(&app.keys, app.now())?;
    store::insert_all(&work.txn, [row.clone()]).await?;
    let added = WithPassword { staff: view(&app.keys, row)?, password };
    work.answer(&app, office.wrote().on(added.staff.id), StatusCode::CREATED, &added).await
}

impl Request {
    fn into_facts(self) -> Facts {
        Facts {
            name: self.name,
            title: self.title,
            roles: self.roles,
            institution: self.institution,
            region: self.region.map(Into::into),
            trained_on: self.trained_on,
        }
    }
}

/// A user name that may be given.
pub(crate) fn check_user_name(form: &mut Form, user_name: &str) {
    match UserName::parse(user_name) {
        Ok(_) => {}
        Err(UserNameRefusal::Shape) => form.refuse(
            "/user_name",
            "out_of_range",
            "用户名应为3至40个字符，只含小写字母、数字、点、下划线和连字符。",
            "A user name has 3 to 40 of: small letters, digits, dot, underscore, hyphen.",
        ),
        Err(UserNameRefusal::Demo) => form.refuse(
            "/user_name",
            "reserved",
            "以demo.开头的用户名保留给演示环境。",
            "User names that begin with demo. belong to the demo.",
        ),
    }
}
