//! `GET /api/v1/handbooks/{handbook}/records`: the timeline, newest first by day.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::NaiveDate;
use domain::catalogue::Catalogue;
use domain::id::{ChildId, RecordId};
use domain::record::{Source, SubjectKind};
use serde::Deserialize;
use utoipa::IntoParams;

use super::store::{self, Filter};
use super::view::{Shown, show};
use super::{Reader, Speaks};
use crate::app::App;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::query::{self, Query};

/// What the timeline is narrowed to.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrowed {
    /// `woman`, `child` or `household`.
    #[param(value_type = Option<String>)]
    subject: Option<SubjectKind>,
    /// One child.
    #[param(value_type = Option<uuid::Uuid>)]
    child: Option<ChildId>,
    /// `family`, `clinician` or `import`.
    #[param(value_type = Option<String>)]
    source: Option<Source>,
    /// A kind of the catalogue.
    #[param(max_length = 64)]
    kind: Option<String>,
    /// First day.
    from: Option<NaiveDate>,
    /// Last day.
    to: Option<NaiveDate>,
}

impl Narrowed {
    /// Refuses days that no record can be of, and a kind that there never was.
    fn check(&self, catalogue: &Catalogue) -> Result<(), ApiError> {
        query::must_be_of_our_time("from", self.from)?;
        query::must_be_of_our_time("to", self.to)?;
        query::must_follow(self.from, self.to)?;
        match self.kind.as_deref().filter(|kind| !catalogue.has(kind)) {
            Some(_) => Err(ApiError::parameter(
                "kind",
                "not_an_option",
                "没有这种记录，种类见 /api/v1/catalogue。",
                "There is no such kind of record; see /api/v1/catalogue.",
            )),
            None => Ok(()),
        }
    }

    /// Names the list, so that a cursor fits no other.
    fn name(&self, reader: &Reader) -> String {
        let Self { subject, child, source, kind, from, to } = self;
        format!("records/{}/{subject:?}/{child:?}/{source:?}/{kind:?}/{from:?}/{to:?}", reader.handbook.id)
    }
}

/// The records of a handbook, newest first by day
///
/// A family sees everything of its own and what clinicians wrote; staff see no private entry, and sensitive fields only
/// where they may. Who may not read the history sees what they wrote themselves.
#[utoipa::path(
    tag = "records",
    params(("handbook" = uuid::Uuid, Path), PageQuery, Narrowed),
    responses((status = 200, description = "A page of records", body = Page<Shown>)),
)]
#[get("/api/v1/handbooks/{handbook}/records")]
pub(crate) async fn timeline(
    app: Data<App>,
    reader: Reader,
    page: Query<PageQuery>,
    narrowed: Query<Narrowed>,
    Speaks(language): Speaks,
) -> Result<Json<Page<Shown>>, ApiError> {
    let (limit, list) = (page.limit()?, narrowed.name(&reader));
    let after: Option<(NaiveDate, RecordId)> = page.after(&app.keys, &list)?;
    narrowed.check(&app.catalogue)?;
    let Narrowed { subject, child, source, kind, from, to } = narrowed.into_inner();
    let filter = Filter { subject, child, source, kinds: kind.into_iter().collect(), from, to };
    let view = &reader.view;
    let rows = store::timeline(&reader.db, reader.handbook.id, view, &filter, after, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| (row.occurred_on, row.id));
    let items = rows.into_iter().map(|row| show(row, &app.catalogue, &app.keys, view, language)).collect();
    Ok(Json(Page { items, next_cursor }))
}
