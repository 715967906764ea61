//! What is printed for a family: the code on the cover, and `POST /api/v1/handbooks/{handbook}/slip`, the slip with a
//! one-time claim code.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::handbook::State;
use domain::handbook::issuing::SLIP_LIFE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store;
use crate::access::{Access, PrintCode};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::keys::{Keys, new_token};
use crate::problem::Code;

/// A slip as it is printed: its code is shown this once and stored hashed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Slip {
    /// The one-time claim code: 128 random bits.
    pub code: String,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
}

impl Slip {
    /// A new slip.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { code: new_token(), expires_at: now + SLIP_LIFE }
    }

    /// What is stored of the code.
    pub fn hash(&self, keys: &Keys) -> Vec<u8> {
        hash(keys, &self.code)
    }
}

/// What is stored of a slip's code.
pub fn hash(keys: &Keys, code: &str) -> Vec<u8> {
    keys.blind("slip", code)
}

/// The link in the printed code of a handbook's cover.
pub fn link(app: &App, handbook: &handbook::Model) -> String {
    let signature = app.keys.sign_print(&handbook.number, handbook.printed_serial);
    format!("{}/s/{}-{signature}", app.config.public_url, handbook.number)
}

/// Nothing needs to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlipRequest {}

/// Print the claim slip of an unclaimed handbook again
///
/// The slip that was printed before is void.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = SlipRequest,
    responses((status = 201, description = "The slip", body = Slip)),
)]
#[post("/api/v1/handbooks/{handbook}/slip")]
pub(crate) async fn print_slip(
    app: Data<App>,
    access: Access<PrintCode>,
    once: Once,
    body: Body<SlipRequest>,
) -> Result<HttpResponse, ApiError> {
    body.parse()?;
    let work = match once.begin(&app, access.caller.actor(), None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let held = store::hold_live(&work.txn, access.handbook.id).await?;
    if held.state != State::Issued {
        return Err(ApiError::told(Code::AlreadyClaimed));
    }
    let slip = Slip::new(app.now());
    store::keep_slip(&work.txn, held.id, State::Issued, slip.hash(&app.keys), slip.expires_at, None).await?;
    work.answer(&app, StatusCode::CREATED, &slip).await
}
