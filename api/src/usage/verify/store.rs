//! What was caused, and what is kept of it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::calendar::Month;
use domain::handbook::Group;
use domain::handbook::issuing::IssueKind;
use domain::id::{HandbookId, InstitutionId, IssuanceId};
use domain::institution::ReportColumn;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::record::Source;
use domain::usage::{Evidence, Found};
use domain::visit::VisitKind;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};

use super::{CounterKey, DayKey};
use crate::usage::store::{Sql, marks, range};

/// Issues read at a time.
pub(super) const PAGE: usize = 500;

/// How far the clocks of two replicas may be apart.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// An issue with everything that its use is counted from.
#[derive(Debug)]
pub(super) struct Issue {
    pub(super) id: IssuanceId,
    pub(super) handbook_id: HandbookId,
    pub(super) institution_id: InstitutionId,
    pub(super) issued_group: Group,
    pub(super) report_column: ReportColumn,
    pub(super) issued_at: DateTime<Utc>,
    pub(super) issued_in: Month,
    pub(super) first_used_at: Option<DateTime<Utc>>,
    /// The evidence that is kept.
    pub(super) evidence: BTreeMap<Evidence, DateTime<Utc>>,
    /// The first of what causes evidence of a kind.
    pub(super) causes: BTreeMap<Evidence, DateTime<Utc>>,
}

impl Issue {
    /// The first use as it should be: the earliest evidence, or the one that was counted if it came so soon after that
    /// only the clocks of two replicas put it later.
    pub(super) fn first_use(&self) -> Option<DateTime<Utc>> {
        let earliest = self.evidence.values().min().copied()?;
        let counted = self.evidence.values().find(|at| Some(**at) == self.first_used_at);
        Some(counted.copied().filter(|counted| *counted - earliest <= SKEW).unwrap_or(earliest))
    }
}

#[derive(Debug, FromQueryResult)]
struct Code {
    region_code: RegionCode,
}

/// The places in which something was issued or is counted.
pub(super) async fn places(
    db: &impl ConnectionTrait,
    region: Option<Region>,
) -> Result<Vec<RegionCode>, DbErr> {
    let mut sql = Sql::default();
    for (at, table) in ["issuance", "usage_counter", "usage_day"].into_iter().enumerate() {
        let union = if at == 0 { "" } else { " UNION " };
        sql = sql.push(&format!("{union}SELECT region_code FROM {table}"), []);
        if let Some(region) = region {
            sql = sql.push(" WHERE region_code BETWEEN ? AND ?", range(region));
        }
    }
    let codes: Vec<Code> = sql.push(" ORDER BY region_code", []).all(db).await?;
    Ok(codes.into_iter().map(|code| code.region_code).collect())
}

#[derive(Debug, FromQueryResult)]
struct IssueRow {
    id: IssuanceId,
    handbook_id: HandbookId,
    institution_id: InstitutionId,
    issued_group: Group,
    report_column: ReportColumn,
    issued_at: DateTime<Utc>,
    issued_in: Month,
    first_used_at: Option<DateTime<Utc>>,
}

/// A page of the issues of a place; a replacement is not an issue.
pub(super) async fn issues(
    db: &impl ConnectionTrait,
    place: RegionCode,
    after: Option<(Month, IssuanceId)>,
) -> Result<Vec<Issue>, DbErr> {
    let mut sql = Sql::default().push(
        "SELECT i.id, i.handbook_id, i.institution_id, i.issued_group, i.report_column, i.issued_at, i.issued_in, h.first_used_at \
         FROM issuance i JOIN handbook h ON h.id = i.handbook_id WHERE i.region_code = ? AND i.kind <> ?",
        [place.into(), IssueKind::Replace.into()],
    );
    if let Some((month, id)) = after {
        sql = sql.push(" AND (i.issued_in, i.id) > (?, ?)", [month.into(), id.into()]);
    }
    let rows: Vec<IssueRow> =
        sql.push(&format!(" ORDER BY i.issued_in, i.id LIMIT {PAGE}"), []).all(db).await?;
    let handbooks: Vec<_> = rows.iter().map(|row| row.handbook_id).collect();
    let mut evidence = by_handbook(evidence(db, &handbooks).await?);
    let mut causes = by_handbook(causes(db, &handbooks).await?);
    let issue = |row: IssueRow| Issue {
        evidence: evidence.remove(&row.handbook_id).unwrap_or_default(),
        causes: causes.remove(&row.handbook_id).unwrap_or_default(),
        id: row.id,
        handbook_id: row.handbook_id,
        institution_id: row.institution_id,
        issued_group: row.issued_group,
        report_column: row.report_column,
        issued_at: row.issued_at,
        issued_in: row.issued_in,
        first_used_at: row.first_used_at,
    };
    Ok(rows.into_iter().map(issue).collect())
}

#[derive(Debug, FromQueryResult)]
struct At {
    handbook_id: HandbookId,
    kind: Evidence,
    first_at: DateTime<Utc>,
}

fn by_handbook(rows: Vec<At>) -> BTreeMap<HandbookId, BTreeMap<Evidence, DateTime<Utc>>> {
    let mut handbooks = BTreeMap::<_, BTreeMap<_, _>>::new();
    for row in rows {
        handbooks.entry(row.handbook_id).or_default().insert(row.kind, row.first_at);
    }
    handbooks
}

fn ids(handbooks: &[HandbookId]) -> impl Iterator<Item = Value> {
    handbooks.iter().map(|id| (*id).into())
}

async fn evidence(db: &impl ConnectionTrait, handbooks: &[HandbookId]) -> Result<Vec<At>, DbErr> {
    if handbooks.is_empty() {
        return Ok(Vec::new());
    }
    let some = format!(
        "SELECT handbook_id, kind, first_at FROM usage_evidence WHERE handbook_id IN ({})",
        marks(handbooks.len())
    );
    Sql::default().push(&some, ids(handbooks)).all(db).await
}

/// The first record of the family, checkup, scan and finding of each handbook, counted for the handbook that it counts
/// as. Withdrawn and voided records were evidence, too.
async fn causes(db: &impl ConnectionTrait, handbooks: &[HandbookId]) -> Result<Vec<At>, DbErr> {
    if handbooks.is_empty() {
        return Ok(Vec::new());
    }
    let scans = VisitKind::ALL.iter().filter(|kind| kind.is_scan()).map(|kind| format!("'{kind}'"));
    let scans = scans.collect::<Vec<_>>().join(", ");
    let causes = [
        (Evidence::Entry, "record", "recorded_at", format!("c.source = '{}'", Source::Family)),
        (Evidence::Checkup, "record", "recorded_at", format!("c.source = '{}'", Source::Clinician)),
        (Evidence::Scan, "visit", "opened_at", format!("c.kind IN ({scans})")),
        (Evidence::FollowUp, "usage_follow_up", "found_at", format!("c.found = '{}'", Found::Used)),
    ];
    let mut sql = Sql::default();
    for (at, (kind, table, time, is_cause)) in causes.into_iter().enumerate() {
        let union = if at == 0 { "" } else { " UNION ALL " };
        let cause = format!(
            "{union}SELECT h.counts_as AS handbook_id, '{kind}' AS kind, MIN(c.{time}) AS first_at \
             FROM handbook h JOIN {table} c ON c.handbook_id = h.id \
             WHERE h.counts_as IN ({}) AND {is_cause} GROUP BY h.counts_as",
            marks(handbooks.len())
        );
        sql = sql.push(&cause, ids(handbooks));
    }
    sql.all(db).await
}

#[derive(Debug, FromQueryResult)]
struct CounterRow {
    institution_id: InstitutionId,
    issued_group: Group,
    report_column: ReportColumn,
    issued_in: Month,
    used_in: Month,
    count: i64,
}

/// The counters of a place; one in the wrong month of events counts as none.
pub(super) async fn counters(
    db: &impl ConnectionTrait,
    place: RegionCode,
) -> Result<BTreeMap<CounterKey, i64>, DbErr> {
    let rows: Vec<CounterRow> = Sql::default()
        .push(
            "SELECT institution_id, issued_group, report_column, issued_in, used_in, count FROM usage_counter \
             WHERE region_code = ? AND event_month = CASE WHEN used_in > issued_in THEN used_in ELSE issued_in END",
            [place.into()],
        )
        .all(db)
        .await?;
    let pair = |row: CounterRow| {
        let key = (row.institution_id, row.issued_group, row.report_column, row.issued_in, row.used_in);
        (key, row.count)
    };
    Ok(rows.into_iter().map(pair).collect())
}

#[derive(Debug, FromQueryResult)]
struct DayRow {
    day: NaiveDate,
    institution_id: InstitutionId,
    issued_group: Group,
    issued: i64,
    used: i64,
}

/// The day series of a place.
pub(super) async fn days(
    db: &impl ConnectionTrait,
    place: RegionCode,
) -> Result<BTreeMap<DayKey, (i64, i64)>, DbErr> {
    let rows: Vec<DayRow> = Sql::default()
        .push(
            "SELECT day, institution_id, issued_group, issued, used FROM usage_day WHERE region_code = ?",
            [place.into()],
        )
        .all(db)
        .await?;
    let pair = |row: DayRow| ((row.day, row.institution_id, row.issued_group), (row.issued, row.used));
    Ok(rows.into_iter().map(pair).collect())
}

#[derive(Debug, FromQueryResult)]
struct EventMonth {
    event_month: Month,
}

/// The months in which something is counted or rolled up.
pub(super) async fn counted_months(db: &impl ConnectionTrait) -> Result<Vec<Month>, DbErr> {
    let sql = "SELECT event_month FROM usage_counter UNION SELECT event_month FROM usage_rollup ORDER BY event_month";
    let months: Vec<EventMonth> = Sql::default().push(sql, []).all(db).await?;
    Ok(months.into_iter().map(|row| row.event_month).collect())
}

/// Which row of the roll-up: region, group, column, month of issue, month of first use.
type RollUpKey = (RegionCode, Group, ReportColumn, Month, Month);

#[derive(Debug, FromQueryResult)]
struct RollUpRow {
    region_code: RegionCode,
    issued_group: Group,
    report_column: ReportColumn,
    issued_in: Month,
    used_in: Month,
    count: i64,
}

async fn roll_up_rows(db: &impl ConnectionTrait, sql: Sql) -> Result<BTreeMap<RollUpKey, i64>, DbErr> {
    let pair = |row: RollUpRow| {
        let key = (row.region_code, row.issued_group, row.report_column, row.issued_in, row.used_in);
        (key, row.count)
    };
    Ok(sql.all::<RollUpRow>(db).await?.into_iter().map(pair).collect())
}

fn inside(sql: Sql, region: Option<Region>) -> Sql {
    match region {
        Some(region) => sql.push(" AND region_code BETWEEN ? AND ?", range(region)),
        None => sql,
    }
}

/// What of the counters of a month is rolled up, added up at a level.
pub(super) async fn summed(
    db: &impl ConnectionTrait,
    level: RegionLevel,
    region: Option<Region>,
    month: Month,
) -> Result<BTreeMap<RollUpKey, i64>, DbErr> {
    let span = level.span();
    let sum = format!(
        "SELECT region_code - region_code % {span} AS region_code, issued_group, report_column, issued_in, used_in, \
                CAST(SUM(rolled) AS BIGINT) AS count FROM usage_counter WHERE event_month = ? AND rolled <> 0"
    );
    let sql = inside(Sql::default().push(&sum, [month.into()]), region);
    roll_up_rows(db, sql.push(" GROUP BY 1, 2, 3, 4, 5", [])).await
}

/// What is rolled up for a month at a level.
pub(super) async fn rolled_up(
    db: &impl ConnectionTrait,
    level: RegionLevel,
    region: Option<Region>,
    month: Month,
) -> Result<BTreeMap<RollUpKey, i64>, DbErr> {
    let some = "SELECT region_code, issued_group, report_column, issued_in, used_in, count FROM usage_rollup \
                WHERE event_month = ? AND region_level = ?";
    let sql = inside(Sql::default().push(some, [month.into(), level.into()]), region);
    roll_up_rows(db, sql).await
}
