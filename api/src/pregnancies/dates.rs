//! `PATCH /api/v1/handbooks/{handbook}/pregnancies/{pregnancy}`: dates and fetuses as a scan or a clinician finds them, and
//! the day of discharge once it is known.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use chrono::NaiveDate;
use domain::id::PregnancyId;
use domain::pregnancy::Dating;
use sea_orm::ActiveValue::Set;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Pregnancy, TypedDates, check_fetuses, store};
use crate::access::{Access, ManagePregnancy};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::pregnancy;
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::store::hold_as;
use crate::idempotency::{IfMatch, Work};
use crate::problem::Code;

/// What was found. If one of the dates is given, both are replaced by what is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatesRequest {
    /// First day of the last menstrual period.
    pub last_menstrual_period: Option<NaiveDate>,
    /// Due date.
    pub due_date: Option<NaiveDate>,
    /// How the due date was found: `ultrasound` or `clinician`.
    #[schema(value_type = Option<String>)]
    pub due_date_by: Option<Dating>,
    /// Fetuses, 1 to 8.
    pub fetuses: Option<i32>,
    /// When the woman left the hospital; only after the outcome.
    pub discharged_on: Option<NaiveDate>,
}

/// Change the dates of a pregnancy
///
/// While it is open: last period, due date, fetuses. After its outcome: the day of discharge alone.
#[utoipa::path(
    tag = "pregnancies",
    params(("handbook" = Uuid, Path), ("pregnancy" = Uuid, Path), IfMatch),
    request_body = DatesRequest,
    responses(
        (status = 200, description = "Changed", body = Pregnancy),
        (status = 409, description = "Its outcome is recorded (`pregnancy_ended`), or the handbook is closed (`handbook_closed`)"),
    ),
)]
#[patch("/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}")]
pub(crate) async fn change_dates(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    seen: IfMatch,
    body: Body<DatesRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let held = hold_as(txn, &access).await?;
    let row = store::one(txn, held.id, PregnancyId(path.1)).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    seen.check(row.version)?;
    let change = match row.ended_on {
        None => request.while_open(&app, &previous_end(&store::of_handbook(txn, held.id).await?))?,
        Some(ended_on) => request.after_outcome(ended_on, app.today())?,
    };
    let changed = store::change(txn, row.id, row.version, change).await?;
    let changed = changed.ok_or_else(|| ApiError::told(Code::Conflict))?;
    let answer =
        work.answer(&app, access.wrote(), StatusCode::OK, &Pregnancy::of(&changed, app.today())).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

fn previous_end(pregnancies: &[pregnancy::Model]) -> Option<NaiveDate> {
    pregnancies.iter().filter_map(|pregnancy| pregnancy.ended_on).max()
}

impl DatesRequest {
    fn while_open(
        &self,
        app: &App,
        previous_end: &Option<NaiveDate>,
    ) -> Result<pregnancy::ActiveModel, ApiError> {
        let mut form = Form::default();
        form.forbid("/discharged_on", self.discharged_on.is_some());
        let fetuses = check_fetuses(&mut form, "/fetuses", self.fetuses);
        form.done()?;
        let mut change = pregnancy::ActiveModel::default();
        if self.fetuses.is_some() {
            change.fetuses = Set(fetuses);
        }
        if self.last_menstrual_period.is_some() || self.due_date.is_some() {
            let typed = TypedDates {
                last_menstrual_period: self.last_menstrual_period,
                due_date: self.due_date,
                due_date_by: self.due_date_by,
            };
            let dates = typed.check(app.today())?;
            if let Some(end) = previous_end {
                dates.check_follows(*end)?;
            }
            change.last_period_on = Set(dates.last_period_on);
            change.due_on = Set(dates.due_on);
            change.dating = Set(dates.dating);
        }
        Ok(change)
    }

    fn after_outcome(
        &self,
        ended_on: NaiveDate,
        today: NaiveDate,
    ) -> Result<pregnancy::ActiveModel, ApiError> {
        let dates_given = self.last_menstrual_period.is_some() || self.due_date.is_some();
        let Some(discharged_on) = self.discharged_on.filter(|_| !dates_given && self.fetuses.is_none())
        else {
            return Err(ApiError::told(Code::PregnancyEnded));
        };
        check_discharge(discharged_on, ended_on, today)?;
        Ok(pregnancy::ActiveModel { discharged_on: Set(Some(discharged_on)), ..Default::default() })
    }
}

/// A woman leaves the hospital on the day of the outcome or later, and not in the future.
pub fn check_discharge(
    discharged_on: NaiveDate,
    ended_on: NaiveDate,
    today: NaiveDate,
) -> Result<(), ApiError> {
    if (ended_on..=today).contains(&discharged_on) {
        return Ok(());
    }
    let zh = format!("出院日期应在{ended_on}至{today}之间。");
    let en = format!("The day of discharge lies between {ended_on} and {today}.");
    Err(ApiError::field("/discharged_on", "out_of_range", zh, en))
}
