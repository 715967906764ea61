//! `GET /api/v1/me/handbooks`: the handbooks of a family user.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::NaiveDate;
use domain::handbook::{Group, State};
use domain::id::{HandbookId, MemberId, PersonId};
use domain::member::{MemberRelation, MemberRole};
use domain::pregnancy::{Dates, as_weeks};
use serde::Serialize;
use utoipa::ToSchema;

use super::{InstitutionName, store};
use crate::app::App;
use crate::children::store as children;
use crate::consents::list::is_asked_again;
use crate::db::entities::{handbook, institution, member, person, pregnancy};
use crate::error::ApiError;
use crate::keys::Keys;
use crate::members;
use crate::page::{self, Page, PageQuery};
use crate::people;
use crate::pregnancies::store as pregnancies;
use crate::query::Query;
use crate::session::Family;

/// A handbook in the list of its family.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyHandbook {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: HandbookId,
    /// Number.
    pub number: String,
    /// State.
    #[schema(value_type = String)]
    pub state: State,
    /// To whom it was issued.
    #[schema(value_type = String)]
    pub group: Group,
    /// The caller's membership.
    #[schema(value_type = Uuid)]
    pub member: MemberId,
    /// What the caller may do.
    #[schema(value_type = String)]
    pub role: MemberRole,
    /// Who the caller is.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// The caller is proved to be the woman herself.
    pub is_woman: bool,
    /// The woman's name.
    pub woman: Option<String>,
    /// The children's names, the first born first; empty for one that has none yet.
    pub children: Vec<String>,
    /// Due date of the open pregnancy.
    pub due_date: Option<NaiveDate>,
    /// Gestational age today, `37+6`.
    pub gestational_age: Option<String>,
    /// Managing institution.
    pub managing_institution: Option<InstitutionName>,
    /// A newer privacy text is to be agreed to before the handbook is opened again.
    pub consent_required: bool,
}

/// My handbooks
///
/// Those of which the caller is a member, the latest joined first.
#[utoipa::path(
    tag = "handbooks",
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<MyHandbook>)),
)]
#[get("/api/v1/me/handbooks")]
pub(crate) async fn mine(
    app: Data<App>,
    Family(user): Family,
    query: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (limit, list) = (query.limit()?, format!("my-handbooks/{}", user.id));
    let after: Option<MemberId> = query.after(&app.keys, &list)?;
    let rows = members::store::of_user(app.db.read(), user.id, after, limit + 1).await?;
    let (rows, next_cursor) = page::cut(&app.keys, rows, limit, &list, |row| row.id);
    let shelf = Shelf::fetch(&app, &rows).await?;
    let items = rows.iter().filter_map(|row| shelf.item(&app, row).transpose()).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(Page::<MyHandbook> { items, next_cursor }))
}

/// What a page of the list is made of, fetched together.
struct Shelf {
    handbooks: HashMap<HandbookId, handbook::Model>,
    women: HashMap<PersonId, person::Model>,
    children: Vec<(HandbookId, person::Model)>,
    pregnancies: Vec<pregnancy::Model>,
    managing: HashMap<domain::id::InstitutionId, institution::Model>,
}

impl Shelf {
    async fn fetch(app: &App, rows: &[member::Model]) -> Result<Self, ApiError> {
        let db = app.db.read();
        let ids = || rows.iter().map(|row| row.handbook_id);
        let handbooks = store::by_ids(db, ids()).await?;
        let women = people::store::by_ids(db, handbooks.values().filter_map(|row| row.woman_id)).await?;
        let born = children::with_people(db, ids()).await?;
        Ok(Self {
            managing: store::institutions(db, handbooks.values().map(|row| row.managing_id)).await?,
            pregnancies: pregnancies::of_handbooks(db, ids()).await?,
            children: born.into_iter().map(|(child, person)| (child.handbook_id, person)).collect(),
            women,
            handbooks,
        })
    }

    fn item(&self, app: &App, row: &member::Model) -> Result<Option<MyHandbook>, ApiError> {
        let Some(handbook) = self.handbooks.get(&row.handbook_id) else { return Ok(None) };
        let of_this = |pregnancy: &&pregnancy::Model| pregnancy.handbook_id == handbook.id;
        let open = self.pregnancies.iter().filter(of_this).find(|pregnancy| pregnancy.outcome.is_none());
        let woman = handbook.woman_id.and_then(|id| self.women.get(&id));
        let children = self.children.iter().filter(|(of, _)| *of == handbook.id);
        Ok(Some(MyHandbook {
            id: handbook.id,
            number: handbook.number.clone(),
            state: handbook.state,
            group: handbook.issued_group,
            member: row.id,
            role: row.role,
            relation: row.relation,
            is_woman: row.is_woman,
            woman: woman.map(|woman| name(&app.keys, woman)).transpose()?,
            children: children.map(|(_, child)| name(&app.keys, child)).collect::<Result<_, _>>()?,
            due_date: open.map(|open| open.due_on),
            gestational_age: open.map(|open| as_weeks(Dates::gestational_days(open.due_on, app.today()))),
            managing_institution: self.managing.get(&handbook.managing_id).map(InstitutionName::from),
            consent_required: is_asked_again(row),
        }))
    }
}

fn name(keys: &Keys, row: &person::Model) -> Result<String, ApiError> {
    Ok(people::store::identity(keys, row)?.name)
}
