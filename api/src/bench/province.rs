//! Counters of a whole province: what the usage rate is computed from, without the handbooks themselves.

use anyhow::Context;
use domain::calendar::{Month, day_in_china};
use domain::place::RegionLevel;
use indicatif::ProgressBar;
use sea_orm::{ConnectionTrait, DbBackend};

use super::ground::number;
use crate::app::App;
use crate::db::{Db, statement};
use crate::demo::REGIONS;
use crate::import::regions;
use crate::usage::roll_up;

/// Institutions that issue, in each county.
const INSTITUTIONS: u64 = 20;

/// Months of issuing.
const MONTHS: u64 = 36;

/// Groups and columns in which an institution counts.
const COLUMNS: [(&str, &str); 3] =
    [("planning", "township_office"), ("pregnant", "primary_care"), ("child", "primary_care")];

/// In which month after the issue so many of a hundred are used for the first time.
const USED: [(u64, u64); 4] = [(0, 40), (1, 20), (2, 10), (5, 5)];

/// Adds counters of so many handbooks, unless they are there; they are added up as the job does.
pub(super) async fn fill(app: &App, patient: &Db, handbooks: u64, say: &impl Fn(&str)) -> anyhow::Result<()> {
    if number(app.db.read(), "SELECT COUNT(*) FROM institution WHERE name LIKE '基准卫生院%'").await? > 0
    {
        return Ok(());
    }
    say("counters of a province");
    let txn = app.db.begin().await?;
    let hidden = ProgressBar::hidden();
    let plan = regions::plan(&txn, REGIONS.as_bytes(), &hidden).await;
    let plan = plan.ok().context("the regions of the build are refused")?;
    regions::apply(&txn, plan, &hidden).await?;
    let this_month = Month::of(day_in_china(app.now()));
    let first = Month(this_month.0 - i32::try_from(MONTHS)? + 1);
    txn.execute_raw(statement(app.db.backend(), &institutions(app.db.backend()), [app.now().into()])).await?;
    let counties = number(&txn, COUNTIES).await?;
    let cells = u64::try_from(counties)? * INSTITUTIONS * MONTHS * COLUMNS.len() as u64;
    let each = (handbooks / cells.max(1)).max(1);
    for (group, column) in COLUMNS {
        txn.execute_unprepared(&counters((group, column), first, None, each)).await?;
        for (after, percent) in USED {
            let used = (each * percent).div_ceil(100);
            txn.execute_unprepared(&counters((group, column), first, Some((after, this_month)), used))
                .await?;
        }
    }
    txn.commit().await?;
    roll_up::carry_out(app).await?;
    if app.db.backend() == DbBackend::Postgres {
        // Every counter was written twice; at night the database sweeps by itself.
        patient.write().execute_unprepared("VACUUM usage_counter").await?;
    }
    Ok(())
}

/// Counties of the province of the made-up county.
const COUNTIES: &str =
    "SELECT COUNT(*) FROM region WHERE level = 'county' AND code BETWEEN 510000000000 AND 519999999999";

/// The numbers from nought up to but not including one.
fn series(many: u64) -> String {
    format!(
        "WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {})",
        many - 1
    )
}

fn institutions(backend: DbBackend) -> String {
    let id = match backend {
        DbBackend::Postgres => "(lpad(code::text, 16, '0') || lpad(n::text, 16, '0'))::uuid",
        _ => "CAST(printf('%012d%04d', code, n) AS BLOB)",
    };
    format!(
        "{} INSERT INTO institution (id, name, region_code, region_level, classes, level, midwifery, is_service_point, issues_to, phone, created_at, version) \
         SELECT {id}, '基准卫生院' || n, code, level, '[\"primary_care\"]', 'primary', FALSE, TRUE, '[]', '', ?, 1 FROM region CROSS JOIN series \
         WHERE level = '{}' AND code BETWEEN 510000000000 AND 519999999999",
        series(INSTITUTIONS),
        RegionLevel::County.code(),
    )
}

/// Everything issued, or what of it was used so many months after the issue and not after this month.
fn counters((group, column): (&str, &str), first: Month, used: Option<(u64, Month)>, count: u64) -> String {
    let issued_in = format!("{} + n", first.0);
    let (used_in, event_month, until) = match used {
        None => ("0".to_owned(), issued_in.clone(), i32::MAX),
        Some((after, until)) => (format!("{issued_in} + {after}"), format!("{issued_in} + {after}"), until.0),
    };
    format!(
        "{} INSERT INTO usage_counter (institution_id, region_code, issued_group, report_column, issued_in, used_in, event_month, count) \
         SELECT id, region_code + 1001001, '{group}', '{column}', {issued_in}, {used_in}, {event_month}, {count} FROM institution CROSS JOIN series \
         WHERE name LIKE '基准卫生院%' AND {event_month} <= {until}",
        series(MONTHS)
    )
}
