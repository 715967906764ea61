//! `POST /api/v1/tools/visit-plan`: the visits and checks that are due around a pregnancy and for a child.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::care_plan::pregnancy::End;
use domain::care_plan::{Child, Done, Edition, Fault, Item, Pregnancy, Status, Subject};
use domain::pregnancy::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{between_days, refuse_flood};
use crate::app::App;
use crate::body::Body;
use crate::error::{ApiError, FieldProblem};
use crate::form::Form;
use crate::session::Public;

/// Visits that may have been made.
const MOST_DONE: usize = 200;

/// Whose plan it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VisitPlanKind)]
pub(crate) enum Kind {
    /// A woman, by one pregnancy.
    Pregnancy,
    /// A child.
    Child,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = VisitPlanRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Whose plan it is.
    kind: Kind,
    /// Of a pregnancy: first day of the last menstrual period.
    last_menstrual_period: Option<NaiveDate>,
    /// Of a pregnancy: the due date as it was corrected; goes before the last menstrual period.
    due_date: Option<NaiveDate>,
    /// Of a pregnancy: the day of the birth of a living child.
    delivered_on: Option<NaiveDate>,
    /// The day on which she, or the child, left hospital after the birth.
    discharged_on: Option<NaiveDate>,
    /// Of a child: its birth date.
    birth_date: Option<NaiveDate>,
    /// Of a child: days of gestation at birth.
    gestational_days_at_birth: Option<i32>,
    /// Of a child: birth weight in grams.
    birth_weight_g: Option<i32>,
    /// The day that is asked about.
    on: NaiveDate,
    /// What was done, in any order; at most 200.
    #[serde(default)]
    done: Vec<Visit>,
    /// Edition of the rules; the one in force on the day if left out.
    edition: Option<String>,
}

/// A visit that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = VisitDone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visit {
    /// Code of the item.
    code: String,
    /// The day.
    on: NaiveDate,
}

/// What is due.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VisitPlan {
    /// Edition of the rules.
    edition: &'static str,
    /// The items in the order of the schedule; none where what they are counted from is missing.
    items: Vec<PlannedVisit>,
}

/// One item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedVisit {
    /// Stable code.
    code: &'static str,
    /// Which one of a series it is, from 1.
    number: u32,
    /// Its name in Chinese.
    name_zh: &'static str,
    /// Its name in English.
    name_en: &'static str,
    /// First day of the norm's window; `null` where what it is counted from is not known.
    opens_on: Option<NaiveDate>,
    /// Last day of the window.
    due_on: Option<NaiveDate>,
    /// The day after it.
    overdue_on: Option<NaiveDate>,
    /// First day of what is usual in practice.
    practice_opens_on: Option<NaiveDate>,
    /// Last day of what is usual in practice.
    practice_due_on: Option<NaiveDate>,
    /// `done`, `upcoming`, `due`, `overdue`, `missed`, `not_applicable` or `stopped`.
    #[schema(value_type = String)]
    status: Status,
    /// The day on which it was done.
    done_on: Option<NaiveDate>,
}

/// Visits and checks that are due
///
/// Of a pregnancy: antenatal visits, the visits after the birth, the check at 42 days. Of a child: the visits of a newborn,
/// screenings, the checks to six years. A visit after its window counts as done, with its day.
#[utoipa::path(
    operation_id = "visit_plan", tag = "tools", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Planned", body = VisitPlan),
        (status = 429, description = "Too many requests from this address in a minute (`too_many_requests`)"),
    ),
)]
#[post("/api/v1/tools/visit-plan")]
pub(crate) async fn plan(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    refuse_flood(&app, from).await?;
    let request = body.parse()?;
    request.check()?;
    let edition = request.edition()?;
    let items = match request.subject() {
        Some(subject) => {
            let done: Vec<Done<'_>> =
                request.done.iter().map(|visit| Done { code: &visit.code, on: visit.on }).collect();
            let items = edition.plan(&subject, request.on, &done);
            items.map_err(|faults| ApiError::Invalid(faults.iter().map(told).collect()))?
        }
        None => Vec::new(),
    };
    let items = items.into_iter().map(PlannedVisit::from).collect();
    Ok(HttpResponse::Ok().json(VisitPlan { edition: &edition.code, items }))
}

impl Request {
    /// Refuses what belongs to the other kind, and more than anybody has done.
    fn check(&self) -> Result<(), ApiError> {
        let mut form = Form::default();
        let is_child = self.kind == Kind::Child;
        for (pointer, is_given) in [
            ("/last_menstrual_period", self.last_menstrual_period.is_some()),
            ("/due_date", self.due_date.is_some()),
            ("/delivered_on", self.delivered_on.is_some()),
        ] {
            form.forbid(pointer, is_child && is_given);
        }
        for (pointer, is_given) in [
            ("/birth_date", self.birth_date.is_some()),
            ("/gestational_days_at_birth", self.gestational_days_at_birth.is_some()),
            ("/birth_weight_g", self.birth_weight_g.is_some()),
        ] {
            form.forbid(pointer, !is_child && is_given);
        }
        if self.done.len() > MOST_DONE {
            let (zh, en) = (format!("最多{MOST_DONE}项。"), format!("At most {MOST_DONE} items."));
            form.refuse("/done", "too_many", zh, en);
        }
        form.day("/on", self.on);
        form.done()
    }

    fn edition(&self) -> Result<&'static Edition, ApiError> {
        let found = match &self.edition {
            Some(code) => Edition::named(code),
            None => Edition::in_force(self.on),
        };
        found.map_err(|_| {
            let known: Vec<&str> = Edition::all().iter().map(|edition| edition.code.as_str()).collect();
            let known = known.join(", ");
            let pointer = if self.edition.is_some() { "/edition" } else { "/on" };
            let zh = format!("没有适用的规则版本，可选：{known}。");
            ApiError::field(
                pointer,
                "not_an_option",
                zh,
                format!("No such edition of the rules; there are: {known}."),
            )
        })
    }

    /// Whose plan it is, where it can be counted.
    fn subject(&self) -> Option<Subject<'static>> {
        match self.kind {
            Kind::Pregnancy => {
                self.last_menstrual_period.or(self.due_date)?;
                let ended = self.delivered_on.map(|on| End { on, outcome: Outcome::LiveBirth });
                Some(Subject::Pregnancy(Pregnancy {
                    last_period_on: self.last_menstrual_period,
                    due_on: self.due_date,
                    ended,
                    discharged_on: self.discharged_on,
                    ..Pregnancy::default()
                }))
            }
            Kind::Child => Some(Subject::Child(Child {
                discharged_on: self.discharged_on,
                gestational_days: self.gestational_days_at_birth,
                birth_weight_g: self.birth_weight_g,
                ..Child::born_on(self.birth_date?)
            })),
        }
    }
}

impl From<Item> for PlannedVisit {
    fn from(item: Item) -> Self {
        Self {
            code: &item.rule.code,
            number: item.number,
            name_zh: &item.rule.name.zh,
            name_en: &item.rule.name.en,
            opens_on: item.opens_on,
            due_on: item.due_on,
            overdue_on: item.overdue_on,
            practice_opens_on: item.practice_opens_on,
            practice_due_on: item.practice_due_on,
            status: item.status,
            done_on: item.done_on,
        }
    }
}

/// A fault of the rules, which call the fields as the request does.
fn told(fault: &Fault) -> FieldProblem {
    let pointer = |field: &str| format!("/{field}");
    match fault {
        Fault::Day { field, earliest, latest, .. } => {
            let (zh, en) = between_days(*earliest, *latest);
            FieldProblem::new(pointer(field), "out_of_range", zh, en)
        }
        Fault::Number { field, least, most, unit, .. } => {
            let (zh, en) =
                (format!("应为{least}至{most} {unit}。"), format!("Must be {least} to {most} {unit}."));
            FieldProblem::new(pointer(field), "out_of_range", zh, en)
        }
        Fault::Gestation { field, days, least, most } => {
            let zh = format!("该日孕{days}天，应为{least}至{most}天；请核对日期。");
            let en = format!(
                "That day is {days} days of gestation; {least} to {most} days are possible. Check the dates."
            );
            FieldProblem::new(pointer(field), "out_of_range", zh, en)
        }
        Fault::UnknownCode { field, .. } => FieldProblem::new(
            pointer(field),
            "not_an_option",
            "计划中没有该项目。",
            "The schedule has no such item.",
        ),
        Fault::Needs { field, needs } => FieldProblem::new(
            pointer(field),
            "not_for_this",
            format!("填写该项须同时填写{}。", pointer(needs)),
            format!("This needs {}, too.", pointer(needs)),
        ),
    }
}
