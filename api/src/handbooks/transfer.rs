//! `POST /api/v1/handbooks/{handbook}/transfer`: another institution answers for the subjects from now on.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::access::Action;
use domain::id::InstitutionId;
use domain::institution::AgencyClass;
use domain::place::RegionCode;
use sea_orm::{ActiveValue::Set, ConnectionTrait};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::InstitutionName;
use super::store::{self, Act, LIVE};
use crate::access::{Access, Transfer};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::Body;
use crate::checkups::store as checkups;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::form::{ADDRESS, Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::people::{self, store::NewPerson};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::responsibility::store as responsibility;

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// The institution that takes over: primary care, or an MCH institution.
    #[schema(value_type = Uuid)]
    pub institution: InstitutionId,
    /// Why.
    pub reason: String,
    /// 12-digit code of the new village or town, when the family moved.
    #[schema(value_type = Option<i64>)]
    pub region_code: Option<RegionCode>,
    /// New address below the region.
    pub address: Option<String>,
}

/// The institution that manages the handbook now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Transferred {
    /// The institution.
    pub managing_institution: InstitutionName,
    /// Version of the handbook now.
    pub version: i32,
}

/// Transfer a handbook to another managing institution
///
/// By the managing institution or the county, also to another county. What the old one delegated to village doctors ends,
/// and the danger signs that nobody has answered go to the new one.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = TransferRequest,
    responses((status = 200, description = "Transferred", body = Transferred)),
)]
#[post("/api/v1/handbooks/{handbook}/transfer")]
pub(crate) async fn transfer(
    app: Data<App>,
    access: Access<Transfer>,
    once: Once,
    body: Body<TransferRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let reason = form.remark("/reason", &request.reason, &REMARK);
    let address = form.optional_line("/address", request.address.as_deref(), ADDRESS);
    form.done()?;

    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = store::hold_as(txn, &access).await?;
    let unborn = is_unborn(txn, &held).await?;
    let reason = reason.checked(unborn)?;
    if unborn {
        let mut form = Form::default();
        form.silent([("/address", address.as_deref())]);
        form.done()?;
    }
    let target = target(txn, &held, request.institution).await?;
    if let Some(code) = request.region_code
        && !store::is_address(txn, code).await?
    {
        return Err(ApiError::with(Code::UnknownRegion, "code", code));
    }
    let region = request.region_code.unwrap_or(held.region_code);
    let moved =
        handbook::ActiveModel { managing_id: Set(target.id), region_code: Set(region), ..Default::default() };
    store::change(txn, held.id, &LIVE, moved).await?;
    move_woman(&app, txn, &held, region, address).await?;
    store::end_delegations(txn, held.id, now).await?;
    let handover = responsibility::Handover { from: held.managing_id, to: target.id, at: now };
    alerts::hand_over(txn, held.id, handover, region).await?;
    checkups::hand_over_countersigns(txn, held.id, handover).await?;
    let act = Act { handbook: held.id, action: Action::Transfer, staff, reason: &reason, person: None };
    store::keep_act(txn, &app.keys, act, now).await?;
    notices::store::tell(txn, held.id, Kind::Transferred, Some(target.id), None, now).await?;

    let transferred =
        Transferred { managing_institution: InstitutionName::from(&target), version: held.version + 1 };
    let answer = work.answer(&app, access.wrote(), StatusCode::OK, &transferred).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// Only who can answer for a plan takes over: a working institution of primary care or an MCH institution.
async fn target(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    id: InstitutionId,
) -> Result<crate::db::entities::institution::Model, ApiError> {
    let refuse = |code: &str, zh: &str, en: &str| ApiError::field("/institution", code, zh, en);
    let found = store::institution(txn, id).await?;
    let found = found.ok_or_else(|| {
        refuse("unknown", "没有这个机构，或机构已停用。", "There is no such working institution.")
    })?;
    if found.id == held.managing_id {
        return Err(refuse(
            "unchanged",
            "该机构已是管理机构。",
            "This institution manages the handbook already.",
        ));
    }
    let manages = |class: &AgencyClass| {
        matches!(
            class,
            AgencyClass::PrimaryCare
                | AgencyClass::MchCounty
                | AgencyClass::MchCity
                | AgencyClass::MchProvince
        )
    };
    if found.classes.0.iter().any(manages) {
        Ok(found)
    } else {
        Err(refuse(
            "cannot_manage",
            "只能转给基层医疗卫生机构或妇幼保健机构。",
            "Only primary care or an MCH institution can take over.",
        ))
    }
}

/// The woman moves with her handbook.
async fn move_woman(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    region: RegionCode,
    address: Option<String>,
) -> Result<(), ApiError> {
    let Some(id) = held.woman_id.filter(|_| region != held.region_code || address.is_some()) else {
        return Ok(());
    };
    let Some(row) = people::store::by_id(txn, id).await? else { return Ok(()) };
    let mut identity = people::store::identity(&app.keys, &row)?;
    identity.address = address.or(identity.address);
    let new = NewPerson { identity: &identity, born_on: row.born_on, sex: row.sex, region: Some(region) };
    match people::store::update_identity(txn, &app.keys, &row, new).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::told(Code::Conflict)),
    }
}
