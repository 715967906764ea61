//! Counts issues and first uses in the transaction that causes them. No row is met by every writer: a row belongs to
//! one institution, group, column and pair of months.

use chrono::{DateTime, Utc};
use domain::calendar::{Month, day_in_china};
use domain::handbook::issuing::IssueKind;
use domain::id::HandbookId;
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
    let backend = txn.get_database_backend();
    let counter = statement(
        backend,
        "INSERT INTO usage_counter (institution_id, region_code, issued_group, report_column, issued_in, used_in, event_month, count) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 1) \
         ON CONFLICT (institution_id, region_code, issued_group, report_column, issued_in, used_in) \
         DO UPDATE SET count = usage_counter.count + 1",
        [
            issue.institution_id.into(),
            issue.region_code.into(),
            issue.issued_group.into(),
            issue.report_column.into(),
            issue.issued_in.into(),
            used_in.into(),
            issue.issued_in.max(used_in).into(),
        ],
    );
    txn.execute_raw(counter).await?;
    let (issued, used) = if used_in == NOT_USED { (1_i64, 0_i64) } else { (0, 1) };
    let day = statement(
        backend,
        "INSERT INTO usage_day (day, institution_id, region_code, issued_group, issued, used) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (day, institution_id, region_code, issued_group) \
         DO UPDATE SET issued = usage_day.issued + excluded.issued, used = usage_day.used + excluded.used",
        [
            day_in_china(at).into(),
            issue.institution_id.into(),
            issue.region_code.into(),
            issue.issued_group.into(),
            issued.into(),
            used.into(),
        ],
    );
    txn.execute_raw(day).await.map(|_| ())
}
