//! `GET /api/v1/overrides`: the rules that were set aside in the own county, and why.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Tie};
use domain::handbook::issuing::Override;
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, InstitutionId, OverrideId, StaffId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, Said};
use crate::access::office::ReviewOverrides;
use crate::access::{Office, log};
use crate::access_log::store::{Worker, institution_names, workers};
use crate::app::App;
use crate::db::entities::rule_override;
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::Which;
use crate::error::ApiError;
use crate::page::{Page, PageQuery};
use crate::problem::Language;
use crate::query::Query;
use crate::visits::store::{Masked, masked};

/// Which overrides.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverridesQuery {
    /// Those that were reviewed, or those that wait for it; both when left out.
    reviewed: Option<bool>,
}

/// A rule that was set aside, as the county reviews it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overridden {
    #[schema(value_type = Uuid)]
    id: OverrideId,
    /// `issue`: a handbook for a child of three years or more. `checkup`: one dated before the day of issue.
    #[schema(value_type = String)]
    kind: Override,
    /// The same in words.
    label: String,
    #[schema(value_type = Uuid)]
    handbook: HandbookId,
    /// The handbook's number as printed.
    number: String,
    /// Name of the woman, or of a child where there is no woman, masked.
    name: String,
    /// The day on which the handbook was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_on: Option<NaiveDate>,
    /// The day of the checkup.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_on: Option<NaiveDate>,
    /// What the handbook administrator wrote.
    reason: String,
    #[schema(value_type = Uuid)]
    institution: InstitutionId,
    institution_name: String,
    /// Who set the rule aside.
    staff_name: String,
    staff_title: String,
    made_at: DateTime<Utc>,
    /// When it was reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed_at: Option<DateTime<Utc>>,
    /// Whether it was found justified.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
    /// What the reviewer wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Rules that were set aside
///
/// For families of the own county, the newest first.
#[utoipa::path(tag = "overrides", params(OverridesQuery, PageQuery), responses(
    (status = 200, description = "A page", body = Page<Overridden>),
    (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
))]
#[get("/api/v1/overrides")]
pub(crate) async fn list(
    app: Data<App>,
    language: Language,
    office: Office<ReviewOverrides>,
    filter: Query<OverridesQuery>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (county, reviewed) = (office.staff.county()?, filter.reviewed);
    let which = Which::Overrides(county, reviewed);
    let reading = Reading::begin(&app, &office.staff, &which, &page).await?;
    let rows = store::of_county(app.db.read(), county, reviewed, reading.after, reading.wanted()).await?;
    let (rows, next_cursor) = reading.give(rows, |row| row.id, |row| row.handbook_id).await?;
    let reason = (Action::ReadCover, Some(Tie::InRegion));
    log::write_list(&app, &office.staff, rows.iter().map(|row| row.handbook_id), reason).await?;
    let told = Telling::fetch(&app, &rows, language).await?;
    let items = rows.iter().map(|row| told.row(&app, row)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(Page::<Overridden> { items, next_cursor }))
}

/// What a page is told with.
struct Telling {
    language: Language,
    said: HashMap<OverrideId, Said>,
    handbooks: HashMap<HandbookId, Masked>,
    issued_on: HashMap<HandbookId, NaiveDate>,
    institutions: HashMap<InstitutionId, String>,
    workers: HashMap<StaffId, Worker>,
}

impl Telling {
    async fn fetch(app: &App, rows: &[rule_override::Model], language: Language) -> Result<Self, ApiError> {
        let (db, keys) = (app.db.read(), &app.keys);
        let handbooks = || rows.iter().map(|row| row.handbook_id);
        Ok(Self {
            language,
            said: store::said(db, keys, rows).await?,
            handbooks: masked(db, keys, handbooks()).await?,
            issued_on: store::issued_on(db, handbooks()).await?,
            institutions: institution_names(db, rows.iter().map(|row| row.institution_id)).await?,
            workers: workers(db, keys, rows.iter().map(|row| row.staff_id)).await?,
        })
    }

    fn row(&self, app: &App, row: &rule_override::Model) -> Result<Overridden, ApiError> {
        let handbook = self.handbooks.get(&row.handbook_id);
        let number = handbook.and_then(|handbook| HandbookNumber::parse(&handbook.number).ok());
        let worker = self.workers.get(&row.staff_id).cloned().unwrap_or_default();
        let said = self.said.get(&row.id);
        Ok(Overridden {
            id: row.id,
            kind: row.kind,
            label: self.language.of(row.kind.zh(), row.kind.en()).to_owned(),
            handbook: row.handbook_id,
            number: number.map(|number| number.printed()).unwrap_or_default(),
            name: handbook.map(|handbook| handbook.name.clone()).unwrap_or_default(),
            issued_on: self.issued_on.get(&row.handbook_id).copied(),
            occurred_on: said.and_then(|said| said.occurred_on),
            reason: said.map(|said| said.reason.clone()).unwrap_or_default(),
            institution: row.institution_id,
            institution_name: self.institutions.get(&row.institution_id).cloned().unwrap_or_default(),
            staff_name: worker.name,
            staff_title: worker.title,
            made_at: row.made_at,
            reviewed_at: row.reviewed_at,
            accepted: row.accepted,
            note: store::note(&app.keys, row)?,
        })
    }
}
