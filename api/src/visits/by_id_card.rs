//! `POST /api/v1/visits/by-id-card`: no code at hand, because the phone is dead or the handbook lies at home.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::handbook::number::HandbookNumber;
use domain::person::IdNumber;
use domain::visit::{ID_CARD_PAUSE, ID_CARD_TRIES, REASON_LENGTH, VisitKind};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::open::{Opened, Opening, given_again, open, working_institution};
use super::store;
use crate::access::Office;
use crate::access::office::OpenVisit;
use crate::app::App;
use crate::body::Body;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::{self, store::hold_to_write};
use crate::idempotency::{Attempt, Once};
use crate::keys::is_same;
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;
use crate::tries::{Limit, Try};

/// Whoever holds a list of ID numbers must not be able to try them.
const BY_ID_CARD: Limit = Limit { purpose: "by_id_card", most: ID_CARD_TRIES, pause: ID_CARD_PAUSE };

/// What is read from the ID card and asked of the family.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByIdCard {
    /// ID number of the woman or of a child.
    id_number: String,
    /// Number of the handbook, where somebody knows it; without it the newest live handbook of the person is opened.
    number: Option<String>,
    /// Full name of the person of the ID number.
    name: String,
    /// Why there is no code: 10 to 500 characters.
    reason: String,
}

/// The same, checked for form.
struct Card {
    id_number: IdNumber,
    number: Option<HandbookNumber>,
    name: String,
    reason: Remark,
}

/// Open a visit by ID card
///
/// For when there is no code at hand. ID number and name must fit together, and the handbook number if it is given; the
/// answer never says which did not. The family is told.
#[utoipa::path(
    tag = "visits",
    params(Once),
    request_body = ByIdCard,
    responses(
        (status = 201, description = "The visit", body = Opened),
        (status = 409, description = "The handbook is closed (`handbook_closed`), or a twin of the request is in flight"),
        (status = 422, description = "They do not fit together (`identity_refused`), or fields are wrong"),
        (status = 429, description = "Too many that did not fit (`too_many_tries`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/visits/by-id-card")]
pub(crate) async fn by_id_card(
    app: Data<App>,
    office: Office<OpenVisit>,
    once: Once,
    body: Body<ByIdCard>,
) -> Result<HttpResponse, ApiError> {
    let card = Card::read(&body.parse()?)?;
    let staff = &office.staff;
    let institution = working_institution(&app, staff).await?;
    let attempt = Try::count(&app, BY_ID_CARD, &staff.id.to_string()).await?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => {
            attempt.take_back(app.db.write()).await?;
            return given_again(&app, staff, answer).await;
        }
        Attempt::New(work) => work,
    };
    attempt.allowed()?;
    let Some(fitting) = fitting(&app, &work.txn, &card).await? else {
        return Err(ApiError::with(Code::IdentityRefused, "left", attempt.left()));
    };
    let (handbook, at) = match hold_to_write(&app, &work.txn, fitting.id).await {
        Ok(held) => held,
        Err(refusal) => {
            work.give_up().await?;
            attempt.take_back(app.db.write()).await?;
            return Err(refusal);
        }
    };
    // Only this one: a right card among wrong ones must not make room for more of them. It stays counted where the reason
    // is refused, which tells that a child is expected, and tells the family nothing.
    attempt.take_back(&work.txn).await?;
    let reason = card.reason.checked(is_unborn(&work.txn, &handbook).await?)?;
    let opening = Opening {
        staff,
        institution,
        handbook: &handbook,
        at,
        kind: VisitKind::IdCard,
        reason: Some(&reason),
    };
    let opened = open(&app, &work.txn, opening).await?;
    let answer = work.answer(&app, opening.events(opened.id()), StatusCode::CREATED, &opened).await?;
    app.live.changed(handbook.id).await;
    Ok(answer)
}

/// The handbook if everything fits; the same work is done whichever does not.
async fn fitting(
    app: &App,
    txn: &impl ConnectionTrait,
    card: &Card,
) -> Result<Option<handbook::Model>, ApiError> {
    let handbook = match &card.number {
        Some(number) => handbooks::store::by_number(txn, number).await?,
        None => store::of_person(txn, &app.keys, &card.id_number).await?,
    };
    let people = store::subjects(txn, &app.keys, handbook.as_ref()).await?;
    let fits = people.iter().fold(false, |found, person| {
        let same_number = is_same(person.id_number.as_deref().unwrap_or_default(), card.id_number.as_str());
        let same_name = is_same(&person.name, &card.name);
        found | (same_number & same_name)
    });
    Ok(handbook.filter(|_| fits))
}

impl Card {
    fn read(typed: &ByIdCard) -> Result<Self, ApiError> {
        let mut form = Form::default();
        let id_number = form.id_number("/id_number", Some(&typed.id_number));
        let number = form.handbook_number("/number", typed.number.as_deref());
        let name = form.name("/name", &typed.name);
        let reason = form.remark("/reason", &typed.reason, &REASON_LENGTH);
        form.end(id_number.map(|id_number| Self { id_number, number, name, reason }))
    }
}
