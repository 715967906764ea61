//! `GET /api/v1/me/closing`: what would become of what if the account was closed now.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::NaiveDate;
use domain::id::{HandbookId, UserId};
use domain::retention::{Duty, Fate, Retention, fate};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::app::App;
use crate::consents::BothLanguages;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::handbooks::store as handbooks;
use crate::members::store as members;
use crate::privacy::RetentionRow;
use crate::session::{FRESH, Family};

/// What would happen.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClosingPreview {
    /// Each handbook that the caller is or was in.
    pub handbooks: Vec<HandbookFate>,
    /// Each kind of data: how it ends, and on what ground.
    pub kinds: Vec<RetentionRow>,
    /// `own_entries` must say what becomes of entries in handbooks in which others stay.
    pub own_entries_needed: bool,
    /// Some handbook must be handed over first, or be named in `end_for_all`.
    pub hand_over_needed: bool,
    /// The sign-in must not be older than so many minutes.
    pub fresh_minutes: i64,
}

/// What would become of one handbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandbookFate {
    /// The handbook.
    #[schema(value_type = Uuid)]
    pub handbook: HandbookId,
    /// Its number.
    pub number: String,
    /// `goes_on`, `hand_over_first` or `ends`; absent where the caller has left already.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fate: Option<Fate>,
    /// The same in words, with what becomes of the clinical part.
    pub text: BothLanguages,
    /// The caller's entries.
    pub own_entries: u64,
    /// The caller's photos.
    pub own_photos: u64,
    /// The care that goes on when the handbook ends: until it is over the clinical part is not blocked.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duty: Option<Duty>,
    /// Until when the clinical part would be blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<NaiveDate>,
}

/// What closing the account would do
///
/// It changes nothing. To do it: `POST /api/v1/me/closing`.
#[utoipa::path(
    operation_id = "preview_closing",
    tag = "account",
    responses((status = 200, description = "What would happen", body = ClosingPreview)),
)]
#[get("/api/v1/me/closing")]
pub(crate) async fn preview(app: Data<App>, Family(user): Family) -> Result<HttpResponse, ApiError> {
    let table = Retention::in_force().map_err(ApiError::internal)?;
    let db = app.db.read();
    let mut fates = Vec::new();
    for id in store::handbooks_of(db, user.id).await? {
        if let Some(row) = handbooks::by_id(db, id).await? {
            fates.push(one(&app, db, &row, user.id, &table).await?);
        }
    }
    let stays = |of: &HandbookFate| !matches!(of.fate, Some(Fate::Ends));
    Ok(HttpResponse::Ok().json(ClosingPreview {
        own_entries_needed: fates.iter().any(|of| stays(of) && of.own_entries + of.own_photos > 0),
        hand_over_needed: fates.iter().any(|of| of.fate == Some(Fate::HandOverFirst)),
        handbooks: fates,
        kinds: table.kinds.iter().cloned().map(RetentionRow::from).collect(),
        fresh_minutes: FRESH.num_minutes(),
    }))
}

async fn one(
    app: &App,
    db: &impl ConnectionTrait,
    row: &handbook::Model,
    me: UserId,
    table: &Retention,
) -> Result<HandbookFate, ApiError> {
    let (mine, others): (Vec<_>, Vec<_>) =
        members::live(db, row.id).await?.into_iter().partition(|member| member.user_id == me);
    let roles: Vec<_> = others.iter().map(|member| member.role).collect();
    let fate = mine.first().map(|mine| fate(mine.role, &roles));
    let (own_entries, own_photos) = store::own_entries(db, row.id, me).await?;
    let (mut duty, mut blocked_until) = (None, None);
    if matches!(fate, Some(Fate::Ends | Fate::HandOverFirst)) {
        duty = store::under_care(db, row).await?.duty(app.today()).filter(|_| row.state.is_live());
        if duty.is_none() {
            let kept = store::kept(db, row.id, table.inpatient_kinds()).await?;
            blocked_until = Some(table.blocked_until(kept, app.today()));
        }
    }
    Ok(HandbookFate {
        handbook: row.id,
        number: row.number.clone(),
        text: in_words(fate, duty, blocked_until),
        fate,
        own_entries,
        own_photos,
        duty,
        blocked_until,
    })
}

fn in_words(fate: Option<Fate>, duty: Option<Duty>, until: Option<NaiveDate>) -> BothLanguages {
    let (zh, en) = fate.map_or(
        ("您已退出这本手册，只处理您留下的记录", "you have left it; only your own entries are asked about"),
        |fate| (fate.zh(), fate.en()),
    );
    let (then_zh, then_en) = match (duty, until) {
        (Some(duty), _) => (
            format!("；{}，医务人员依法继续提供保健服务，检查记录暂不封存，服务结束后封存", duty.zh()),
            format!(
                "; {}: the clinic goes on with the care that the law asks of it, and its records are blocked when that ends",
                duty.en()
            ),
        ),
        (None, Some(until)) => (
            format!("；检查记录封存至{until}，期满删除，期间仅紧急情况可调阅"),
            format!(
                "; clinicians' records are blocked until {until}, opened in an emergency only, and then deleted"
            ),
        ),
        (None, None) => (String::new(), String::new()),
    };
    BothLanguages { zh: format!("{zh}{then_zh}。"), en: format!("{en}{then_en}.") }
}
