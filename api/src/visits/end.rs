//! Ending a visit before its time: at the desk that opened it, or by the family.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::calendar::clock_in_china;
use domain::id::VisitId;
use domain::visit::VisitKind;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{list, store};
use crate::access::office::OpenVisit;
use crate::access::{Access, Office, ShowCode};
use crate::app::App;
use crate::audit::Event;
use crate::db::entities::visit;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::notices;
use crate::problem::Code;

/// A visit that is over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedVisit)]
pub(crate) struct Ended {
    #[schema(value_type = Uuid)]
    id: VisitId,
    /// When it ended.
    ends_at: DateTime<Utc>,
}

/// End a visit of the own institution
///
/// Its results may still come for 60 days.
#[utoipa::path(
    tag = "visits",
    params(("visit" = Uuid, Path, description = "Visit"), Once),
    responses(
        (status = 200, description = "It is over", body = Ended),
        (status = 409, description = "It was over already (`visit_over`)"),
    ),
)]
#[post("/api/v1/visits/{visit}/end")]
pub(crate) async fn at_the_desk(
    app: Data<App>,
    office: Office<OpenVisit>,
    id: Path<String>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    let visit = list::find_own(&app, &office.staff, &id).await?;
    let did = office.wrote().at(visit.handbook_id).visit(visit.id);
    end(&app, &once, office.staff.id.0, visit, did).await
}

/// End a visit of an institution to the own handbook
///
/// The institution reads nothing more by it. Emergency access ends by itself after an hour and is reviewed.
#[utoipa::path(
    tag = "visits",
    params(
        ("handbook" = Uuid, Path, description = "Handbook"),
        ("visit" = Uuid, Path, description = "Visit, as named in the access log"),
        Once,
    ),
    responses(
        (status = 200, description = "It is over", body = Ended),
        (status = 409, description = "It was over already (`visit_over`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/visits/{visit}/end")]
pub(crate) async fn by_the_family(
    app: Data<App>,
    access: Access<ShowCode>,
    path: Path<(String, String)>,
    once: Once,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id = path.1.parse().map_err(|_| missing())?;
    let visit = store::of_handbook(app.db.read(), id, access.handbook.id).await?.ok_or_else(missing)?;
    if visit.kind == VisitKind::BreakGlass {
        return Err(ApiError::told(Code::Forbidden));
    }
    let did = access.wrote().visit(visit.id);
    end(&app, &once, access.caller.actor(), visit, did).await
}

async fn end(
    app: &App,
    once: &Once,
    actor: Uuid,
    visit: visit::Model,
    did: Event,
) -> Result<HttpResponse, ApiError> {
    let work = match once.begin(app, actor, None, &[]).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let now = app.now();
    notices::store::next_change(&work.txn, visit.handbook_id).await?;
    if !store::end(&work.txn, visit.id, now).await? {
        // Whoever ended it a moment ago did so by now.
        let ended_at = clock_in_china(visit.ends_at.min(now));
        return Err(ApiError::with(Code::VisitOver, "ended_at", ended_at));
    }
    let answer = work.answer(app, did, StatusCode::OK, &Ended { id: visit.id, ends_at: now }).await?;
    app.live.changed(visit.handbook_id).await;
    Ok(answer)
}
