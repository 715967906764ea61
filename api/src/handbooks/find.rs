//! `POST /api/v1/handbooks/find`: a desk looks for a handbook by exact number, ID number or phone. A POST, so that nothing
//! personal stands in an address or a log.

use std::ops::RangeInclusive;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{NaiveDate, TimeDelta};
use domain::access::{Action, OfficeAction, Role, Tie, Verdict, may};
use domain::audit::Kind;
use domain::disclosure::PersonList;
use domain::handbook::number::HandbookNumber;
use domain::handbook::{Group, State};
use domain::id::HandbookId;
use domain::person::{mask_id_number, mask_name, mask_phone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InstitutionName, store};
use crate::access::{Office, facts, log, office};
use crate::app::App;
use crate::audit::Events;
use crate::body::Body;
use crate::children::store as children;
use crate::db::entities::{handbook, person};
use crate::disclosures;
use crate::error::ApiError;
use crate::form::Form;
use crate::people;
use crate::pregnancies::store as pregnancies;
use crate::session::{Caller, Staff};
use crate::tries::Limit;

/// Look-ups that find nothing, by account: a busy desk has some, who tries numbers has many.
const MISSES: Limit = Limit { purpose: "find_miss", most: 120, pause: TimeDelta::hours(1) };

/// Most handbooks that a look-up gives.
const MOST: usize = 20;

/// What to look for: one of the three, in full.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindRequest {
    /// Handbook number; hyphens and spaces do not count.
    pub number: Option<String>,
    /// ID number of the woman or a child.
    pub id_number: Option<String>,
    /// Phone of the woman or guardian.
    pub phone: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundHandbooks {
    /// At most 20, the latest first.
    pub items: Vec<FoundHandbook>,
}

/// One handbook with masked people.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundHandbook {
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
    /// Day of issue.
    pub issued_on: NaiveDate,
    /// Due date of the open pregnancy.
    pub due_date: Option<NaiveDate>,
    /// The woman or guardian, masked.
    pub woman: Option<MaskedPerson>,
    /// The children, masked.
    pub children: Vec<MaskedPerson>,
    /// Managing institution; with its phone where the caller may open the handbook.
    pub managing_institution: Option<InstitutionName>,
    /// The handbook that replaced this one.
    #[schema(value_type = Option<Uuid>)]
    pub successor: Option<HandbookId>,
    /// Whether the caller may open it.
    pub may_open: bool,
}

/// A person in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct MaskedPerson {
    /// Family name and stars.
    pub name: Option<String>,
    /// First and last four of the ID number.
    pub id_number: Option<String>,
    /// First three and last four of the phone.
    pub phone: Option<String>,
    /// Birth date of a child.
    pub birth_date: Option<NaiveDate>,
}

/// Find handbooks by number, ID number or phone
///
/// Exact match only. Gives what lies in the caller's county (a township office: its township) or was issued or is managed
/// by the caller's institution; people are masked, and every result stands in the access log, every look-up in
/// the audit log.
#[utoipa::path(
    tag = "handbooks",
    request_body = FindRequest,
    responses(
        (status = 200, description = "What was found", body = FoundHandbooks),
        (status = 429, description = "Found nothing 120 times in an hour (`too_many_tries`), or as many people seen as an account is shown in a day (`too_many_lines`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/handbooks/find")]
pub(crate) async fn find(
    app: Data<App>,
    office: Office<office::FindHandbook>,
    body: Body<FindRequest>,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::read(&body.parse()?)?;
    let attempt = MISSES.begin(&app, office.staff.id.0).await?;
    let caller = Caller::Staff(office.staff.clone());
    let mut items = Vec::new();
    let mut reads = Vec::new();
    let found = wanted.look(&app).await?.into_iter().filter(|found| found.blocked_until.is_none());
    // Cut last: what lies elsewhere hides nothing that lies here.
    for handbook in found.filter(|found| in_scope(&office.staff, found)).take(MOST) {
        let tie = tie(&app, &caller, &handbook).await?;
        let read = log::Read {
            handbook: handbook.id,
            action: Action::ReadCover,
            tie: tie.or(Some(Tie::InRegion)),
            visit: None,
        };
        reads.push(read);
        items.push(masked(&app, &handbook, tie.is_some()).await?);
    }
    if items.is_empty() {
        // Who was not found was looked for all the same.
        let looked = office.staff.event(Kind::Read, OfficeAction::FindHandbook.code());
        Events::from(looked).write(app.db.write(), app.now()).await?;
    } else {
        // Whoever used up the day is told nothing: it counts as a miss, and the log says whom they asked for.
        let shown = reads.iter().map(|read| read.handbook);
        let counted = disclosures::store::count_shown(&app, &office.staff, PersonList::Found, shown).await;
        if let Err(refused) = counted {
            let asked = |read: &log::Read| {
                office.staff.event(Kind::Refused, OfficeAction::FindHandbook.code()).at(read.handbook)
            };
            for asked_for in &reads {
                Events::from(asked(asked_for)).write(app.db.write(), app.now()).await?;
            }
            return Err(refused);
        }
        attempt.take_back(app.db.write()).await?;
        log::write(&app, &office.staff, &reads).await?;
    }
    Ok(HttpResponse::Ok().json(FoundHandbooks { items }))
}

/// What is looked for, checked.
enum Wanted {
    Number(HandbookNumber),
    IdNumber(domain::person::IdNumber),
    Phone(domain::person::Phone),
}

impl Wanted {
    fn read(request: &FindRequest) -> Result<Self, ApiError> {
        let FindRequest { number, id_number, phone } = request;
        if [number, id_number, phone].into_iter().flatten().count() != 1 {
            return Err(ApiError::field(
                "",
                "one_of",
                "请填写手册编号、身份证号、手机号中的一项。",
                "Give one of number, id_number and phone.",
            ));
        }
        let mut form = Form::default();
        let number = form.handbook_number("/number", number.as_deref()).map(Self::Number);
        let id_number = form.id_number("/id_number", id_number.as_deref()).map(Self::IdNumber);
        let phone = form.phone("/phone", phone.as_deref()).map(Self::Phone);
        form.end(number.or(id_number).or(phone))
    }

    async fn look(&self, app: &App) -> Result<Vec<handbook::Model>, ApiError> {
        let db = app.db.read();
        let people: Vec<person::Model> = match self {
            Self::Number(number) => return Ok(store::by_number(db, number).await?.into_iter().collect()),
            Self::IdNumber(number) => {
                people::store::by_id_number(db, &app.keys, number).await?.into_iter().collect()
            }
            Self::Phone(phone) => people::store::by_phone(db, &app.keys, phone).await?,
        };
        let ids = || people.iter().map(|person| person.id);
        let mut found = store::of_women(db, ids()).await?;
        let as_children = children::of_people(db, ids()).await?;
        found.extend(
            store::by_ids(db, as_children.iter().map(|child| child.handbook_id)).await?.into_values(),
        );
        found.sort_by_key(|handbook| std::cmp::Reverse((handbook.created_at, handbook.id)));
        found.dedup_by_key(|handbook| handbook.id);
        Ok(found)
    }
}

/// Where the caller may look: a handbook administrator in the county of the institution, an office in its region; and
/// whatever the own institution issued or manages.
pub(super) fn in_scope(staff: &Staff, handbook: &handbook::Model) -> bool {
    let is_own = |id| staff.institution == Some(id);
    reach(staff).contains(&handbook.region_code.0)
        || is_own(handbook.issued_by)
        || is_own(handbook.managing_id)
}

fn reach(staff: &Staff) -> RangeInclusive<i64> {
    if staff.is(Role::HandbookAdministrator) {
        staff.region.widened_to_county().range()
    } else {
        staff.region.range()
    }
}

/// The tie by which the caller may open the handbook, if they may.
async fn tie(app: &App, caller: &Caller, handbook: &handbook::Model) -> Result<Option<Tie>, ApiError> {
    let found = facts::of(app, app.db.read(), caller, handbook.id).await?;
    Ok(match found.map(|found| may(&found.standing, Action::ReadCover)) {
        Some(Verdict::Allowed(tie)) => tie,
        _ => None,
    })
}

async fn masked(app: &App, handbook: &handbook::Model, may_open: bool) -> Result<FoundHandbook, ApiError> {
    let db = app.db.read();
    let woman = match handbook.woman_id {
        Some(id) => people::store::by_id(db, id).await?,
        None => None,
    };
    let children = children::with_people(db, [handbook.id]).await?;
    let pregnancies = pregnancies::of_handbook(db, handbook.id).await?;
    let managing = store::institutions(db, [handbook.managing_id]).await?;
    let managing = managing.get(&handbook.managing_id).map(InstitutionName::from);
    Ok(FoundHandbook {
        id: handbook.id,
        number: handbook.number.clone(),
        state: handbook.state,
        group: handbook.issued_group,
        issued_on: handbook.issued_on,
        due_date: pregnancies.iter().find(|row| row.outcome.is_none()).map(|row| row.due_on),
        woman: woman.map(|row| mask(app, &row, None)).transpose()?,
        children: children
            .iter()
            .map(|(child, row)| mask(app, row, Some(child.born_on)))
            .collect::<Result<_, _>>()?,
        managing_institution: if may_open { managing } else { managing.map(InstitutionName::without_phone) },
        successor: handbook.successor_id,
        may_open,
    })
}

fn mask(app: &App, row: &person::Model, birth_date: Option<NaiveDate>) -> Result<MaskedPerson, ApiError> {
    let identity = people::store::identity(&app.keys, row)?;
    Ok(MaskedPerson {
        name: Some(mask_name(&identity.name)).filter(|name| !name.is_empty()),
        id_number: identity.id_number.as_deref().map(mask_id_number),
        phone: identity.phone.as_deref().map(mask_phone),
        birth_date,
    })
}
