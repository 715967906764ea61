//! Institutions: `name,region_code,region_level,classes,level,midwifery,phone,is_service_point,issues_to,administrator`.
//!
//! A live institution of the same name in the same region is the same one: it is changed where the row differs. The
//! administrator is the user name of somebody who works there already, so a county imports institutions, then staff,
//! then institutions again.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::handbook::Group;
use domain::id::{InstitutionId, StaffId};
use domain::institution::{AgencyClass, InstitutionLevel};
use domain::place::{Region, RegionCode, RegionLevel, Scope};
use indicatif::ProgressBar;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::sheet::{Column, Row, codes, optional, read, required};
use super::{BATCH, Summary};
use crate::db::entities::{institution, region, staff};
use crate::error::{ApiError, FieldProblem};
use crate::form::Form;
use crate::offices::institutions::{Facts, fitness, region_of, store};
use crate::offices::{regions, staff as people};

/// The columns of the file.
pub const COLUMNS: &[Column] = &[
    required("name"),
    required("region_code"),
    required("region_level"),
    required("classes"),
    optional("level"),
    optional("midwifery"),
    required("phone"),
    optional("is_service_point"),
    optional("issues_to"),
    optional("administrator"),
];

/// What is to be written.
#[derive(Debug)]
pub struct Plan {
    /// What it comes to.
    pub summary: Summary,
    new: Vec<Facts>,
    changed: Vec<(institution::Model, Facts, Option<StaffId>)>,
}

#[derive(Debug)]
struct Wanted {
    number: usize,
    facts: Facts,
    /// User name; empty leaves the administrator as they are.
    administrator: String,
}

/// What the database knows of the places and people that the file names.
struct Known {
    regions: HashSet<Region>,
    institutions: HashMap<(Region, String), institution::Model>,
    staff: HashMap<String, staff::Model>,
}

/// Reads and judges a file for somebody who answers for a scope.
pub async fn plan(
    db: &impl ConnectionTrait,
    bytes: &[u8],
    scope: Scope,
    today: NaiveDate,
    bar: &ProgressBar,
) -> Result<Plan, ApiError> {
    let rows = read(bytes, COLUMNS, judge)?;
    bar.set_length(rows.len() as u64);
    let known = known(db, &rows).await?;
    check_together(&rows, &known, scope, today)?;
    let mut plan = Plan {
        summary: Summary { rows: rows.len(), ..Summary::default() },
        new: Vec::new(),
        changed: Vec::new(),
    };
    for row in rows {
        let Some(old) = known.institutions.get(&(row.facts.region, row.facts.name.clone())) else {
            plan.summary.added += 1;
            plan.new.push(row.facts);
            continue;
        };
        let named = known.staff.get(&row.administrator).map(|staff| staff.id).or(old.administrator_id);
        if store::facts_of(old) == row.facts && old.administrator_id == named {
            plan.summary.unchanged += 1;
        } else {
            plan.summary.changed += 1;
            plan.changed.push((old.clone(), row.facts, named));
        }
    }
    bar.set_position(plan.summary.unchanged as u64);
    Ok(plan)
}

/// Writes a plan.
pub async fn apply(
    txn: &impl ConnectionTrait,
    plan: Plan,
    now: DateTime<Utc>,
    bar: &ProgressBar,
) -> Result<(), ApiError> {
    let mut new = plan.new.into_iter().peekable();
    while new.peek().is_some() {
        let rows =
            new.by_ref().take(BATCH).map(|facts| store::row_of(InstitutionId(Uuid::now_v7()), facts, now));
        let rows: Vec<_> = rows.collect();
        let written = rows.len() as u64;
        store::insert_all(txn, rows).await?;
        bar.inc(written);
    }
    for (old, facts, administrator) in plan.changed {
        store::update(txn, &old, facts, administrator).await?;
        bar.inc(1);
    }
    Ok(())
}

fn judge(row: &Row<'_>, form: &mut Form) -> Option<Wanted> {
    let region = row.region(form, "region_code", "region_level");
    if row.cell("region_code").is_empty() && row.cell("region_level").is_empty() {
        form.refuse("/region_code", "required", "必须填写。", "This is required.");
    }
    let level = match row.cell("level") {
        "" => Some(InstitutionLevel::None),
        _ => row.word(form, "level", &codes(InstitutionLevel::ALL)),
    };
    let placeless = Region { code: RegionCode(0), level: RegionLevel::Village };
    let facts = Facts {
        name: row.cell("name").to_owned(),
        region: region.unwrap_or(placeless),
        classes: row.words::<AgencyClass>(form, "classes", &codes(AgencyClass::ALL)),
        level: level.unwrap_or(InstitutionLevel::None),
        midwifery: row.yes(form, "midwifery"),
        phone: row.cell("phone").to_owned(),
        is_service_point: row.yes(form, "is_service_point"),
        issues_to: row.words::<Group>(form, "issues_to", &codes(Group::ALL)),
    };
    let facts = facts.checked(form);
    let administrator = row.cell("administrator").to_owned();
    form.is_right().then_some(Wanted { number: row.number, facts, administrator })
}

async fn known(db: &impl ConnectionTrait, rows: &[Wanted]) -> Result<Known, ApiError> {
    let mut known = Known { regions: HashSet::new(), institutions: HashMap::new(), staff: HashMap::new() };
    for batch in rows.chunks(BATCH) {
        let codes = || batch.iter().map(|row| row.facts.region.code);
        let found = regions::store::with_codes(db, codes()).await?;
        known
            .regions
            .extend(found.iter().map(|row: &region::Model| Region { code: row.code, level: row.level }));
        for row in store::at_codes(db, codes()).await? {
            known.institutions.insert((region_of(&row), row.name.clone()), row);
        }
        let names = batch.iter().map(|row| row.administrator.as_str()).filter(|name| !name.is_empty());
        for row in people::store::with_user_names(db, names).await? {
            known.staff.insert(row.user_name.clone(), row);
        }
    }
    Ok(known)
}

fn check_together(rows: &[Wanted], known: &Known, scope: Scope, today: NaiveDate) -> Result<(), ApiError> {
    let (mut seen, mut wrong) = (HashSet::new(), Vec::<FieldProblem>::new());
    for row in rows {
        let mut form = Form::of_row(row.number);
        let region = row.facts.region;
        if !scope.covers(region) {
            form.refuse(
                "/region_code",
                "out_of_scope",
                "不在您的管辖范围内。",
                "Outside the region you answer for.",
            );
        } else if !known.regions.contains(&region) {
            form.refuse("/region_code", "unknown_region", "区划不存在。", "There is no such region.");
        }
        if !seen.insert((region, row.facts.name.as_str())) {
            form.refuse(
                "/name",
                "twice",
                "该机构在文件中重复。",
                "This institution stands twice in the file.",
            );
        }
        check_administrator(&mut form, row, known, today);
        wrong.extend(form.into_wrong());
    }
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::Invalid(wrong)) }
}

fn check_administrator(form: &mut Form, row: &Wanted, known: &Known, today: NaiveDate) {
    if row.administrator.is_empty() {
        return;
    }
    let institution = known.institutions.get(&(row.facts.region, row.facts.name.clone()));
    let staff = known.staff.get(&row.administrator);
    match (institution, staff) {
        (Some(institution), Some(staff)) if staff.institution_id == Some(institution.id) => {
            if let Some(obstacle) = fitness(staff, institution.id, today).obstacle() {
                let (zh, en) = (obstacle.zh(), obstacle.en());
                form.refuse(
                    "/administrator",
                    obstacle.code(),
                    format!("{zh}。"),
                    format!("Not possible: {en}."),
                );
            }
        }
        _ => form.refuse(
            "/administrator",
            "not_here",
            "该人员不在本机构。",
            "Nobody at this institution has this user name.",
        ),
    }
}
