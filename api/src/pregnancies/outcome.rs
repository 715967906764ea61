//! `POST /api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/outcome`: how a pregnancy ended, and who was born.
//!
//! This is the one place where a child of a pregnancy first has a sex: never before birth.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::access::Action;
use domain::handbook::{CloseReason, State};
use domain::id::{ChildId, PregnancyId};
use domain::person::Sex;
use domain::pregnancy::{Dates, Outcome, check_outcome};
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::dates::check_discharge;
use super::{Pregnancy, store};
use crate::access::{Access, ManagePregnancy};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::{Body, chosen_id};
use crate::children::store::{ChildPlace, keep_child};
use crate::children::{ChildOnForm, Typed};
use crate::db::entities::{handbook, pregnancy};
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::form::check_siblings;
use crate::handbooks::refused::watched;
use crate::handbooks::store::{self as handbooks, LIVE, hold_as};
use crate::idempotency::{Attempt, Once, Txn};
use crate::problem::Code;

/// How it ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRequest {
    /// `live_birth`, `miscarriage`, `abortion`, `ectopic`, `stillbirth` or `maternal_death`.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// When; of twins, the day of the last birth.
    pub ended_on: NaiveDate,
    /// When the woman left the hospital, if it is known already.
    pub discharged_on: Option<NaiveDate>,
    /// The children born alive, in the order of their birth.
    #[serde(default)]
    pub children: Vec<TypedNewborn>,
}

/// A newborn as typed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedNewborn {
    /// Its id, chosen by the client.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    pub id: Option<ChildId>,
    /// Name, if it has one already.
    pub name: Option<String>,
    /// Sex.
    #[schema(value_type = String)]
    pub sex: Sex,
    /// Birth date, when it is not `ended_on`.
    pub birth_date: Option<NaiveDate>,
    /// Birth weight, 200 to 8000 g.
    pub birth_weight_g: Option<i32>,
    /// ID number, if it has one already.
    pub id_number: Option<String>,
    /// 1 for the first born; the place in the list when left out.
    pub birth_order: Option<i32>,
}

/// A pregnancy that ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedPregnancy)]
pub struct Ended {
    /// The pregnancy.
    pub pregnancy: Pregnancy,
    /// The children, in the order of the request.
    #[schema(value_type = Vec<Uuid>)]
    pub children: Vec<ChildId>,
    /// State of the handbook now.
    #[schema(value_type = String)]
    pub state: State,
}

/// Record how a pregnancy ended
///
/// A live birth makes the children; twins have separate rows. After a loss the handbook waits for the next pregnancy, after
/// a live birth the next one gets a handbook of its own. The gestation at birth is computed from the due date.
#[utoipa::path(
    tag = "pregnancies",
    params(("handbook" = Uuid, Path), ("pregnancy" = Uuid, Path), Once),
    request_body = OutcomeRequest,
    responses(
        (status = 201, description = "Recorded", body = Ended),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/outcome")]
pub(crate) async fn record_outcome(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    once: Once,
    body: Body<OutcomeRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
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
    (request, bytes): (&OutcomeRequest, &[u8]),
) -> Result<HttpResponse, ApiError> {
    let staff = access.caller.staff()?;
    let work = match once.begin(app, staff.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = hold_as(txn, access).await?;
    let row = store::one(txn, held.id, pregnancy).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    if row.outcome.is_some() {
        return Err(ApiError::told(Code::PregnancyEnded));
    }
    let newborns = request.check(&row, &held, app.today())?;
    let ended = pregnancy::ActiveModel {
        outcome: Set(Some(request.outcome)),
        ended_on: Set(Some(request.ended_on)),
        discharged_on: Set(request.discharged_on),
        ..Default::default()
    };
    let ended = store::end(txn, row.id, ended).await?;
    let ended = ended.ok_or_else(|| ApiError::told(Code::PregnancyEnded))?;
    let place = ChildPlace { handbook: &held, pregnancy: Some(row.id), desk: staff.institution };
    let mut children = Vec::new();
    for newborn in &newborns {
        children.push(keep_child(app, txn, place, newborn).await?.id);
    }
    if let Some(lost) = alerts::Ended::by(request.outcome, ended.id) {
        alerts::end_of_subject(txn, &app.keys, held.id, lost, staff.id, app.now()).await?;
    }
    let state = settle(app, txn, &held, request.outcome, children.is_empty()).await?;

    let answer = Ended { pregnancy: Pregnancy::of(&ended, app.today()), children, state };
    let answer = work.answer(app, access.wrote(), StatusCode::CREATED, &answer).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// What becomes of the handbook. Whatever is planned for the woman of a lost pregnancy stops here, in this transaction;
/// what reads the outcome (stage content, gestational age) stops by itself.
async fn settle(
    app: &App,
    txn: &Txn,
    held: &handbook::Model,
    outcome: Outcome,
    nobody_was_born: bool,
) -> Result<State, ApiError> {
    if outcome == Outcome::MaternalDeath && nobody_was_born {
        handbooks::close(txn, held.id, CloseReason::Death, app.now()).await?;
        return Ok(State::Closed);
    }
    if !outcome.keeps_waiting() {
        let waits_no_more = handbook::ActiveModel { expecting_id: Set(None), ..Default::default() };
        handbooks::change(txn, held.id, &LIVE, waits_no_more).await?;
    }
    Ok(held.state)
}

impl OutcomeRequest {
    fn check(
        &self,
        row: &pregnancy::Model,
        held: &handbook::Model,
        today: NaiveDate,
    ) -> Result<Vec<ChildOnForm>, ApiError> {
        check_outcome(self.outcome, row.due_on, self.ended_on, today)?;
        if let Some(discharged_on) = self.discharged_on {
            check_discharge(discharged_on, self.ended_on, today)?;
        }
        let allowed = self.outcome.newborns();
        if !allowed.contains(&self.children.len()) {
            let (first, last) = (allowed.start(), allowed.end());
            let zh = format!("“{}”应填写{first}至{last}名活产儿。", self.outcome.zh());
            let en = format!(
                "With the outcome {}, give {first} to {last} children born alive.",
                self.outcome.en()
            );
            return Err(ApiError::field("/children", "out_of_range", zh, en));
        }
        let mut form = Form::default();
        let newborns = self.read_newborns(&mut form, held, today);
        check_siblings(&mut form, &newborns, None);
        form.done()?;
        let born = |(at, newborn): (usize, ChildOnForm)| {
            born_of(row, newborn, self.ended_on).map_err(|err| err.under(&format!("/children/{at}")))
        };
        newborns.into_iter().enumerate().map(born).collect()
    }

    fn read_newborns(&self, form: &mut Form, held: &handbook::Model, today: NaiveDate) -> Vec<ChildOnForm> {
        (0_i32..)
            .zip(&self.children)
            .filter_map(|(at, child)| {
                let typed = child.typed(self.ended_on, at + 1);
                ChildOnForm::read(form, &format!("/children/{at}"), &typed, held.region_code, today)
            })
            .collect()
    }
}

impl TypedNewborn {
    /// What is typed, with the day and the order of the birth where they were left out.
    pub(super) fn typed(&self, ended_on: NaiveDate, order: i32) -> Typed<'_> {
        Typed {
            id: self.id,
            name: self.name.as_deref(),
            sex: self.sex,
            birth_date: Some(self.birth_date.unwrap_or(ended_on)),
            birth_weight_g: self.birth_weight_g,
            gestational_days: None,
            id_number: self.id_number.as_deref(),
            birth_order: self.birth_order.unwrap_or(order),
        }
    }
}

/// A newborn of a pregnancy, with the gestation that its due date gives: born at a possible time, and by the last day.
pub(super) fn born_of(
    row: &pregnancy::Model,
    newborn: ChildOnForm,
    last_day: NaiveDate,
) -> Result<ChildOnForm, ApiError> {
    let born_on = newborn.person.born_on;
    if check_outcome(Outcome::LiveBirth, row.due_on, born_on, last_day).is_err() {
        let zh = format!("出生日期不能晚于{last_day}，且孕周应在20周至46周之间。");
        let en = format!("A birth is not after {last_day} and lies between 20 and 46 weeks.");
        return Err(ApiError::field("/birth_date", "out_of_range", zh, en));
    }
    let days = Dates::gestational_days(row.due_on, born_on);
    Ok(ChildOnForm { gestational_days: i32::try_from(days).ok(), ..newborn })
}
