//! `GET /api/v1/visits`, `GET /api/v1/visits/{visit}`: the visits of the own institution.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Tie};
use domain::calendar::day_in_china;
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, VisitId};
use domain::visit::VisitKind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, Masked};
use crate::access::Office;
use crate::access::log;
use crate::access::office::OpenVisit;
use crate::app::App;
use crate::db::entities::visit;
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::{Line, Which, in_china, yes};
use crate::error::ApiError;
use crate::page::{Page, PageQuery};
use crate::problem::{Code, Language};
use crate::query::{self, Query};
use crate::session::Staff;

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DayQuery {
    /// The civil day in China; today when left out.
    day: Option<NaiveDate>,
}

/// A visit as it stands in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed {
    #[schema(value_type = Uuid)]
    id: VisitId,
    #[schema(value_type = Uuid)]
    handbook: HandbookId,
    /// The handbook's number as printed.
    number: String,
    /// Name of the woman, or of a child where there is no woman, masked.
    name: String,
    #[schema(value_type = String)]
    kind: VisitKind,
    opened_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// Whether history may be read and records attached now.
    is_open: bool,
    /// Whether the caller opened it.
    is_mine: bool,
}

impl Listed {
    /// As it stands in a file.
    pub(crate) fn line(&self, language: Language) -> Line {
        vec![
            self.number.clone(),
            self.name.clone(),
            language.of(self.kind.zh(), self.kind.en()).to_owned(),
            in_china(self.opened_at),
            in_china(self.ends_at),
            yes(self.is_mine, language),
        ]
    }
}

/// The visits of a day at the own institution
///
/// The newest first, names masked. Emergency access is listed only for who opened it.
#[utoipa::path(
    tag = "visits",
    params(DayQuery, PageQuery),
    responses(
        (status = 200, description = "A page", body = Page<Listed>),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/visits")]
pub(crate) async fn of_day(
    app: Data<App>,
    office: Office<OpenVisit>,
    filter: Query<DayQuery>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let staff = &office.staff;
    let institution = staff.institution()?;
    query::must_be_of_our_time("day", filter.day)?;
    let day = filter.day.unwrap_or_else(|| app.today());
    let which = Which::Visits(institution, day, day);
    let reading = Reading::<(DateTime<Utc>, VisitId)>::begin(&app, staff, &which, &page).await?;
    if reading.after.is_some_and(|(opened_at, _)| day_in_china(opened_at) != day) {
        return Err(ApiError::told(Code::BadCursor));
    }
    let db = app.db.read();
    let rows = store::of_days(db, institution, staff.id, (day, day), reading.after, reading.wanted()).await?;
    let (rows, next_cursor) =
        reading.give(rows, |visit| (visit.opened_at, visit.id), |visit| visit.handbook_id).await?;
    let items = listed(&app, staff, rows).await?;
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// A visit of the own institution
#[utoipa::path(
    tag = "visits",
    params(("visit" = Uuid, Path, description = "Visit")),
    responses((status = 200, description = "The visit", body = Listed)),
)]
#[get("/api/v1/visits/{visit}")]
pub(crate) async fn one(
    app: Data<App>,
    office: Office<OpenVisit>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let staff = &office.staff;
    let visit = find_own(&app, staff, &id).await?;
    let items = listed(&app, staff, vec![visit]).await?;
    match items.into_iter().next() {
        Some(visit) => Ok(HttpResponse::Ok().json(visit)),
        None => Err(ApiError::told(Code::NotFound)),
    }
}

/// A visit of the own institution by what stands in the path.
pub(super) async fn find_own(app: &App, staff: &Staff, id: &str) -> Result<visit::Model, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id = id.parse().map_err(|_| missing())?;
    store::own(app.db.read(), id, staff.institution()?, staff.id).await?.ok_or_else(missing)
}

/// Visits as they stand in a list; that they were read is logged first.
pub(crate) async fn listed(
    app: &App,
    staff: &Staff,
    visits: Vec<visit::Model>,
) -> Result<Vec<Listed>, ApiError> {
    let now = app.now();
    let reads: Vec<_> = visits.iter().map(|visit| read_of(visit, now)).collect();
    log::write(app, staff, &reads).await?;
    let ids = visits.iter().map(|visit| visit.handbook_id);
    let handbooks = store::masked(app.db.read(), &app.keys, ids).await?;
    let listed = visits.into_iter().filter_map(|visit| {
        let Masked { number, name } = handbooks.get(&visit.handbook_id)?.clone();
        let number = HandbookNumber::parse(&number).ok()?.printed();
        Some(Listed {
            id: visit.id,
            handbook: visit.handbook_id,
            number,
            name,
            kind: visit.kind,
            opened_at: visit.opened_at,
            ends_at: visit.ends_at,
            is_open: visit.ends_at > now,
            is_mine: visit.staff_id == staff.id,
        })
    });
    Ok(listed.collect())
}

fn read_of(visit: &visit::Model, now: DateTime<Utc>) -> log::Read {
    let tie = match (visit.ends_at > now, visit.kind) {
        (_, VisitKind::BreakGlass) => Tie::BreakGlass,
        (true, _) => Tie::Visit,
        (false, _) => Tie::LateResults,
    };
    log::Read {
        handbook: visit.handbook_id,
        action: Action::ReadCover,
        tie: Some(tie),
        visit: Some(visit.id),
    }
}
