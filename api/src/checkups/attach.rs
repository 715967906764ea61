//! `POST /api/v1/handbooks/{handbook}/checkups`: a clinician attaches a checkup, during a visit or for the managing
//! institution; for 60 days after a visit, results that belong to it.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, post};
use chrono::NaiveDate;
use domain::access::{Role, Standing, Tie};
use domain::calendar::{clock_in_china, day_in_china};
use domain::catalogue::Kind;
use domain::catalogue::kind::WrittenBy;
use domain::checkup::{Bounds, admit, is_late_result};
use domain::id::{HandbookId, InstitutionId, RecordId, VisitId};
use domain::usage::Evidence;
use domain::visit::Visit;
use futures_util::future::{FutureExt, LocalBoxFuture};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::store;
use crate::access::{
    Access, AttachCheckup, AttachResult, InHandbook, first_refusal, handbook_in, is_refusal,
    must_still_be_there, tell_if_refused,
};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::audit::Event;
use crate::body::Body;
use crate::db::OneConnection;
use crate::db::entities::{handbook, visit};
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks::store::hold_to_write;
use crate::idempotency::{Attempt, Once, Work};
use crate::offices;
use crate::overrides::store::{self as overrides, NewOverride, Of};
use crate::photos::store as photos;
use crate::problem::{Code, Language};
use crate::records::Speaks;
use crate::records::accepted::Accepted;
use crate::records::form::{Sent, SubjectWord, named};
use crate::records::pointers::{must_exist, pointers};
use crate::records::setting::{Writer, judge};
use crate::records::store::{self as records, Attached};
use crate::records::written::{Written, photos_together};
use crate::session::{Caller, SignedIn, Staff, app_of};
use crate::usage::count;

/// A new checkup. The API document has a schema for every kind.
#[derive(Debug, ToSchema)]
pub struct NewCheckup {
    /// Id that the client chooses, so that it can send again; made by the server when left out.
    #[schema(value_type = Option<Uuid>)]
    pub id: Option<RecordId>,
    /// A kind of the catalogue that the caller may write.
    pub kind: String,
    /// Whom it is about.
    pub subject: SubjectWord,
    /// The civil day in China; the day that the payload names, or today, when left out.
    pub occurred_on: Option<NaiveDate>,
    /// The visit to which a late result belongs; the latest of the own institution when left out.
    #[schema(value_type = Option<Uuid>)]
    pub visit: Option<VisitId>,
    /// A handbook administrator's reason for a day before the handbook was issued.
    #[schema(min_length = 1, max_length = 500)]
    pub override_reason: Option<String>,
    /// Rules that asked (`confirm_needed`), answered yes.
    #[schema(max_items = 50)]
    pub confirmed: Option<Vec<String>>,
    /// The content, as the kind describes it.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
}

/// Guard: staff who may attach a checkup, or at least the late results of a visit.
#[derive(Debug)]
pub struct Bedside {
    staff: Staff,
    handbook: handbook::Model,
    standing: Standing,
    tie: Option<Tie>,
    visit: Option<visit::Model>,
    /// The visit is over: only its results may still come.
    late: bool,
}

impl FromRequest for Bedside {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let app = app_of(&request)?;
            let db = app.db.one_connection();
            let caller = SignedIn::of(app, &db, &request).await?;
            let id = handbook_in(&request)?;
            let judged = Self::judge(app, &db, &caller, id).await;
            db.release().await;
            tell_if_refused(app, &caller, AttachCheckup::ACTION, id, judged).await
        }
        .boxed_local()
    }
}

impl Bedside {
    async fn judge(app: &App, db: &OneConnection, caller: &Caller, id: HandbookId) -> Result<Self, ApiError> {
        match Access::<AttachCheckup>::judge(app, db, caller.clone(), id).await {
            Ok(access) => Self::from_access(access, false),
            Err(refused) if is_refusal(&refused) => {
                let late = Access::<AttachResult>::judge(app, db, caller.clone(), id).await;
                Self::from_access(late.map_err(|again| first_refusal(refused, again))?, true)
            }
            Err(failed) => Err(failed),
        }
    }

    /// The event that says that a record was attached.
    fn wrote(&self) -> Event {
        let action = if self.late { AttachResult::ACTION } else { AttachCheckup::ACTION };
        let visit = self.visit.as_ref().map(|visit| visit.id);
        self.staff.wrote(action.code()).at(self.handbook.id).through(self.tie, visit)
    }

    fn from_access<A: InHandbook>(access: Access<A>, late: bool) -> Result<Self, ApiError> {
        let staff = access.caller.staff()?.clone();
        let Access { handbook, standing, tie, visit, .. } = access;
        Ok(Self { staff, handbook, standing, tie, visit, late })
    }

    /// By what stands now that the handbook is held: whoever ended the visit or moved the handbook meanwhile is over by now.
    async fn judge_again(&self, txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<(), ApiError> {
        if held.managing_id != self.handbook.managing_id {
            return Err(ApiError::told(Code::Conflict));
        }
        must_still_be_there(txn, self.tie, self.visit.as_ref()).await
    }

    fn has(&self, tie: Tie) -> bool {
        matches!(&self.standing, Standing::Staff { ties, .. } if ties.contains(&tie))
    }
}

/// As what, and for which institution, a caller writes a kind.
struct Desk {
    role: Role,
    institution: InstitutionId,
    /// By delegation: the institution countersigns.
    delegated: bool,
}

/// What only a checkup carries.
#[derive(Default)]
struct Beside {
    visit: Option<VisitId>,
    override_reason: Option<String>,
}

/// Attach a checkup
///
/// Who may write which kind is data of the catalogue (role and agency class). The family sees it at once.
#[utoipa::path(
    tag = "checkups",
    params(("handbook" = Uuid, Path), Once),
    request_body = NewCheckup,
    responses((status = 201, description = "Attached", body = Written)),
)]
#[post("/api/v1/handbooks/{handbook}/checkups")]
pub(crate) async fn attach(
    app: Data<App>,
    bedside: Bedside,
    once: Once,
    body: Body<Map<String, Value>>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let (sent, beside) = Sent::read(&body, &app.catalogue, WrittenBy::Clinician, app.now(), |form| Beside {
        visit: form.optional("visit"),
        override_reason: form.optional("override_reason"),
    })?;
    let actor = bedside.staff.id.0;
    match once.begin(&app, actor, sent.id.map(|id| id.0), body.bytes()).await? {
        Attempt::Answered(answer) => Ok(answer),
        Attempt::New(work) => {
            let written = write(&app, &work, &bedside, &sent, &beside, language).await;
            let written = written.map_err(|err| err.of_day(&sent.day_pointer))?;
            let answer =
                work.answer(&app, bedside.wrote().record(written.id), StatusCode::CREATED, &written).await?;
            app.live.changed(bedside.handbook.id).await;
            Ok(answer)
        }
    }
}

async fn write(
    app: &App,
    work: &Work,
    bedside: &Bedside,
    sent: &Sent<'_>,
    beside: &Beside,
    language: Language,
) -> Result<Written, ApiError> {
    let txn = &work.txn;
    // Held before anything is judged by it: whoever records an outcome at the same moment comes before or after.
    let (ref handbook, now) = hold_to_write(app, txn, bedside.handbook.id).await?;
    bedside.judge_again(txn, handbook).await?;
    let desk = desk(app, txn, bedside, sent.kind).await?;
    let visit = visit_of(app, txn, bedside, sent.kind, &desk, beside.visit).await?;
    let writer = Writer::Staff(bedside.staff.id, desk.institution);
    let accepted = judge(app, txn, sent.asked(handbook, writer)).await?;
    let override_reason = override_reason(bedside, beside, accepted.unborn)?;
    let bounds = bounds(bedside, &accepted, visit.as_ref());
    admit(sent.occurred_on, bounds, override_reason.as_deref(), now)?;
    let pointed = pointers(sent.kind, &accepted.checked.payload.merged());
    must_exist(txn, handbook, &pointed.records).await?;

    let photos = photos_together(&[], pointed.photos);
    let new = accepted.new_record(handbook, sent, photos, now);
    let attached = Attached {
        staff: bedside.staff.id,
        role: desk.role.code().to_owned(),
        institution: desk.institution,
        visit: visit.map(|visit| visit.id),
        awaits_countersign_of: desk.delegated.then_some(handbook.managing_id),
        override_reason: override_reason.as_deref(),
    };
    let row = new.by_clinician(&app.keys, attached).map_err(ApiError::Internal)?;
    let (id, hanging) = (row.id, row.photos.0.clone());
    if !records::insert(txn, row).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    // A signature is drawn on the family's phone: it may be anybody's photo of this handbook that hangs on nothing.
    if !photos::attach(txn, handbook.id, None, id, &hanging).await? {
        return Err(super::not_a_signature());
    }
    after_writing(app, txn, handbook, sent.kind, &accepted).await?;
    if override_reason.is_some() {
        let overridden = NewOverride {
            handbook: handbook.id,
            region: handbook.region_code,
            of: Of::Checkup(id),
            institution: desk.institution,
            staff: bedside.staff.id,
        };
        overrides::keep(txn, overridden, now).await?;
    }
    let warnings = &accepted.checked.warnings;
    alerts::raise(app, txn, handbook.id, id, Some(desk.institution), warnings).await?;
    count::evidence(txn, handbook, Evidence::Checkup, now).await?;
    Ok(Written::to_clinician((id, 1), warnings, language))
}

/// What follows from a checkup beside its row: an assessment grades the pregnancy.
async fn after_writing(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: &handbook::Model,
    kind: &Kind,
    accepted: &Accepted,
) -> Result<(), ApiError> {
    match accepted.pregnancy.filter(|_| kind.key == store::RISK_ASSESSMENT) {
        Some(pregnancy) => store::grade_pregnancy(txn, &app.keys, handbook.id, pregnancy).await,
        None => Ok(()),
    }
}

/// Who may write which kind is data; a delegated subject is written about for the institution that delegated.
async fn desk(
    app: &App,
    db: &impl ConnectionTrait,
    bedside: &Bedside,
    kind: &Kind,
) -> Result<Desk, ApiError> {
    let staff = &bedside.staff;
    let delegation = if bedside.has(Tie::Delegated) {
        store::delegation_to(db, bedside.handbook.id, staff.id).await?
    } else {
        None
    };
    // Who is tied by more than a delegation writes for the own institution.
    let by_delegation = bedside.tie == Some(Tie::Delegated);
    let institution = match &delegation {
        Some(delegation) if by_delegation => delegation.institution_id,
        _ => staff.institution()?,
    };
    let row = offices::institutions::store::find(db, institution).await?;
    let classes = row.map(|row| row.classes.0.into_iter().collect()).unwrap_or_default();
    let grant = app.catalogue.may_write(&staff.roles, &classes, &kind.key);
    match grant.filter(|grant| !grant.delegated || by_delegation) {
        Some(grant) => Ok(Desk { role: grant.role, institution, delegated: grant.delegated }),
        None => Err(named(Code::KindNotAllowed, kind)),
    }
}

/// The visit during which a checkup is written, or to which a late result belongs.
async fn visit_of(
    app: &App,
    db: &impl ConnectionTrait,
    bedside: &Bedside,
    kind: &Kind,
    desk: &Desk,
    named: Option<VisitId>,
) -> Result<Option<visit::Model>, ApiError> {
    let now = app.now();
    let visit = match named {
        Some(id) => Some(named_visit(db, bedside.handbook.id, desk.institution, id).await?),
        None => bedside.visit.clone(),
    };
    let span =
        |visit: &visit::Model| Visit { kind: visit.kind, opened_at: visit.opened_at, ends_at: visit.ends_at };
    let over =
        |visit: &visit::Model| ApiError::with(Code::VisitOver, "ended_at", clock_in_china(visit.ends_at));
    if let Some(visit) = &visit
        && bedside.late
        && !(is_late_result(&kind.key) && span(visit).takes_late_results(now))
    {
        return Err(over(visit));
    }
    // The managing institution writes without a visit too: one that is over is not the one it writes in.
    Ok(visit.filter(|visit| bedside.late || named.is_some() || span(visit).is_open(now)))
}

async fn named_visit(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    institution: InstitutionId,
    id: VisitId,
) -> Result<visit::Model, ApiError> {
    store::visit(db, handbook, institution, id).await?.ok_or_else(|| {
        ApiError::field(
            "/visit",
            "unknown_visit",
            "本机构没有这次就诊。",
            "The own institution has no such visit.",
        )
    })
}

fn override_reason(bedside: &Bedside, beside: &Beside, unborn: bool) -> Result<Option<String>, ApiError> {
    let Some(reason) = &beside.override_reason else { return Ok(None) };
    if !bedside.staff.is(Role::HandbookAdministrator) {
        return Err(ApiError::told(Code::OverrideNotAllowed));
    }
    let mut form = Form::default();
    let reason = form.remark("/override_reason", reason, &REMARK);
    form.done()?;
    reason.checked(unborn).map(Some)
}

fn bounds(bedside: &Bedside, accepted: &Accepted, visit: Option<&visit::Model>) -> Bounds {
    let dose = accepted.checked.lifted.dose.as_ref();
    Bounds {
        issued_on: bedside.handbook.issued_on,
        born_on: accepted.born_on,
        visited_on: visit.filter(|_| bedside.late).map(|visit| day_in_china(visit.opened_at)),
        transcribed: dose.is_some_and(|dose| dose.transcribed),
    }
}
