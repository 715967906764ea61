//! `POST /api/v1/handbooks/{handbook}/replace`: a lost or damaged handbook gets a successor with a new number. Records,
//! members and children follow; the old cover leads nowhere any more.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::access::Action;
use domain::calendar::Month;
use domain::handbook::issuing::{IssueKind, IssueRefusal};
use domain::handbook::number::HandbookNumber;
use domain::handbook::{EDITION, ReplaceReason, State};
use domain::id::{HandbookId, IssuanceId};
use domain::institution::column_of;
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::desk::Desk;
use super::issue::year;
use super::print::{Slip, link};
use super::store::{self, Act, LIVE};
use crate::access::{Access, Replace};
use crate::app::App;
use crate::audit::Events;
use crate::body::{Body, chosen_id};
use crate::db::entities::{ExplainedList, handbook, issuance};
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once, Txn};
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::session::Staff;

/// Why it is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceRequest {
    /// The successor's id, chosen by the client; it may stand in for the Idempotency-Key.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    pub id: Option<HandbookId>,
    /// `lost` or `damaged`.
    #[schema(value_type = String)]
    pub reason: ReplaceReason,
    /// More about it.
    pub note: Option<String>,
    /// Print a slip with a one-time claim code, when the handbook was not claimed yet.
    #[serde(default)]
    pub slip: bool,
}

/// The successor.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replaced {
    /// Id of the successor.
    #[schema(value_type = Uuid)]
    pub id: HandbookId,
    /// Its number.
    pub number: String,
    /// The number as it is printed.
    pub printed_number: String,
    /// Its state, that of the old one.
    #[schema(value_type = String)]
    pub state: State,
    /// The handbook that it replaced.
    #[schema(value_type = Uuid)]
    pub replaces: HandbookId,
    /// The link in the code on the new cover.
    pub printed_code: String,
    /// The claim slip, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slip: Option<Slip>,
    /// Version of the successor.
    pub version: i32,
}

/// Replace a lost or damaged handbook
///
/// The successor's use counts for the issue of the old one: a replacement is not an issue.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = ReplaceRequest,
    responses((status = 201, description = "Replaced", body = Replaced)),
)]
#[post("/api/v1/handbooks/{handbook}/replace")]
pub(crate) async fn replace(
    app: Data<App>,
    access: Access<Replace>,
    once: Once,
    body: Body<ReplaceRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let note = form.optional_remark("/note", request.note.as_deref(), &REMARK);
    form.done()?;
    let desk = Desk::of(&app, staff).await?;
    if !(desk.right.service_point && desk.right.trained_administrator) {
        return Err(IssueRefusal::NoServicePoint.into());
    }

    let work = match once.begin(&app, staff.id.0, request.id.map(|id| id.0), body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let number = store::next_number(txn, desk.county(), year(&app)).await?;
    let old = store::hold_as(txn, &access).await?;
    if request.slip && old.state != State::Issued {
        return Err(ApiError::told(Code::AlreadyClaimed));
    }
    let unborn = is_unborn(txn, &old).await?;
    let note = note.map(|note| note.checked(unborn)).transpose()?;
    let reason = note.unwrap_or_else(|| request.reason.code().to_owned());
    let slip = request.slip.then(|| Slip::new(now));
    let new = successor(&app, &old, &desk, request.id, &number, slip.as_ref());
    take_the_place(txn, &old, &new, now).await?;
    store::keep_issuance(txn, &issuance(&app, &new, &desk, staff)).await?;
    let act = Act { handbook: new.id, action: Action::Replace, staff, reason: &reason, person: None };
    store::keep_act(txn, &app.keys, act, now).await?;
    notices::store::tell(txn, new.id, Kind::CodeReprinted, Some(desk.institution.id), None, now).await?;

    let replaced = Replaced {
        id: new.id,
        number: number.as_str().to_owned(),
        printed_number: number.printed(),
        state: new.state,
        replaces: old.id,
        printed_code: link(&app, &new),
        slip,
        version: new.version,
    };
    let answer = work
        .answer(
            &app,
            Events::from(access.wrote()).and(access.wrote().at(new.id).on(old.id)),
            StatusCode::CREATED,
            &replaced,
        )
        .await?;
    app.live.changed(old.id).await;
    app.live.changed(new.id).await;
    Ok(answer)
}

/// The old handbook lets go of what may stand in one live handbook only, before the new one takes it with all that hangs on
/// it.
async fn take_the_place(
    txn: &Txn,
    old: &handbook::Model,
    new: &handbook::Model,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let let_go = handbook::ActiveModel {
        state: Set(State::Replaced),
        closed_at: Set(Some(now)),
        woman_id: Set(None),
        expecting_id: Set(None),
        // That the family went is asked of the successor from now on.
        family_left_at: Set(None),
        ..store::no_slip()
    };
    store::change(txn, old.id, &LIVE, let_go).await?;
    if !store::insert(txn, new).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    let points = handbook::ActiveModel { successor_id: Set(Some(new.id)), ..Default::default() };
    store::change(txn, old.id, &[State::Replaced], points).await?;
    store::hand_on(txn, old.id, new.id).await?;
    Ok(())
}

/// The successor keeps the day of issue, because the family has had a handbook since then, and goes on with the change
/// numbers of the old one, because its records and notices carry them.
fn successor(
    app: &App,
    old: &handbook::Model,
    desk: &Desk,
    id: Option<HandbookId>,
    number: &HandbookNumber,
    slip: Option<&Slip>,
) -> handbook::Model {
    handbook::Model {
        id: id.unwrap_or_else(|| HandbookId(Uuid::now_v7())),
        number: number.as_str().to_owned(),
        issued_by: desk.institution.id,
        slip_hash: slip.map(|slip| slip.hash(&app.keys)),
        slip_expires_at: slip.map(|slip| slip.expires_at),
        slip_relation: None,
        slip_member_id: None,
        printed_serial: 1,
        // First use is counted where the issue is, see `counts_as`.
        first_used_at: None,
        created_at: app.now(),
        version: 1,
        ..old.clone()
    }
}

fn issuance(app: &App, new: &handbook::Model, desk: &Desk, staff: &Staff) -> issuance::Model {
    let (agency_class, report_column) = column_of(new.issued_group, &desk.classes());
    issuance::Model {
        id: IssuanceId(Uuid::now_v7()),
        handbook_id: new.id,
        kind: IssueKind::Replace,
        institution_id: desk.institution.id,
        staff_id: staff.id,
        region_code: desk.institution.region_code,
        issued_group: new.issued_group,
        agency_class,
        report_column,
        edition: EDITION.to_owned(),
        explained: ExplainedList(Vec::new()),
        override_reason: None,
        issued_at: app.now(),
        issued_in: Month::of(app.today()),
    }
}
