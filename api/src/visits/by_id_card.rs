//! `POST /api/v1/visits/by-id-card`: no code at hand, because the phone is dead or the handbook lies at home.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use domain::handbook::number::HandbookNumber;
use domain::person::{IdNumber, parse_name};
use domain::visit::{ID_CARD_PAUSE, ID_CARD_TRIES, REASON_LENGTH, VisitKind, parse_reason};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::open::{Opened, Opening, open, working_institution};
use super::store;
use crate::access::Office;
use crate::access::office::OpenVisit;
use crate::app::App;
use crate::body::Body;
use crate::db::entities::handbook;
use crate::error::{ApiError, FieldProblem};
use crate::handbooks::store::hold_live;
use crate::idempotency::{Attempt, Once, request_id};
use crate::keys::is_same;
use crate::problem::Code;
use crate::tries::{Limit, Try};

/// Whoever holds a list of ID numbers must not be able to try them.
const BY_ID_CARD: Limit = Limit { purpose: "by_id_card", most: ID_CARD_TRIES, pause: ID_CARD_PAUSE };

/// What is read from the ID card and asked of the family.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByIdCard {
    /// ID number of the woman or of a child.
    id_number: String,
    /// Number of the handbook.
    number: String,
    /// Full name of the person of the ID number.
    name: String,
    /// Why there is no code: 10 to 500 characters.
    reason: String,
}

/// The same, checked for form.
struct Card {
    id_number: IdNumber,
    number: HandbookNumber,
    name: String,
    reason: String,
}

/// Open a visit by ID card
///
/// For when there is no code at hand. ID number, handbook number and name must fit together; the answer never says which
/// did not. The family is told.
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
    request: HttpRequest,
    office: Office<OpenVisit>,
    once: Once,
    body: Body<ByIdCard>,
) -> Result<HttpResponse, ApiError> {
    let card = Card::checked(body.parse()?)?;
    let staff = &office.staff;
    let institution = working_institution(&app, staff).await?;
    let attempt = Try::count(&app, BY_ID_CARD, &staff.id.to_string()).await?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => {
            attempt.take_back(app.db.write()).await?;
            return Ok(answer);
        }
        Attempt::New(work) => work,
    };
    attempt.allowed()?;
    let Some(fitting) = fitting(&app, &work.txn, &card).await? else {
        return Err(ApiError::with(Code::IdentityRefused, "left", attempt.left()));
    };
    let handbook = match hold_live(&work.txn, fitting.id).await {
        Ok(handbook) => handbook,
        Err(refusal) => {
            work.txn.rollback().await?;
            attempt.take_back(app.db.write()).await?;
            return Err(refusal);
        }
    };
    // Only this one: a right card among wrong ones must not make room for more of them.
    attempt.take_back(&work.txn).await?;
    let opening = Opening {
        staff,
        institution,
        handbook: &handbook,
        kind: VisitKind::IdCard,
        reason: Some(&card.reason),
        request_id: request_id(&request),
    };
    let opened = open(&app, &work.txn, opening).await?;
    let answer = work.answer(&app, StatusCode::CREATED, &opened).await?;
    app.live.changed(handbook.id).await;
    Ok(answer)
}

/// The handbook if all three fit; the same work is done whichever does not.
async fn fitting(
    app: &App,
    txn: &impl ConnectionTrait,
    card: &Card,
) -> Result<Option<handbook::Model>, ApiError> {
    let handbook = store::by_number(txn, &card.number).await?;
    let people = store::subjects(txn, &app.keys, handbook.as_ref()).await?;
    let fits = people.iter().fold(false, |found, person| {
        let same_number = is_same(person.id_number.as_deref().unwrap_or_default(), card.id_number.as_str());
        let same_name = is_same(&person.name, &card.name);
        found | (same_number & same_name)
    });
    Ok(handbook.filter(|_| fits))
}

impl Card {
    fn checked(typed: ByIdCard) -> Result<Self, ApiError> {
        let id_number = IdNumber::parse(&typed.id_number).map_err(|refusal| {
            FieldProblem::new(
                "/id_number",
                "not_an_id_number",
                "不是有效的18位身份证号。",
                refusal.to_string(),
            )
        });
        let number = HandbookNumber::parse(&typed.number).map_err(|refusal| {
            FieldProblem::new(
                "/number",
                "not_a_handbook_number",
                "不是有效的16位手册编号。",
                refusal.to_string(),
            )
        });
        let name = parse_name(&typed.name).map_err(|refusal| {
            FieldProblem::new("/name", "not_a_name", "姓名应为1到50个字符。", refusal.to_string())
        });
        let reason = checked_reason(&typed.reason);
        match (id_number, number, name, reason) {
            (Ok(id_number), Ok(number), Ok(name), Ok(reason)) => Ok(Self { id_number, number, name, reason }),
            (id_number, number, name, reason) => Err(ApiError::Invalid(
                [id_number.err(), number.err(), name.err(), reason.err()].into_iter().flatten().collect(),
            )),
        }
    }
}

/// A reason that says something.
pub(super) fn checked_reason(typed: &str) -> Result<String, FieldProblem> {
    let (least, most) = (REASON_LENGTH.start(), REASON_LENGTH.end());
    parse_reason(typed).ok_or_else(|| {
        FieldProblem::new(
            "/reason",
            "out_of_range",
            format!("请用{least}到{most}个字说明原因。"),
            format!("Give the reason in {least} to {most} characters."),
        )
    })
}
