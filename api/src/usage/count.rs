//! Counts issues and first uses in the transaction that causes them. No row is met by every writer: a row belongs to
//! one institution, group, column and pair of months.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::{Month, day_in_china};
use domain::handbook::Group;
use domain::handbook::issuing::IssueKind;
use domain::id::{HandbookId, InstitutionId};
use domain::institution::ReportColumn;
use domain::place::RegionCode;
use domain::usage::Evidence;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use crate::db::entities::{handbook, issuance};
use crate::db::statement;

/// Stands in `used_in` for every issued handbook, used or not.
pub const NOT_USED: Month = Month(0);

/// Counts an issue. A replacement is not an issue.
pub async fn issued(txn: &impl ConnectionTrait, issuance: &issuance::Model) -> Result<(), DbErr> {
    if issuance.kind == IssueKind::Replace {
        return Ok(());
    }
    add(txn, issuance, NOT_USED, issuance.issued_at).await
}

/// Keeps a piece of evidence that a handbook is in use, and counts the handbook as used if it is the first. The use of
/// a replacement counts for the handbook that it replaced.
pub async fn evidence(
    txn: &impl ConnectionTrait,
    handbook: &handbook::Model,
    kind: Evidence,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let counted = handbook.counts_as;
    let backend = txn.get_database_backend();
    let keep = statement(
        backend,
        "INSERT INTO usage_evidence (handbook_id, kind, first_at) VALUES (?, ?, ?) ON CONFLICT (handbook_id, kind) DO NOTHING",
        [counted.into(), kind.into(), now.into()],
    );
    if txn.execute_raw(keep).await?.rows_affected() == 0 {
        return Ok(());
    }
    let first = statement(
        backend,
        "UPDATE handbook SET first_used_at = ? WHERE id = ? AND first_used_at IS NULL",
        [now.into(), counted.into()],
    );
    if txn.execute_raw(first).await?.rows_affected() == 0 {
        return Ok(());
    }
    match issue_of(txn, counted).await? {
        Some(issue) => add(txn, &issue, Month::of(day_in_china(now)), now).await,
        None => Ok(()),
    }
}

/// The issue or reissue by which a handbook is counted.
async fn issue_of(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
) -> Result<Option<issuance::Model>, DbErr> {
    issuance::Entity::find()
        .filter(issuance::COLUMN.handbook_id.eq(handbook))
        .filter(issuance::COLUMN.kind.ne(IssueKind::Replace))
        .one(txn)
        .await
}

/// Adds one to the counter of the months and to the series of the day.
async fn add(
    txn: &impl ConnectionTrait,
    issue: &issuance::Model,
    used_in: Month,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    raise_counter(txn, CounterKey::of(issue, used_in), 1).await?;
    let seen = if used_in == NOT_USED { Seen { issued: 1, used: 0 } } else { Seen { issued: 0, used: 1 } };
    raise_day(txn, DayKey::of(issue, at), seen).await
}

/// An issue with its first use, when both are history.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The issue or reissue.
    pub issue: &'a issuance::Model,
    /// The earliest evidence.
    pub first_used_at: Option<DateTime<Utc>>,
}

/// Counts a history at once. Only for what writes a history, as the demo does: evidence is otherwise dated by its receipt.
pub async fn all(txn: &impl ConnectionTrait, history: &[Counted<'_>]) -> Result<(), DbErr> {
    let (mut counters, mut days) = (BTreeMap::<_, i64>::new(), BTreeMap::<_, Seen>::new());
    for Counted { issue, first_used_at } in history.iter().filter(|one| one.issue.kind != IssueKind::Replace)
    {
        *counters.entry(CounterKey::of(issue, NOT_USED)).or_default() += 1;
        days.entry(DayKey::of(issue, issue.issued_at)).or_default().issued += 1;
        if let Some(at) = first_used_at {
            *counters.entry(CounterKey::of(issue, Month::of(day_in_china(*at)))).or_default() += 1;
            days.entry(DayKey::of(issue, *at)).or_default().used += 1;
        }
    }
    for (key, count) in counters {
        raise_counter(txn, key, count).await?;
    }
    for (key, seen) in days {
        raise_day(txn, key, seen).await?;
    }
    Ok(())
}

/// Which counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CounterKey {
    institution: InstitutionId,
    region: RegionCode,
    group: Group,
    column: ReportColumn,
    issued_in: Month,
    used_in: Month,
}

impl CounterKey {
    fn of(issue: &issuance::Model, used_in: Month) -> Self {
        Self {
            institution: issue.institution_id,
            region: issue.region_code,
            group: issue.issued_group,
            column: issue.report_column,
            issued_in: issue.issued_in,
            used_in,
        }
    }

    fn event_month(&self) -> Month {
        self.issued_in.max(self.used_in)
    }
}

async fn raise_counter(txn: &impl ConnectionTrait, key: CounterKey, by: i64) -> Result<(), DbErr> {
    let counter = statement(
        txn.get_database_backend(),
        "INSERT INTO usage_counter (institution_id, region_code, issued_group, report_column, issued_in, used_in, event_month, count) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (institution_id, region_code, issued_group, report_column, issued_in, used_in) \
         DO UPDATE SET count = usage_counter.count + excluded.count",
        [
            key.institution.into(),
            key.region.into(),
            key.group.into(),
            key.column.into(),
            key.issued_in.into(),
            key.used_in.into(),
            key.event_month().into(),
            by.into(),
        ],
    );
    txn.execute_raw(counter).await.map(|_| ())
}

/// Which row of the series of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DayKey {
    day: NaiveDate,
    institution: InstitutionId,
    region: RegionCode,
    group: Group,
}

impl DayKey {
    fn of(issue: &issuance::Model, at: DateTime<Utc>) -> Self {
        Self {
            day: day_in_china(at),
            institution: issue.institution_id,
            region: issue.region_code,
            group: issue.issued_group,
        }
    }
}

/// What a day saw.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    issued: i64,
    used: i64,
}

async fn raise_day(txn: &impl ConnectionTrait, key: DayKey, seen: Seen) -> Result<(), DbErr> {
    let day = statement(
        txn.get_database_backend(),
        "INSERT INTO usage_day (day, institution_id, region_code, issued_group, issued, used) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (day, institution_id, region_code, issued_group) \
         DO UPDATE SET issued = usage_day.issued + excluded.issued, used = usage_day.used + excluded.used",
        [
            key.day.into(),
            key.institution.into(),
            key.region.into(),
            key.group.into(),
            seen.issued.into(),
            seen.used.into(),
        ],
    );
    txn.execute_raw(day).await.map(|_| ())
}
