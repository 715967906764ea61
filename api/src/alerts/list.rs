//! `GET /api/v1/alerts`: the danger signs of the subjects that one answers for, open ones first.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::access::{Action, Role, Tie};
use domain::id::{AlertId, HandbookId, PersonId, RecordId};
use domain::person::{mask_name, mask_phone};
use serde::Serialize;
use utoipa::ToSchema;

use super::store::{self, Row, Scope, open_signs};
use crate::access::{Office, log, office};
use crate::app::App;
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::{Line, Which, in_china};
use crate::error::ApiError;
use crate::keys::{Place, places};
use crate::page::{Page, PageQuery};
use crate::people::Identity;
use crate::problem::Language;
use crate::query::Query;
use crate::records::Speaks;
use crate::session::Staff;

/// A danger sign.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alert {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub id: AlertId,
    /// The handbook.
    #[schema(value_type = uuid::Uuid)]
    pub handbook: HandbookId,
    /// The record.
    #[schema(value_type = uuid::Uuid)]
    pub record: RecordId,
    /// `urgent` or `emergency`.
    pub level: String,
    /// What the sign is; not said where it would tell a sensitive result to who may not see it.
    pub signs: Vec<String>,
    /// The family took the record back, or its author did.
    pub withdrawn: bool,
    /// The managing institution.
    pub institution: String,
    /// Name of the woman, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Her phone, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Danger signs, the open ones first
///
/// Of the subjects that the own institution manages; for county MCH, of the families of its county, whoever manages them.
#[utoipa::path(
    tag = "alerts",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of danger signs", body = Page<Alert>),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/alerts")]
pub(crate) async fn list(
    app: Data<App>,
    office: Office<office::ReadAlerts>,
    page: Query<PageQuery>,
    Speaks(language): Speaks,
) -> Result<Json<Page<Alert>>, ApiError> {
    let scope = scope_of(&office.staff)?;
    let reading = Reading::begin(&app, &office.staff, &Which::Alerts(scope), &page).await?;
    let rows = store::page(app.db.read(), scope, reading.after, reading.wanted()).await?;
    let (rows, next_cursor) = reading.give(rows, Row::position, |row| row.handbook_id).await?;
    let items = listed(&app, &office.staff, rows, scope, language).await?;
    Ok(Json(Page { items, next_cursor }))
}

/// Danger signs as they stand in the list; that they were read is logged first.
pub(crate) async fn listed(
    app: &App,
    staff: &Staff,
    rows: Vec<Row>,
    scope: Scope,
    language: Language,
) -> Result<Vec<Alert>, ApiError> {
    let tie = match scope {
        Scope::Institution(_) => Tie::Managing,
        Scope::County(_) => Tie::InRegion,
    };
    let handbooks = rows.iter().map(|row| row.handbook_id);
    log::write_list(app, staff, handbooks, (Action::ReadAlerts, Some(tie))).await?;
    Ok(rows.into_iter().map(|row| shown(app, row, scope, language)).collect())
}

impl Alert {
    /// As it stands in a file.
    pub(crate) fn line(self, language: Language) -> Line {
        let level = match self.level.as_str() {
            "emergency" => language.of("危急", "emergency"),
            _ => language.of("紧急", "urgent"),
        };
        vec![
            self.name.unwrap_or_default(),
            self.phone.unwrap_or_default(),
            level.to_owned(),
            self.signs.join(language.of("；", "; ")),
            self.institution,
            in_china(self.raised_at),
            self.answered_at.map(in_china).unwrap_or_default(),
            self.answer.unwrap_or_default(),
        ]
    }
}

/// County MCH answers for a county, everybody else for an institution.
pub(crate) fn scope_of(staff: &Staff) -> Result<Scope, ApiError> {
    if staff.is(Role::CountyMch) {
        staff.county().map(Scope::County)
    } else {
        Ok(Scope::Institution(staff.institution()?))
    }
}

fn shown(app: &App, row: Row, scope: Scope, language: Language) -> Alert {
    let identity = row.person_id.zip(row.identity.as_deref()).and_then(|(id, sealed)| open(app, id, sealed));
    let (name, phone) = match identity {
        Some(identity) => (Some(mask_name(&identity.name)), identity.phone.map(|phone| mask_phone(&phone))),
        None => (None, None),
    };
    // The managing institution treats her; a list of the county is no place for what is sensitive.
    let may_see_sensitive = matches!(scope, Scope::Institution(_));
    let answer = row.answer.as_deref().and_then(|sealed| app.keys.open(answer_place(row.id), sealed).ok());
    Alert {
        signs: signs(app, &row, may_see_sensitive, language),
        id: row.id,
        handbook: row.handbook_id,
        record: row.record_id,
        level: row.level,
        withdrawn: row.state != domain::record::RecordState::Live,
        institution: row.institution,
        name,
        phone,
        raised_at: row.raised_at,
        answered_at: row.answered_at,
        answer,
    }
}

fn open(app: &App, id: PersonId, sealed: &[u8]) -> Option<Identity> {
    app.keys.open(Place::new(places::PERSON_IDENTITY, id.0), sealed).ok()
}

/// Where an answer is sealed.
pub(super) fn answer_place(id: AlertId) -> Place {
    Place::new(places::ALERT_ANSWER, id.0)
}

fn signs(app: &App, row: &Row, may_see_sensitive: bool, language: Language) -> Vec<String> {
    let Some(kind) = app.catalogue.kind_in_edition(&row.kind, &row.edition) else { return Vec::new() };
    let ids = open_signs(&app.keys, row.id, &row.signs);
    let known = ids.iter().filter_map(|id| kind.warnings.iter().find(|warning| warning.id == *id));
    known
        .map(|warning| {
            if warning.sensitive && !may_see_sensitive {
                language.of("请联系本人。", "Contact her.").to_owned()
            } else {
                language.of(&warning.label.zh, &warning.label.en).to_owned()
            }
        })
        .collect()
}
