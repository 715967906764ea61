//! `POST /api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/children`: a twin that was forgotten when the birth was
//! recorded.

use std::slice;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::access::Action;
use domain::handbook::issuing::check_one_birth;
use domain::id::{ChildId, PregnancyId};
use domain::pregnancy::FETUSES;
use sea_orm::{ActiveValue::Set, ConnectionTrait};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::dates::check_discharge;
use super::outcome::{TypedNewborn, born_of};
use super::store;
use crate::access::{Access, ManagePregnancy};
use crate::app::App;
use crate::body::Body;
use crate::children::ChildOnForm;
use crate::children::store::{self as children, ChildPlace};
use crate::db::entities::{child, handbook, pregnancy};
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::refused::watched;
use crate::handbooks::store::hold_as;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;

/// A child that was added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedChild {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: ChildId,
    /// 1 for the first born.
    pub birth_order: i32,
    /// Version of the child.
    pub version: i32,
    /// When the pregnancy ended: the day of the last birth.
    pub ended_on: NaiveDate,
}

/// Add a child to a recorded birth
///
/// For a twin that was forgotten. It is checked like the children of the outcome; the next place in the order of birth is
/// taken when none is given, and a later birth moves the end of the pregnancy.
#[utoipa::path(
    tag = "pregnancies",
    params(("handbook" = Uuid, Path), ("pregnancy" = Uuid, Path), Once),
    request_body = TypedNewborn,
    responses(
        (status = 201, description = "Added", body = AddedChild),
        (status = 409, description = "Nobody was born of the pregnancy (`no_birth`), the handbook is closed (`handbook_closed`), or the child has one (`already_has_handbook`)"),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/children")]
pub(crate) async fn add(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    once: Once,
    body: Body<TypedNewborn>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let id = request.id.map(|id| id.0);
    if let Some(answer) = once.answered(&app, staff.id.0, id, body.bytes()).await? {
        return Ok(answer);
    }
    let work = keep(&app, &access, PregnancyId(path.1), &once, (&request, body.bytes()));
    watched(&app, staff, Action::ManagePregnancy.code(), work).await
}

async fn keep(
    app: &App,
    access: &Access<ManagePregnancy>,
    pregnancy: PregnancyId,
    once: &Once,
    (request, bytes): (&TypedNewborn, &[u8]),
) -> Result<HttpResponse, ApiError> {
    let staff = access.caller.staff()?;
    let id = request.id.map(|id| id.0);
    let work = match once.begin(app, staff.id.0, id, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = hold_as(txn, access).await?;
    let row = store::one(txn, held.id, pregnancy).await?;
    let birth = Birth::of(txn, row.ok_or_else(|| ApiError::told(Code::NotFound))?).await?;
    let newborn = birth.check(request, &held, app.today())?;
    let ended_on = birth.end_with(txn, newborn.person.born_on, app.today()).await?;
    let place = ChildPlace { handbook: &held, pregnancy: Some(birth.pregnancy.id), desk: staff.institution };
    let added = children::keep_child(app, txn, place, &newborn).await?;

    let answer =
        AddedChild { id: added.id, birth_order: added.birth_order, version: added.version, ended_on };
    let answer = work.answer(app, access.wrote(), StatusCode::CREATED, &answer).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// A birth that is recorded.
struct Birth {
    pregnancy: pregnancy::Model,
    ended_on: NaiveDate,
    children: Vec<child::Model>,
}

impl Birth {
    /// The birth by which a pregnancy ended, if children can have been born alive.
    async fn of(txn: &impl ConnectionTrait, pregnancy: pregnancy::Model) -> Result<Self, ApiError> {
        let bears = pregnancy.outcome.filter(|outcome| *outcome.newborns().end() > 0);
        let ended_on = bears.and(pregnancy.ended_on).ok_or_else(|| ApiError::told(Code::NoBirth))?;
        let mut children = children::of_handbook(txn, pregnancy.handbook_id).await?;
        children.retain(|child| child.pregnancy_id == Some(pregnancy.id));
        Ok(Self { pregnancy, ended_on, children })
    }

    fn check(
        &self,
        request: &TypedNewborn,
        held: &handbook::Model,
        today: NaiveDate,
    ) -> Result<ChildOnForm, ApiError> {
        let orders = || self.children.iter().map(|child| child.birth_order);
        let typed = request.typed(self.ended_on, orders().max().unwrap_or(0) + 1);
        let mut form = Form::default();
        let order = Some(typed.birth_order);
        form.within("/birth_order", order, &FETUSES, ("（出生顺序）", "in the order of birth"));
        if orders().any(|taken| taken == typed.birth_order) {
            let (zh, en) = ("出生顺序重复。", "Another child has this birth order.");
            form.refuse("/birth_order", "duplicate", zh, en);
        }
        let newborn = ChildOnForm::read(&mut form, "", &typed, held.region_code, today);
        form.done()?;
        let newborn = newborn.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a birth without a day")))?;
        let died_on = store::woman_died_on(held, slice::from_ref(&self.pregnancy));
        let newborn = born_of(&self.pregnancy, newborn, died_on.unwrap_or(today))?;
        let born_on = [newborn.person.born_on];
        check_one_birth(self.children.iter().map(|child| child.born_on).chain(born_on))?;
        Ok(newborn)
    }

    /// The day of the last birth, now that this child is one of them.
    async fn end_with(
        &self,
        txn: &impl ConnectionTrait,
        born_on: NaiveDate,
        today: NaiveDate,
    ) -> Result<NaiveDate, ApiError> {
        if born_on <= self.ended_on {
            return Ok(self.ended_on);
        }
        if let Some(discharged_on) = self.pregnancy.discharged_on {
            check_discharge(discharged_on, born_on, today)?;
        }
        let later = pregnancy::ActiveModel { ended_on: Set(Some(born_on)), ..Default::default() };
        let changed = store::change(txn, self.pregnancy.id, self.pregnancy.version, later).await?;
        changed.map(|_| born_on).ok_or_else(|| ApiError::told(Code::Conflict))
    }
}
