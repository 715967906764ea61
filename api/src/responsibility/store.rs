//! Rows that somebody answers for, gathered from the tables of the features that write them, and those of what went to
//! another institution with its handbook.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::access::{Action, Role};
use domain::consent::Purpose;
use domain::id::{AlertId, ChildId, HandbookId, HandoverId, InstitutionId, RecordId, StaffId, VisitId};
use domain::record::{RecordState, Source, Subject, SubjectKind};
use domain::responsibility::{DANGER_SIGN_WITHIN, Duty, Ending, end_of_day, review_by};
use domain::visit::{LATE_RESULTS, VisitKind};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

use crate::checkups::store::RISK_ASSESSMENT;
use crate::consents::store::sharing;
use crate::db::entities::{
    alert, break_glass, consent_event, correction_request, delegation, desk_act, duty_handover, handbook,
    record, record_version, rule_override, staff, visit,
};
use crate::db::rows_in;
use crate::records::store::subject_of;

/// One duty as the rows say it, as far as one institution answers for it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Id of the row that asks for it.
    pub id: Uuid,
    /// What it is.
    pub duty: Duty,
    /// What was done at the desk, where it is that.
    pub act: Option<Action>,
    /// About whom; none where it is about the handbook.
    pub subject: Option<Subject>,
    /// When it was known.
    pub since: DateTime<Utc>,
    /// Who of the staff knew it first: who wrote the record, opened the access, set the rule aside, delegated.
    pub known_by: Option<StaffId>,
    /// Who answers for it; none where the county does.
    pub institution: Option<InstitutionId>,
    /// The role that answers for it.
    pub role: Role,
    /// By when.
    pub due_by: Option<DateTime<Utc>>,
    /// When it was done.
    pub done_at: Option<DateTime<Utc>>,
    /// Who did it, or to whom it is delegated.
    pub done_by: Option<StaffId>,
    /// How it ended otherwise.
    pub ending: Option<Ending>,
    /// The record that it is about; none that the family hides.
    pub record: Option<RecordId>,
    /// The visit that it is about.
    pub visit: Option<VisitId>,
}

impl Line {
    fn of(id: impl Into<Uuid>, duty: Duty, since: DateTime<Utc>, role: Role) -> Self {
        Self {
            id: id.into(),
            duty,
            act: None,
            subject: None,
            since,
            known_by: None,
            institution: None,
            role,
            due_by: None,
            done_at: None,
            done_by: None,
            ending: None,
            record: None,
            visit: None,
        }
    }

    /// Whether it was to be done at an instant, or was handed over after it.
    fn waited_at(&self, at: DateTime<Utc>) -> bool {
        match self.ending {
            Some(Ending::HandedOver(handed_over)) => handed_over >= at,
            Some(Ending::Ended(_)) => false,
            None => self.done_at.is_none(),
        }
    }

    /// Whether it ever waited for who it is told of: what a family hid before a transfer never does for the other institution.
    pub fn ever_waited(&self) -> bool {
        self.ending.is_none_or(|ending| ending.at() >= self.since)
    }

    /// What is left of it to who took it over.
    fn after_handover(self, by: &duty_handover::Model) -> Self {
        Self { id: by.id.into(), since: by.at, institution: Some(by.to_institution_id), ..self }
    }

    /// What it was to who handed it over.
    fn before_handover(self, by: &duty_handover::Model) -> Self {
        Self {
            institution: Some(by.from_institution_id),
            done_at: None,
            done_by: None,
            ending: Some(Ending::HandedOver(by.at)),
            ..self
        }
    }
}

/// The place of the last line that was seen.
type Seen = Option<(DateTime<Utc>, Uuid)>;

/// Which lines are asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Of this handbook.
    pub handbook: &'a handbook::Model,
    /// About whom; else about everybody and the handbook itself.
    pub subject: Option<Subject>,
    /// After this one.
    pub seen: Seen,
    /// At most so many.
    pub limit: u64,
}

/// Everything that somebody answers for in a handbook, the newest first. Each table is asked for one page at most; what is
/// due by the plan (`PlanItem`) joins here as one more of them.
pub async fn newest(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let mut lines = danger_signs(db, asked).await?;
    lines.extend(taken_over(db, asked).await?);
    lines.extend(overrides(db, asked).await?);
    lines.extend(records(db, asked).await?);
    lines.extend(corrections(db, asked).await?);
    if asked.subject.is_none() {
        lines.extend(emergencies(db, asked).await?);
        lines.extend(delegations(db, asked).await?);
        lines.extend(desk_acts(db, asked).await?);
    }
    lines.sort_unstable_by_key(|line| std::cmp::Reverse((line.since, line.id)));
    lines.truncate(usize::try_from(asked.limit).unwrap_or(usize::MAX));
    tell_of_records(db, asked.handbook, &mut lines).await?;
    Ok(lines)
}

/// The rows of a table before the last line that was seen, the newest first.
fn page<E: EntityTrait>(
    rows: Select<E>,
    (at, id): (impl ColumnTrait, impl ColumnTrait),
    asked: &Asked<'_>,
) -> Select<E> {
    let rows = match asked.seen {
        Some((seen_at, seen_id)) => rows.filter(
            Condition::any()
                .add(at.lt(seen_at))
                .add(Condition::all().add(at.eq(seen_at)).add(id.lt(seen_id))),
        ),
        None => rows,
    };
    rows.order_by_desc(at).order_by_desc(id).limit(asked.limit)
}

/// The rows of a table whose record is about whom it is asked.
fn about<E: EntityTrait>(rows: Select<E>, record_id: impl ColumnTrait, asked: &Asked<'_>) -> Select<E> {
    let Some(subject) = asked.subject else { return rows };
    let mut records = record::Entity::find()
        .select_only()
        .column(record::Column::Id)
        .filter(record::COLUMN.handbook_id.eq(asked.handbook.id))
        .filter(record::COLUMN.subject.eq(subject.kind()));
    if let Some(child) = subject.child() {
        records = records.filter(record::Column::ChildId.eq(child));
    }
    rows.filter(record_id.in_subquery(records.into_query()))
}

async fn danger_signs(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook = alert::Entity::find().filter(alert::COLUMN.handbook_id.eq(asked.handbook.id));
    let rows = about(of_handbook, alert::Column::RecordId, asked);
    let rows = page(rows, (alert::Column::RaisedAt, alert::Column::Id), asked).all(db).await?;
    until_handed_over(db, rows.iter().map(of_alert).collect()).await
}

fn of_alert(row: &alert::Model) -> Line {
    Line {
        institution: Some(row.institution_id),
        due_by: Some(row.raised_at + DANGER_SIGN_WITHIN),
        done_at: row.answered_at,
        done_by: row.answered_by,
        record: Some(row.record_id),
        ..Line::of(row.id, Duty::DangerSign, row.raised_at, Role::Clinician)
    }
}

async fn emergencies(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook = visit::Entity::find()
        .filter(visit::COLUMN.handbook_id.eq(asked.handbook.id))
        .filter(visit::COLUMN.kind.eq(VisitKind::BreakGlass));
    let visits = page(of_handbook, (visit::Column::OpenedAt, visit::Column::Id), asked).all(db).await?;
    let ids = visits.iter().map(|visit| visit.id);
    let reviews = rows_in(db, break_glass::Entity::find(), break_glass::Column::VisitId, ids).await?;
    let reviews: HashMap<_, _> = reviews.into_iter().map(|row| (row.visit_id, row)).collect();
    let line = |visit: visit::Model| {
        let review = reviews.get(&visit.id);
        Line {
            known_by: Some(visit.staff_id),
            due_by: Some(review_by(visit.opened_at)),
            done_at: review.and_then(|review| review.reviewed_at),
            done_by: review.and_then(|review| review.reviewed_by),
            visit: Some(visit.id),
            ..Line::of(visit.id, Duty::EmergencyReview, visit.opened_at, Role::CountyMch)
        }
    };
    Ok(visits.into_iter().map(line).collect())
}

async fn overrides(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook =
        rule_override::Entity::find().filter(rule_override::COLUMN.handbook_id.eq(asked.handbook.id));
    let rows = about(of_handbook, rule_override::Column::RecordId, asked);
    let place = (rule_override::Column::MadeAt, rule_override::Column::Id);
    let rows = page(rows, place, asked).all(db).await?;
    let line = |row: rule_override::Model| Line {
        known_by: Some(row.staff_id),
        done_at: row.reviewed_at,
        done_by: row.reviewed_by,
        record: row.record_id,
        ..Line::of(row.id, Duty::OverrideReview, row.made_at, Role::CountyMch)
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn delegations(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook = delegation::Entity::find().filter(delegation::COLUMN.handbook_id.eq(asked.handbook.id));
    let place = (delegation::Column::CreatedAt, delegation::Column::Id);
    let rows = page(of_handbook, place, asked).all(db).await?;
    let line = |row: delegation::Model| Line {
        known_by: Some(row.created_by),
        institution: Some(row.institution_id),
        done_at: row.ended_at,
        done_by: Some(row.staff_id),
        ..Line::of(row.id, Duty::Delegation, row.created_at, Role::VillageWorker)
    };
    Ok(rows.into_iter().map(line).collect())
}

/// What was done at a desk, a transfer among it, was done when it was known.
async fn desk_acts(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook = desk_act::Entity::find().filter(desk_act::COLUMN.handbook_id.eq(asked.handbook.id));
    let rows = page(of_handbook, (desk_act::Column::DoneAt, desk_act::Column::Id), asked).all(db).await?;
    let staff =
        rows_in(db, staff::Entity::find(), staff::Column::Id, rows.iter().map(|row| row.staff_id)).await?;
    let roles: HashMap<_, _> =
        staff.iter().filter_map(|staff| Some((staff.id, *staff.roles.0.first()?))).collect();
    let line = |row: desk_act::Model| {
        let role = roles.get(&row.staff_id).copied().unwrap_or(Role::HandbookAdministrator);
        Line {
            act: Some(row.action),
            institution: row.institution_id,
            done_at: Some(row.done_at),
            done_by: Some(row.staff_id),
            ..Line::of(row.id, Duty::DeskAct, row.done_at, role)
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn corrections(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook = correction_request::Entity::find()
        .filter(correction_request::COLUMN.handbook_id.eq(asked.handbook.id));
    let rows = about(of_handbook, correction_request::Column::RecordId, asked);
    let place = (correction_request::Column::AskedAt, correction_request::Column::Id);
    let rows = page(rows, place, asked).all(db).await?;
    let line = |row: correction_request::Model| Line {
        institution: Some(row.institution_id),
        due_by: Some(end_of_day(row.due_on)),
        done_at: row.answered_at,
        done_by: row.answered_by,
        record: Some(row.record_id),
        ..Line::of(row.id, Duty::Correction, row.asked_at, Role::Clinician)
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Clinical records that ask something of somebody or came late, those that were voided since among them.
async fn records(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let asks = Condition::any()
        .add(record::COLUMN.awaits_countersign_of.is_not_null())
        .add(record::COLUMN.countersigned_by.is_not_null())
        .add(record::COLUMN.author_role.eq(Role::VillageWorker.code()))
        .add(record::COLUMN.kind.eq(RISK_ASSESSMENT))
        .add(came_after_its_visit());
    let of_handbook = record::Entity::find()
        .filter(record::COLUMN.handbook_id.eq(asked.handbook.id))
        .filter(record::COLUMN.source.eq(Source::Clinician))
        .filter(asks);
    let rows = about(of_handbook, record::Column::Id, asked);
    let rows = page(rows, (record::Column::RecordedAt, record::Column::Id), asked).all(db).await?;
    until_handed_over(db, of_records(db, asked.handbook, &rows).await?).await
}

/// Both times are columns of one kind, written alike, so that SQLite compares them as text.
fn came_after_its_visit() -> Expr {
    let of_record = Query::select()
        .expr(Expr::val(1))
        .from(visit::Entity)
        .and_where(
            Expr::col((visit::Entity, visit::Column::Id)).equals((record::Entity, record::Column::VisitId)),
        )
        .and_where(
            Expr::col((visit::Entity, visit::Column::EndsAt))
                .lte(Expr::col((record::Entity, record::Column::RecordedAt))),
        )
        .to_owned();
    Expr::exists(of_record)
}

async fn of_records(
    db: &impl ConnectionTrait,
    held: &handbook::Model,
    rows: &[record::Model],
) -> Result<Vec<Line>, DbErr> {
    let visits = rows.iter().filter_map(|row| row.visit_id);
    let visits = rows_in(db, visit::Entity::find(), visit::Column::Id, visits).await?;
    let visits: HashMap<_, _> = visits.into_iter().map(|visit| (visit.id, visit.opened_at)).collect();
    let signed = signed_at(db, rows).await?;
    let line = |row: &record::Model| {
        let opened_at = row.visit_id.and_then(|id| visits.get(&id).copied());
        of_record(held, row, opened_at, signed.get(&row.id).copied())
    };
    Ok(rows.iter().map(line).collect())
}

fn of_record(
    held: &handbook::Model,
    row: &record::Model,
    visit_opened_at: Option<DateTime<Utc>>,
    signed_at: Option<DateTime<Utc>>,
) -> Line {
    let line = |duty, role| Line {
        known_by: row.staff_id,
        institution: row.institution_id,
        done_at: Some(row.recorded_at),
        done_by: row.staff_id,
        ending: (row.state != RecordState::Live).then_some(Ending::Ended(row.changed_at)),
        record: Some(row.id),
        visit: row.visit_id,
        ..Line::of(row.id, duty, row.recorded_at, role)
    };
    let author = row.author_role.parse().unwrap_or(Role::Clinician);
    let is_waiting = row.awaits_countersign_of.is_some();
    if is_waiting || row.countersigned_by.is_some() || author == Role::VillageWorker {
        let line = line(Duty::Countersign, Role::Clinician);
        let waits_for_nobody = !is_waiting && row.countersigned_by.is_none();
        let fell_away_at = held.closed_at.or(held.family_left_at).unwrap_or(row.changed_at);
        let fell_away = waits_for_nobody.then_some(Ending::Ended(fell_away_at));
        return Line {
            institution: row.awaits_countersign_of.or(row.institution_id),
            done_at: signed_at,
            done_by: row.countersigned_by,
            ending: line.ending.or(fell_away),
            ..line
        };
    }
    if row.kind == RISK_ASSESSMENT {
        return line(Duty::RiskAssessment, author);
    }
    let due_by = visit_opened_at.map(|opened_at| opened_at + LATE_RESULTS);
    Line { due_by, ..line(Duty::LateResult, author) }
}

/// When records were countersigned: the signer replaced a version that was somebody else's.
async fn signed_at(
    db: &impl ConnectionTrait,
    rows: &[record::Model],
) -> Result<HashMap<RecordId, DateTime<Utc>>, DbErr> {
    let signed: HashMap<_, _> = rows.iter().filter_map(|row| Some((row.id, row.countersigned_by?))).collect();
    let versions =
        rows_in(db, record_version::Entity::find(), record_version::Column::RecordId, signed.keys().copied());
    let mut found = HashMap::new();
    for version in versions.await? {
        if signed.get(&version.record_id) == version.staff_id.as_ref() {
            let at = found.entry(version.record_id).or_insert(version.replaced_at);
            *at = Ord::min(version.replaced_at, *at);
        }
    }
    Ok(found)
}

/// What waited in a handbook goes to another institution.
#[derive(Debug, Clone, Copy)]
pub struct Handover {
    /// Who answered for it.
    pub from: InstitutionId,
    /// Who does from now on.
    pub to: InstitutionId,
    /// When.
    pub at: DateTime<Utc>,
}

/// Rows that are written at a time.
const AT_A_TIME: usize = 500;

/// Keeps from whom to whom open danger signs and countersigns went: their own rows say only whose they are now.
pub async fn keep_handovers(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    handover: Handover,
    waiting: impl IntoIterator<Item = (RecordId, Option<AlertId>)>,
) -> Result<(), DbErr> {
    // A restored handbook that comes back to its region may never have left its institution.
    if handover.from == handover.to {
        return Ok(());
    }
    let row = |(record, alert): (RecordId, Option<AlertId>)| duty_handover::ActiveModel {
        id: Set(HandoverId(Uuid::now_v7())),
        handbook_id: Set(handbook),
        record_id: Set(record),
        alert_id: Set(alert),
        from_institution_id: Set(handover.from),
        to_institution_id: Set(handover.to),
        at: Set(handover.at),
    };
    // As many as wait: a family may write without end, and a statement takes some thousand rows at most.
    let mut rows = waiting.into_iter().map(row).peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(AT_A_TIME).collect();
        duty_handover::Entity::insert_many(some).exec_without_returning(txn).await?;
    }
    Ok(())
}

/// Duties as they were to who answered for them first.
async fn until_handed_over(db: &impl ConnectionTrait, whole: Vec<Line>) -> Result<Vec<Line>, DbErr> {
    let handovers = handovers(db, whole.iter().filter_map(|line| line.record)).await?;
    let first = |line: Line| match handovers.iter().find(|handover| duty_of(handover) == line.id) {
        Some(handover) => line.before_handover(handover),
        None => line,
    };
    Ok(whole.into_iter().map(first).collect())
}

/// Duties as they are to institutions that took them over with a handbook, each until the next did.
async fn taken_over(db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Vec<Line>, DbErr> {
    let of_handbook =
        duty_handover::Entity::find().filter(duty_handover::COLUMN.handbook_id.eq(asked.handbook.id));
    let rows = about(of_handbook, duty_handover::Column::RecordId, asked);
    let rows = page(rows, (duty_handover::Column::At, duty_handover::Column::Id), asked).all(db).await?;
    let whole = handed_over(db, asked.handbook, &rows).await?;
    let handovers = handovers(db, rows.iter().map(|row| row.record_id)).await?;
    let line = |row: &duty_handover::Model| {
        let line = whole.get(&duty_of(row))?.clone().after_handover(row);
        let is_next = |next: &&duty_handover::Model| {
            duty_of(next) == duty_of(row) && (next.at, next.id) > (row.at, row.id)
        };
        Some(match handovers.iter().find(is_next) {
            Some(next) => line.before_handover(next),
            None => line,
        })
    };
    Ok(rows.iter().filter_map(line).collect())
}

/// What was handed over, by the row that asks for it.
async fn handed_over(
    db: &impl ConnectionTrait,
    held: &handbook::Model,
    rows: &[duty_handover::Model],
) -> Result<HashMap<Uuid, Line>, DbErr> {
    let signs = rows.iter().filter_map(|row| row.alert_id);
    let signs = rows_in(db, alert::Entity::find(), alert::Column::Id, signs).await?;
    let signed = rows.iter().filter(|row| row.alert_id.is_none()).map(|row| row.record_id);
    let signed = rows_in(db, record::Entity::find(), record::Column::Id, signed).await?;
    let mut whole: Vec<_> = signs.iter().map(of_alert).collect();
    whole.extend(of_records(db, held, &signed).await?);
    Ok(whole.into_iter().map(|line| (line.id, line)).collect())
}

/// Handovers of what waited because of records, the oldest first.
async fn handovers(
    db: &impl ConnectionTrait,
    records: impl IntoIterator<Item = RecordId>,
) -> Result<Vec<duty_handover::Model>, DbErr> {
    let rows = duty_handover::Entity::find()
        .order_by_asc(duty_handover::COLUMN.at)
        .order_by_asc(duty_handover::COLUMN.id);
    let records: HashSet<_> = records.into_iter().collect();
    rows_in(db, rows, duty_handover::Column::RecordId, records).await
}

/// The row that asks for what was handed over: the alert, or the record that waits for a countersign.
fn duty_of(row: &duty_handover::Model) -> Uuid {
    row.alert_id.map_or(row.record_id.into(), Uuid::from)
}

/// What lines are told of the record that they are about.
#[derive(Debug, FromQueryResult)]
struct About {
    id: RecordId,
    subject: SubjectKind,
    child_id: Option<ChildId>,
    source: Source,
    staff_id: Option<StaffId>,
    author_role: String,
    is_private: bool,
    state: RecordState,
    changed_at: DateTime<Utc>,
}

/// Tells lines whom they are about. An entry that the family hides, or shares no longer, is named to nobody, and its danger
/// sign waits for nobody from then on: the list of alerts does not show it either. Nor does what was voided wait.
async fn tell_of_records(
    db: &impl ConnectionTrait,
    held: &handbook::Model,
    lines: &mut [Line],
) -> Result<(), DbErr> {
    let ids: HashSet<_> = lines.iter().filter_map(|line| line.record).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let records = records_of(db, ids).await?;
    let hidden = hidden_at(db, held, &records).await?;
    let records: HashMap<_, _> = records.iter().map(|record| (record.id, record)).collect();
    for line in lines {
        let Some(record) = line.record.and_then(|id| records.get(&id)) else { continue };
        line.subject = Some(subject_of(record.subject, record.child_id));
        match line.duty {
            Duty::DangerSign => line.known_by = record.staff_id,
            Duty::Correction if record.author_role == Role::KindergartenStaff.code() => {
                line.role = Role::KindergartenStaff;
            }
            _ => {}
        }
        let hidden_at = hidden.get(&record.id);
        if hidden_at.is_some() {
            line.record = None;
        }
        let voided_at = (record.state == RecordState::Voided).then_some(&record.changed_at);
        if let Some(at) = hidden_at.or(voided_at)
            && line.waited_at(*at)
        {
            line.ending = Some(Ending::Ended(*at));
        }
    }
    Ok(())
}

async fn records_of(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RecordId>,
) -> Result<Vec<About>, DbErr> {
    use record::Column as C;
    let columns = [
        C::Id,
        C::Subject,
        C::ChildId,
        C::Source,
        C::StaffId,
        C::AuthorRole,
        C::IsPrivate,
        C::State,
        C::ChangedAt,
    ];
    let records = record::Entity::find().select_only().columns(columns).filter(C::Id.is_in(ids));
    records.into_model().all(db).await
}

/// Since when the family lets no clinician see entries, of those that it does not.
async fn hidden_at(
    db: &impl ConnectionTrait,
    held: &handbook::Model,
    records: &[About],
) -> Result<HashMap<RecordId, DateTime<Utc>>, DbErr> {
    let sharing = sharing(held);
    let is_shared = |record: &About| sharing.shows(record.subject == SubjectKind::Child);
    let is_hidden =
        |record: &&About| record.is_private || (record.source == Source::Family && !is_shared(record));
    let hidden: Vec<_> = records.iter().filter(is_hidden).collect();
    if hidden.is_empty() {
        return Ok(HashMap::new());
    }
    let made_private = made_private_at(db, hidden.iter().map(|record| record.id)).await?;
    let purpose = if sharing.entries { Purpose::Child } else { Purpose::ShareEntries };
    let withdrawn_at = withdrawn_at(db, held.id, purpose).await?;
    let since = |record: &&About| {
        let made_private = made_private.get(&record.id).copied().filter(|_| record.is_private);
        let unshared = withdrawn_at.filter(|_| !record.is_private);
        (record.id, made_private.or(unshared).unwrap_or(record.changed_at))
    };
    Ok(hidden.iter().map(since).collect())
}

/// When the last version of entries that clinicians saw was replaced.
async fn made_private_at(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RecordId>,
) -> Result<HashMap<RecordId, DateTime<Utc>>, DbErr> {
    let seen: Vec<(RecordId, DateTime<Utc>)> = record_version::Entity::find()
        .select_only()
        .columns([record_version::Column::RecordId, record_version::Column::ReplacedAt])
        .filter(record_version::Column::RecordId.is_in(ids))
        .filter(record_version::COLUMN.is_private.eq(false))
        .order_by_asc(record_version::COLUMN.version)
        .into_tuple()
        .all(db)
        .await?;
    Ok(seen.into_iter().collect())
}

/// When a family last took back what it had agreed to.
async fn withdrawn_at(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    purpose: Purpose,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let withdrawn = consent_event::Entity::find()
        .filter(consent_event::COLUMN.handbook_id.eq(handbook))
        .filter(consent_event::COLUMN.purpose.eq(purpose))
        .filter(consent_event::COLUMN.given.eq(false))
        .order_by_desc(consent_event::COLUMN.id);
    Ok(withdrawn.one(db).await?.map(|event| event.at))
}
