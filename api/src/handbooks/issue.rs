//! `POST /api/v1/handbooks`: a desk gives a handbook to a woman or a child.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::access::{OfficeAction, Role};
use domain::calendar::Month;
use domain::consent::Purpose;
use domain::handbook::identity::Grip;
use domain::handbook::issuing::IssueKind;
use domain::handbook::number::HandbookNumber;
use domain::handbook::{EDITION, Group, State};
use domain::id::{ChildId, HandbookId, InstitutionId, IssuanceId, PersonId, PregnancyId};
use domain::institution::{ReportColumn, column_of};
use domain::pregnancy::{BIRTH_GESTATION_DAYS, Dates};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::desk::Desk;
use super::form::{IssueRequest, Order};
use super::print::{Bearer, Slip, link};
use super::refused::watched;
use super::{InstitutionName, store};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::children::store::{ChildPlace, already_has, is_known, keep_child};
use crate::db::entities::{ExplainedList, handbook, issuance, person};
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once, Txn};
use crate::keys::{Place, places};
use crate::notices::{self, Kind};
use crate::overrides::store::{self as overrides, NewOverride, Of};
use crate::people;
use crate::people::keep::{PersonOnForm, keep, known};
use crate::pregnancies;
use crate::problem::Code;
use crate::session::Staff;
use crate::usage;

/// A handbook that was issued.
#[derive(Debug, Serialize, ToSchema)]
pub struct Issued {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: HandbookId,
    /// Number, 16 digits.
    pub number: String,
    /// The number as it is printed: `510903-26-0000017-4`.
    pub printed_number: String,
    /// `issued`.
    #[schema(value_type = String)]
    pub state: State,
    /// To whom it was issued.
    #[schema(value_type = String)]
    pub group: Group,
    /// `issue`, or `reissue` for a child that had none.
    #[schema(value_type = String)]
    pub kind: IssueKind,
    /// Column of the report in which the issue counts.
    #[schema(value_type = String)]
    pub report_column: ReportColumn,
    /// The institution that answers for the subjects' plan.
    pub managing_institution: InstitutionName,
    /// The link in the code on the cover.
    pub printed_code: String,
    /// The claim slip, if one was asked for; its code is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slip: Option<Slip>,
    /// The pregnancy, if there is one.
    #[schema(value_type = Option<Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pregnancy: Option<PregnancyId>,
    /// The children, in the order of the form.
    #[schema(value_type = Vec<Uuid>)]
    pub children: Vec<ChildId>,
    /// Version of the handbook.
    pub version: i32,
}

/// Issue a handbook
///
/// To a woman who plans a pregnancy, a pregnant woman, or a child that has none. A second one for the same pregnancy or
/// child is refused with the number of the first.
#[utoipa::path(
    tag = "handbooks",
    params(Once),
    request_body = IssueRequest,
    responses(
        (status = 201, description = "Issued", body = Issued),
        (status = 409, description = "There is a live handbook (`already_has_handbook`), with its number where the desk may find it; the name differs from what another institution recorded (`identity_differs`); or an id is used"),
        (status = 429, description = "Twenty refused issues in an hour (`too_many_tries`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/handbooks")]
pub(crate) async fn issue(
    app: Data<App>,
    office: Office<office::IssueHandbook>,
    once: Once,
    body: Body<IssueRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let desk = Desk::of(&app, &office.staff).await?;
    desk.right.check(request.group)?;
    if request.override_reason.is_some() && !office.staff.is(Role::HandbookAdministrator) {
        return Err(ApiError::told(Code::OverrideNotAllowed));
    }
    if request.slip_to_woman && !office.staff.is(Role::HandbookAdministrator) {
        return Err(ApiError::told(Code::Forbidden));
    }
    let order = request.check(app.today())?;

    let actor = office.staff.id.0;
    if let Some(answer) = once.answered(&app, actor, request.id.map(|id| id.0), body.bytes()).await? {
        return Ok(answer);
    }
    let work = hand_over(&app, &office, &desk, request.id, &order, &once, body.bytes());
    watched(&app, &office.staff, OfficeAction::IssueHandbook.code(), work).await
}

async fn hand_over(
    app: &App,
    office: &Office<office::IssueHandbook>,
    desk: &Desk,
    id: Option<HandbookId>,
    order: &Order,
    once: &Once,
    bytes: &[u8],
) -> Result<HttpResponse, ApiError> {
    let work = match once.begin(app, office.staff.id.0, id.map(|id| id.0), bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let id = id.unwrap_or_else(|| HandbookId(Uuid::now_v7()));
    let mut desk_work = Issue { app, txn: &work.txn, desk, staff: &office.staff, told: Vec::new() };
    let issued = desk_work.hand_out(id, order).await?;
    let told = desk_work.told;

    let answer = work.answer(app, office.wrote().at(issued.id), StatusCode::CREATED, &issued).await?;
    for handbook in told {
        app.live.changed(handbook).await;
    }
    Ok(answer)
}

/// An issue at work.
struct Issue<'a> {
    app: &'a App,
    txn: &'a Txn,
    desk: &'a Desk,
    staff: &'a Staff,
    /// Other handbooks whose families were told that identity changed.
    told: Vec<HandbookId>,
}

impl Issue<'_> {
    async fn hand_out(&mut self, id: HandbookId, order: &Order) -> Result<Issued, ApiError> {
        let (app, txn, desk) = (self.app, self.txn, self.desk);
        if !store::is_address(txn, order.region).await? {
            return Err(ApiError::with(Code::UnknownRegion, "code", order.region));
        }
        let managing = store::managing_at(txn, order.region).await?;
        let managing = managing.ok_or_else(|| ApiError::told(Code::NoManagingInstitution))?;
        self.refuse_used_ids(id, order).await?;
        let number = store::next_number(txn, desk.county(), year(app)).await?;

        let woman = self.keep_woman(order).await?;
        let slip = order.slip.map(|_| Slip::new(app.now()));
        let row = self.row(id, &number, order, woman, managing.id, slip.as_ref());
        self.refuse_second(order, woman).await?;
        if !store::insert(txn, &row).await? {
            return Err(self.taken(&row).await?);
        }
        if let Some(form) = &order.woman {
            store::set_contact(txn, &app.keys, id, form.identity.phone.as_deref()).await?;
        }
        let pregnancy = self.keep_pregnancy(id, order).await?;
        let place = ChildPlace { handbook: &row, pregnancy: None, desk: Some(desk.institution.id) };
        let mut children = Vec::new();
        for form in &order.children {
            children.push(keep_child(app, txn, place, form).await?.id);
        }
        let issuance = self.keep_issuance(&row, order).await?;

        Ok(Issued {
            id,
            number: number.as_str().to_owned(),
            printed_number: number.printed(),
            state: row.state,
            group: row.issued_group,
            kind: issuance.kind,
            report_column: issuance.report_column,
            managing_institution: InstitutionName::from(&managing),
            printed_code: link(app, &row),
            slip,
            pregnancy,
            children,
            version: row.version,
        })
    }

    /// The woman of the form. Families of other handbooks of hers are told when what is known of her changed, and when a desk
    /// that does not answer for them issues her another.
    async fn keep_woman(&mut self, order: &Order) -> Result<Option<PersonId>, ApiError> {
        let Some(form) = &order.woman else { return Ok(None) };
        let (app, txn, now) = (self.app, self.txn, self.app.now());
        let (known, others) = self.hold_others(form).await?;
        let others: Vec<&handbook::Model> = others.iter().collect();
        let answers = store::answers_for(txn, Some(self.desk.institution.id), &others, now).await?;
        let grip = Grip::at_issue(order.group, answers);
        if let Some(known) = &known {
            let identity = people::store::identity(&app.keys, known)?;
            // Who knows a number alone must not come to a cover of hers by it.
            if grip == Grip::Elsewhere && identity.name != form.identity.name {
                return Err(ApiError::told(Code::IdentityDiffers));
            }
            store::settle_contacts(txn, &app.keys, &others, identity.phone.as_deref()).await?;
        }
        let kept = keep(txn, &app.keys, form, grip, now).await?;
        let told = match grip {
            Grip::Elsewhere => Some(Kind::IssuedElsewhere),
            Grip::Answers | Grip::AnswersForChild => kept.was_refreshed.then_some(Kind::IdentityCorrected),
        };
        if let Some(kind) = told {
            for other in others {
                let by = Some(self.desk.institution.id);
                notices::store::tell(txn, other.id, kind, by, None, now).await?;
                self.told.push(other.id);
            }
        }
        Ok(Some(kept.row.id))
    }

    /// The woman of the form as she is known, with the live handbooks that she has. Whoever corrects or moves a woman takes
    /// hold of her handbook first and then changes her row; in that order here too, and one handbook after the other by id,
    /// so that nobody waits crosswise.
    async fn hold_others(
        &self,
        form: &PersonOnForm,
    ) -> Result<(Option<person::Model>, Vec<handbook::Model>), ApiError> {
        let Some(woman) = known(self.txn, &self.app.keys, form).await? else { return Ok((None, Vec::new())) };
        let others = store::live_of_women(self.txn, [woman.id]).await?;
        let in_order: BTreeSet<_> = others.iter().map(|other| other.id).collect();
        let mut held = Vec::new();
        for other in in_order {
            held.push(store::hold(self.txn, other).await?);
        }
        held.retain(|other| other.state.is_live() && other.woman_id == Some(woman.id));
        // As she is now: whoever held one of them before may have corrected her.
        Ok((people::store::by_id(self.txn, woman.id).await?, held))
    }

    fn row(
        &self,
        id: HandbookId,
        number: &HandbookNumber,
        order: &Order,
        woman: Option<PersonId>,
        managing: InstitutionId,
        slip: Option<&Slip>,
    ) -> handbook::Model {
        handbook::Model {
            id,
            number: number.as_str().to_owned(),
            state: State::Issued,
            issued_group: order.group,
            region_code: order.region,
            woman_id: woman,
            expecting_id: woman.filter(|_| order.group != Group::Child),
            woman_died_on: None,
            issued_on: self.app.today(),
            issued_by: self.desk.institution.id,
            managing_id: managing,
            slip_hash: slip.map(|slip| slip.hash(&self.app.keys)),
            slip_expires_at: slip.map(|slip| slip.expires_at),
            slip_relation: order.slip.and_then(Bearer::relation),
            slip_member_id: None,
            printed_serial: 1,
            first_used_at: None,
            change_seq: 0,
            counts_as: id,
            closed_at: None,
            close_reason: None,
            successor_id: None,
            created_at: self.app.now(),
            version: 1,
            shares_entries: Some(Purpose::ShareEntries.version().to_owned()),
            child_agreed: Some(Purpose::Child.version().to_owned()),
            family_left_at: None,
            blocked_until: None,
            erased_at: None,
            written_at: None,
        }
    }

    /// Ids of the client's that are used are told before anybody is looked up: else a form with one of them would ask who has a
    /// handbook and never issue one.
    async fn refuse_used_ids(&self, id: HandbookId, order: &Order) -> Result<(), ApiError> {
        let mut is_used = store::by_id(self.txn, id).await?.is_some();
        if let Some((Some(id), ..)) = order.pregnancy {
            is_used |= pregnancies::store::is_known(self.txn, id).await?;
        }
        for id in order.children.iter().filter_map(|child| child.id) {
            is_used |= is_known(self.txn, id).await?;
        }
        if is_used { Err(ApiError::told(Code::IdInUse)) } else { Ok(()) }
    }

    /// One live handbook per pregnancy. A newborn whose mother's handbook still waits for its birth has one too.
    async fn refuse_second(&self, order: &Order, woman: Option<PersonId>) -> Result<(), ApiError> {
        let Some(woman) = woman else { return Ok(()) };
        let Some(waiting) = store::expecting(self.txn, woman).await? else { return Ok(()) };
        if order.group != Group::Child || self.waits_for(&waiting, order).await? {
            return Err(already_has(&waiting));
        }
        Ok(())
    }

    /// Whether one of the children was born of the pregnancy that is open in this handbook.
    async fn waits_for(&self, waiting: &handbook::Model, order: &Order) -> Result<bool, ApiError> {
        let pregnancies = pregnancies::store::of_handbook(self.txn, waiting.id).await?;
        let Some(open) = pregnancies.iter().find(|pregnancy| pregnancy.outcome.is_none()) else {
            return Ok(false);
        };
        let at_birth = |born_on| Dates::gestational_days(open.due_on, born_on);
        let possible = i64::from(*BIRTH_GESTATION_DAYS.start())..=i64::from(*BIRTH_GESTATION_DAYS.end());
        Ok(order.children.iter().any(|child| possible.contains(&at_birth(child.person.born_on))))
    }

    /// Why the handbook was not kept: somebody else was faster, or its id is used.
    async fn taken(&self, row: &handbook::Model) -> Result<ApiError, ApiError> {
        let first = match row.expecting_id {
            Some(woman) => store::expecting(self.txn, woman).await?,
            None => None,
        };
        Ok(first.map_or_else(|| ApiError::told(Code::IdInUse), |first| already_has(&first)))
    }

    async fn keep_pregnancy(
        &self,
        handbook: HandbookId,
        order: &Order,
    ) -> Result<Option<PregnancyId>, ApiError> {
        let Some((id, dates, fetuses)) = order.pregnancy else { return Ok(None) };
        let row = pregnancies::store::insert(self.txn, id, handbook, dates, fetuses, self.app.now()).await?;
        Ok(Some(row.id))
    }

    async fn keep_issuance(&self, row: &handbook::Model, order: &Order) -> Result<issuance::Model, ApiError> {
        let (agency_class, report_column) = column_of(order.group, &self.desk.classes());
        let id = IssuanceId(Uuid::now_v7());
        let seal = |reason: &String| {
            self.app
                .keys
                .seal(Place::new(places::ISSUANCE_OVERRIDE_REASON, id.0), reason)
                .map_err(ApiError::Internal)
        };
        let issuance = issuance::Model {
            id,
            handbook_id: row.id,
            kind: IssueKind::of(order.group),
            institution_id: self.desk.institution.id,
            staff_id: self.staff.id,
            region_code: self.desk.institution.region_code,
            issued_group: order.group,
            agency_class,
            report_column,
            edition: EDITION.to_owned(),
            explained: ExplainedList(order.explained.clone()),
            override_reason: order.override_reason.as_ref().map(seal).transpose()?,
            issued_at: self.app.now(),
            issued_in: Month::of(self.app.today()),
        };
        store::keep_issuance(self.txn, &issuance).await?;
        usage::count::issued(self.txn, &issuance).await?;
        if issuance.override_reason.is_some() {
            let overridden = NewOverride {
                handbook: row.id,
                region: row.region_code,
                of: Of::Issue(id),
                institution: issuance.institution_id,
                staff: issuance.staff_id,
            };
            overrides::keep(self.txn, overridden, issuance.issued_at).await?;
        }
        Ok(issuance)
    }
}

/// The year that stands in the numbers of today.
pub fn year(app: &App) -> i32 {
    Month::of(app.today()).year()
}
