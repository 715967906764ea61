//! Regions: `code,level,name_zh,parent_code`. The same file again changes nothing.

use std::collections::{HashMap, HashSet};

use domain::place::{PlaceRefusal, Region, RegionCode, RegionLevel};
use indicatif::ProgressBar;
use sea_orm::{ConnectionTrait, DbErr};

use super::sheet::{Column, Row, codes, optional, read, required};
use super::{BATCH, Summary};
use crate::db::entities::region;
use crate::error::{ApiError, FieldProblem};
use crate::form::Form;
use crate::offices::regions::{NAME_LENGTH, check, refuse, store};

/// The columns of the file.
pub const COLUMNS: &[Column] =
    &[required("code"), required("level"), required("name_zh"), optional("parent_code")];

/// What is to be written.
#[derive(Debug)]
pub struct Plan {
    /// What it comes to.
    pub summary: Summary,
    rows: Vec<NewRegion>,
}

#[derive(Debug)]
struct NewRegion {
    number: usize,
    region: Region,
    name_zh: String,
    parent: Option<RegionCode>,
}

/// Reads and judges a file.
pub async fn plan(db: &impl ConnectionTrait, bytes: &[u8], bar: &ProgressBar) -> Result<Plan, ApiError> {
    let rows = read(bytes, COLUMNS, judge)?;
    bar.set_length(rows.len() as u64);
    let present = present(db, &rows).await?;
    check_together(&rows, &present)?;
    let mut summary = Summary { rows: rows.len(), ..Summary::default() };
    let mut writing = Vec::new();
    for row in rows {
        match present.get(&row.region) {
            None => summary.added += 1,
            Some(old) if old.name_zh != row.name_zh || old.parent_code != row.parent => summary.changed += 1,
            Some(_) => {
                summary.unchanged += 1;
                continue;
            }
        }
        writing.push(row);
    }
    bar.set_position(summary.unchanged as u64);
    Ok(Plan { summary, rows: writing })
}

/// Writes a plan.
pub async fn apply(txn: &impl ConnectionTrait, plan: Plan, bar: &ProgressBar) -> Result<(), DbErr> {
    let mut rows = plan.rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch: Vec<_> = rows.by_ref().take(BATCH).collect();
        let written = batch.len() as u64;
        store::save_all(txn, batch.into_iter().map(|row| (row.region, row.name_zh, row.parent))).await?;
        bar.inc(written);
    }
    Ok(())
}

fn judge(row: &Row<'_>, form: &mut Form) -> Option<NewRegion> {
    let name_zh = form.line("/name_zh", row.cell("name_zh"), NAME_LENGTH);
    let level = row.word::<RegionLevel>(form, "level", &codes(RegionLevel::ALL));
    let code = row.code(form, "code");
    if row.cell("code").is_empty() {
        form.refuse("/code", "required", "必须填写。", "This is required.");
    }
    let parent = row.code(form, "parent_code");
    let region = Region { code: code?, level: level? };
    if row.cell("parent_code").is_empty() == parent.is_none() {
        check(form, region, parent);
    }
    Some(NewRegion { number: row.number, region, name_zh, parent })
}

/// The rows of the database that the file is about: its regions and their parents.
async fn present(
    db: &impl ConnectionTrait,
    rows: &[NewRegion],
) -> Result<HashMap<Region, region::Model>, DbErr> {
    let mut present = HashMap::new();
    for batch in rows.chunks(BATCH) {
        let codes = batch.iter().flat_map(|row| [Some(row.region.code), row.parent]).flatten();
        for found in store::with_codes(db, codes).await? {
            present.insert(Region { code: found.code, level: found.level }, found);
        }
    }
    Ok(present)
}

/// Rows are judged against each other and against what is there: none twice, and every parent above.
fn check_together(rows: &[NewRegion], present: &HashMap<Region, region::Model>) -> Result<(), ApiError> {
    let in_file: HashSet<Region> = rows.iter().map(|row| row.region).collect();
    let exists = |region: &Region| in_file.contains(region) || present.contains_key(region);
    let (mut seen, mut wrong) = (HashSet::new(), Vec::<FieldProblem>::new());
    for row in rows {
        let mut form = Form::of_row(row.number);
        if !seen.insert(row.region) {
            form.refuse(
                "/code",
                "twice",
                "该代码和级别在文件中重复。",
                "This code and level stand twice in the file.",
            );
        }
        if let Some(code) = row.parent {
            let levels = RegionLevel::ALL.iter().map(|level| Region { code, level: *level });
            if !levels.into_iter().any(|parent| row.region.may_hang_under(parent) && exists(&parent)) {
                refuse(&mut form, PlaceRefusal::ParentNotAbove);
            }
        }
        wrong.extend(form.into_wrong());
    }
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::Invalid(wrong)) }
}
