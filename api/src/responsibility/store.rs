//! Rows that somebody answers for, gathered from the tables of the features that write them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::access::{Action, Role};
use domain::id::{HandbookId, InstitutionId, RecordId, VisitId};
use domain::record::{RecordState, Source};
use domain::responsibility::{DANGER_SIGN_WITHIN, Duty, review_by};
use domain::visit::{LATE_RESULTS, VisitKind};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use crate::checkups::store::RISK_ASSESSMENT;
use crate::db::entities::{
    alert, break_glass, delegation, desk_act, record, record_version, rule_override, staff, visit,
};
use crate::db::rows_in;

/// One duty as the rows say it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Id of the row that asks for it.
    pub id: Uuid,
    /// What it is.
    pub duty: Duty,
    /// What was done at the desk, where it is that.
    pub act: Option<Action>,
    /// When it was known.
    pub since: DateTime<Utc>,
    /// Who answers for it; none where the county does.
    pub institution: Option<InstitutionId>,
    /// The role that answers for it.
    pub role: Role,
    /// By when.
    pub due_by: Option<DateTime<Utc>>,
    /// When it was done.
    pub done_at: Option<DateTime<Utc>>,
    /// The record that it is about.
    pub record: Option<RecordId>,
    /// The visit that it is about.
    pub visit: Option<VisitId>,
}

/// The place of the last line that was seen.
type Seen = Option<(DateTime<Utc>, Uuid)>;

/// Everything that somebody answers for in a handbook, the newest first. Each table is asked for one page at most; what is
/// due by the plan (`PlanItem`) joins here as one more of them.
pub async fn newest(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let mut lines = danger_signs(db, handbook, seen, limit).await?;
    lines.extend(emergencies(db, handbook, seen, limit).await?);
    lines.extend(overrides(db, handbook, seen, limit).await?);
    lines.extend(delegations(db, handbook, seen, limit).await?);
    lines.extend(desk_acts(db, handbook, seen, limit).await?);
    lines.extend(records(db, handbook, seen, limit).await?);
    lines.sort_unstable_by_key(|line| std::cmp::Reverse((line.since, line.id)));
    lines.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(lines)
}

/// The rows of a table before the last line that was seen, the newest first.
fn page<E: EntityTrait>(
    rows: Select<E>,
    (at, id): (impl ColumnTrait, impl ColumnTrait),
    seen: Seen,
    limit: u64,
) -> Select<E> {
    let rows = match seen {
        Some((seen_at, seen_id)) => rows.filter(
            Condition::any()
                .add(at.lt(seen_at))
                .add(Condition::all().add(at.eq(seen_at)).add(id.lt(seen_id))),
        ),
        None => rows,
    };
    rows.order_by_desc(at).order_by_desc(id).limit(limit)
}

async fn danger_signs(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let of_handbook = alert::Entity::find().filter(alert::COLUMN.handbook_id.eq(handbook));
    let rows = page(of_handbook, (alert::Column::RaisedAt, alert::Column::Id), seen, limit).all(db).await?;
    let line = |row: alert::Model| Line {
        id: row.id.0,
        duty: Duty::DangerSign,
        act: None,
        since: row.raised_at,
        institution: Some(row.institution_id),
        role: Role::Clinician,
        due_by: Some(row.raised_at + DANGER_SIGN_WITHIN),
        done_at: row.answered_at,
        record: Some(row.record_id),
        visit: None,
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn emergencies(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let of_handbook = visit::Entity::find()
        .filter(visit::COLUMN.handbook_id.eq(handbook))
        .filter(visit::COLUMN.kind.eq(VisitKind::BreakGlass));
    let visits = page(of_handbook, (visit::Column::OpenedAt, visit::Column::Id), seen, limit).all(db).await?;
    let ids = visits.iter().map(|visit| visit.id);
    let reviews = rows_in(db, break_glass::Entity::find(), break_glass::Column::VisitId, ids).await?;
    let reviewed: HashMap<_, _> = reviews.into_iter().map(|row| (row.visit_id, row.reviewed_at)).collect();
    let line = |visit: visit::Model| Line {
        id: visit.id.0,
        duty: Duty::EmergencyReview,
        act: None,
        since: visit.opened_at,
        institution: None,
        role: Role::CountyMch,
        due_by: Some(review_by(visit.opened_at)),
        done_at: reviewed.get(&visit.id).copied().flatten(),
        record: None,
        visit: Some(visit.id),
    };
    Ok(visits.into_iter().map(line).collect())
}

async fn overrides(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let of_handbook = rule_override::Entity::find().filter(rule_override::COLUMN.handbook_id.eq(handbook));
    let place = (rule_override::Column::MadeAt, rule_override::Column::Id);
    let rows = page(of_handbook, place, seen, limit).all(db).await?;
    let line = |row: rule_override::Model| Line {
        id: row.id.0,
        duty: Duty::OverrideReview,
        act: None,
        since: row.made_at,
        institution: None,
        role: Role::CountyMch,
        due_by: None,
        done_at: row.reviewed_at,
        record: row.record_id,
        visit: None,
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn delegations(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let of_handbook = delegation::Entity::find().filter(delegation::COLUMN.handbook_id.eq(handbook));
    let place = (delegation::Column::CreatedAt, delegation::Column::Id);
    let rows = page(of_handbook, place, seen, limit).all(db).await?;
    let line = |row: delegation::Model| Line {
        id: row.id.0,
        duty: Duty::Delegation,
        act: None,
        since: row.created_at,
        institution: Some(row.institution_id),
        role: Role::VillageWorker,
        due_by: None,
        done_at: row.ended_at,
        record: None,
        visit: None,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// What was done at a desk, a transfer among it, was done when it was known.
async fn desk_acts(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let of_handbook = desk_act::Entity::find().filter(desk_act::COLUMN.handbook_id.eq(handbook));
    let rows =
        page(of_handbook, (desk_act::Column::DoneAt, desk_act::Column::Id), seen, limit).all(db).await?;
    let staff =
        rows_in(db, staff::Entity::find(), staff::Column::Id, rows.iter().map(|row| row.staff_id)).await?;
    let roles: HashMap<_, _> =
        staff.iter().filter_map(|staff| Some((staff.id, *staff.roles.0.first()?))).collect();
    let line = |row: desk_act::Model| Line {
        id: row.id.0,
        duty: Duty::DeskAct,
        act: Some(row.action),
        since: row.done_at,
        institution: row.institution_id,
        role: roles.get(&row.staff_id).copied().unwrap_or(Role::HandbookAdministrator),
        due_by: None,
        done_at: Some(row.done_at),
        record: None,
        visit: None,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Clinical records that ask something of somebody or came late.
async fn records(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    seen: Seen,
    limit: u64,
) -> Result<Vec<Line>, DbErr> {
    let asks = Condition::any()
        .add(record::COLUMN.awaits_countersign_of.is_not_null())
        .add(record::COLUMN.countersigned_by.is_not_null())
        .add(record::COLUMN.kind.eq(RISK_ASSESSMENT))
        .add(came_after_its_visit());
    let of_handbook = record::Entity::find()
        .filter(record::COLUMN.handbook_id.eq(handbook))
        .filter(record::COLUMN.source.eq(Source::Clinician))
        .filter(record::COLUMN.state.eq(RecordState::Live))
        .filter(asks);
    let rows =
        page(of_handbook, (record::Column::RecordedAt, record::Column::Id), seen, limit).all(db).await?;
    let visits = rows.iter().filter_map(|row| row.visit_id);
    let visits = rows_in(db, visit::Entity::find(), visit::Column::Id, visits).await?;
    let visits: HashMap<_, _> = visits.into_iter().map(|visit| (visit.id, visit.opened_at)).collect();
    let signed = signed_at(db, &rows).await?;
    let line = |row: &record::Model| {
        let opened_at = row.visit_id.and_then(|id| visits.get(&id).copied());
        of_record(row, opened_at, signed.get(&row.id).copied())
    };
    Ok(rows.iter().map(line).collect())
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

fn of_record(
    row: &record::Model,
    visit_opened_at: Option<DateTime<Utc>>,
    signed_at: Option<DateTime<Utc>>,
) -> Line {
    let line = |duty, institution, role| Line {
        id: row.id.0,
        duty,
        act: None,
        since: row.recorded_at,
        institution,
        role,
        due_by: None,
        done_at: Some(row.recorded_at),
        record: Some(row.id),
        visit: row.visit_id,
    };
    if row.awaits_countersign_of.is_some() || row.countersigned_by.is_some() {
        let institution = row.awaits_countersign_of.or(row.institution_id);
        return Line { done_at: signed_at, ..line(Duty::Countersign, institution, Role::Clinician) };
    }
    let author = row.author_role.parse().unwrap_or(Role::Clinician);
    if row.kind == RISK_ASSESSMENT {
        return line(Duty::RiskAssessment, row.institution_id, author);
    }
    let due_by = visit_opened_at.map(|opened_at| opened_at + LATE_RESULTS);
    Line { due_by, ..line(Duty::LateResult, row.institution_id, author) }
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
