//! Staff: `user_name,name,title,roles,institution_region_code,institution,region_code,region_level,trained_on`.
//!
//! An institution is named by its name and the code of the region where it stands. Staff are only added: a user name
//! that is taken is a wrong row. Passwords are issued, shown once and kept nowhere.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Role;
use domain::id::{InstitutionId, StaffId};
use domain::place::{Region, RegionCode};
use indicatif::ProgressBar;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sheet::{Column, Row, codes, optional, read, required};
use super::{BATCH, Summary};
use crate::error::{ApiError, FieldProblem};
use crate::form::Form;
use crate::keys::Keys;
use crate::offices::staff::add::check_user_name;
use crate::offices::staff::store::{self, NewStaff};
use crate::offices::staff::{Facts, Giver, find_post, new_password};
use crate::offices::{institutions, regions};
use crate::session::password::Passwords;

/// The columns of the file.
pub const COLUMNS: &[Column] = &[
    required("user_name"),
    required("name"),
    required("title"),
    required("roles"),
    optional("institution_region_code"),
    optional("institution"),
    optional("region_code"),
    optional("region_level"),
    optional("trained_on"),
];

/// A password that was issued to one row.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedPassword)]
pub struct Issued {
    /// Row of the file.
    pub row: usize,
    /// Who signs in with it.
    pub user_name: String,
    /// Shown now and never again, changed at the first sign-in.
    pub password: String,
}

/// What is to be written.
#[derive(Debug)]
pub struct Plan {
    /// What it comes to.
    pub summary: Summary,
    rows: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    number: usize,
    user_name: String,
    facts: Facts,
    institution: Option<(RegionCode, String)>,
}

/// A plan with a password for everybody, hashed before any transaction begins.
pub struct Hashed {
    summary: Summary,
    rows: Vec<(Wanted, String)>,
    issued: Vec<Issued>,
}

/// Reads and judges a file for somebody who gives posts.
pub async fn plan(
    db: &impl ConnectionTrait,
    bytes: &[u8],
    giver: &Giver,
    today: NaiveDate,
    bar: &ProgressBar,
) -> Result<Plan, ApiError> {
    let mut rows = read(bytes, COLUMNS, |row, form| judge(row, form, today))?;
    bar.set_length(rows.len() as u64);
    let known = Known::of(db, &rows).await?;
    let (mut seen, mut wrong) = (HashSet::new(), Vec::<FieldProblem>::new());
    for row in &mut rows {
        let mut form = Form::of_row(row.number);
        if !seen.insert(row.user_name.clone()) {
            form.refuse(
                "/user_name",
                "twice",
                "该用户名在文件中重复。",
                "This user name stands twice in the file.",
            );
        }
        known.check(&mut form, row, giver);
        wrong.extend(form.into_wrong());
    }
    if !wrong.is_empty() {
        return Err(ApiError::Invalid(wrong));
    }
    Ok(Plan { summary: Summary { rows: rows.len(), added: rows.len(), ..Summary::default() }, rows })
}

impl Plan {
    /// Issues the passwords. Each takes its turn in the pool, so that sign-ins go on meanwhile.
    pub async fn hash(self, passwords: &Passwords, bar: &ProgressBar) -> Result<Hashed, ApiError> {
        let (mut rows, mut issued) = (Vec::new(), Vec::new());
        for row in self.rows {
            let password = new_password(&row.user_name);
            let hash = passwords.hash(password.clone()).await?;
            issued.push(Issued { row: row.number, user_name: row.user_name.clone(), password });
            rows.push((row, hash));
            bar.inc(1);
        }
        Ok(Hashed { summary: self.summary, rows, issued })
    }

    /// How many passwords it needs.
    pub fn passwords(&self) -> usize {
        self.rows.len()
    }
}

/// Writes a plan and gives the passwords.
pub async fn apply(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    hashed: Hashed,
    giver: &Giver,
    made_by: Option<StaffId>,
    now: DateTime<Utc>,
) -> Result<(Summary, Vec<Issued>), ApiError> {
    let Hashed { summary, rows, issued } = hashed;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut batch = Vec::new();
        for (row, password_hash) in rows.by_ref().take(BATCH) {
            let Wanted { user_name, facts, .. } = row;
            let post = find_post(txn, giver, &facts).await?;
            let id = StaffId(Uuid::now_v7());
            let new = NewStaff { id, user_name, facts, post, password_hash, password_issued: true, made_by };
            batch.push(new.into_row(keys, now)?);
        }
        store::insert_all(txn, batch).await?;
    }
    Ok((summary, issued))
}

fn judge(row: &Row<'_>, form: &mut Form, today: NaiveDate) -> Option<Wanted> {
    let user_name = row.cell("user_name").to_owned();
    check_user_name(form, &user_name);
    let mut words = Form::of_row(row.number);
    let institution = named_institution(row, &mut words);
    let facts = Facts {
        name: row.cell("name").to_owned(),
        title: row.cell("title").to_owned(),
        roles: row.words::<Role>(&mut words, "roles", &codes(Role::ALL)),
        // Which one it is is looked up later; that there is one decides which roles it may have.
        institution: institution.as_ref().map(|_| InstitutionId(Uuid::nil())),
        region: row.region(&mut words, "region_code", "region_level"),
        trained_on: trained_on(row, &mut words),
    };
    if !words.is_right() {
        // The post cannot be judged; the texts still are, so that everything is told at once.
        facts.check_texts(form);
        form.join(words);
        return None;
    }
    let facts = facts.checked(form, today);
    // What a form calls the region is two columns here.
    form.rename("/region", "/region_code");
    form.is_right().then_some(Wanted { number: row.number, user_name, facts, institution })
}

fn named_institution(row: &Row<'_>, form: &mut Form) -> Option<(RegionCode, String)> {
    let name = row.cell("institution");
    let code = row.code(form, "institution_region_code");
    match (name.is_empty(), row.cell("institution_region_code").is_empty()) {
        (true, true) => None,
        (false, false) => Some((code?, name.to_owned())),
        (is_nameless, _) => {
            let missing = if is_nameless { "/institution" } else { "/institution_region_code" };
            form.refuse(
                missing,
                "required",
                "机构名称和所在区划代码须一起填写。",
                "Give both the institution and the code of its region.",
            );
            None
        }
    }
}

fn trained_on(row: &Row<'_>, form: &mut Form) -> Option<NaiveDate> {
    let text = row.cell("trained_on");
    if text.is_empty() {
        return None;
    }
    let day = text.parse().ok();
    if day.is_none() {
        form.refuse("/trained_on", "wrong_type", "日期应为YYYY-MM-DD。", "A day is written YYYY-MM-DD.");
    }
    day
}

/// What the database knows of the people and places that the file names.
struct Known {
    user_names: HashSet<String>,
    institutions: HashMap<(RegionCode, String), (InstitutionId, Region)>,
    regions: HashSet<Region>,
}

impl Known {
    async fn of(db: &impl ConnectionTrait, rows: &[Wanted]) -> Result<Self, ApiError> {
        let mut known =
            Self { user_names: HashSet::new(), institutions: HashMap::new(), regions: HashSet::new() };
        for batch in rows.chunks(BATCH) {
            let names = batch.iter().map(|row| row.user_name.as_str());
            let taken = store::with_user_names(db, names).await?;
            known.user_names.extend(taken.into_iter().map(|row| row.user_name));
            let codes = batch.iter().filter_map(|row| row.institution.as_ref()).map(|(code, _)| *code);
            for row in institutions::store::at_codes(db, codes).await? {
                let place = institutions::region_of(&row);
                known.institutions.insert((row.region_code, row.name), (row.id, place));
            }
            let codes = batch.iter().filter_map(|row| row.facts.region).map(|region| region.code);
            let found = regions::store::with_codes(db, codes).await?;
            known.regions.extend(found.iter().map(|row| Region { code: row.code, level: row.level }));
        }
        Ok(known)
    }

    /// Judges a row by what is there, and puts in which institution it names.
    fn check(&self, form: &mut Form, row: &mut Wanted, giver: &Giver) {
        let out_of_scope = |form: &mut Form, column| {
            form.refuse(column, "out_of_scope", "不在您的管辖范围内。", "Outside the region you answer for.");
        };
        if self.user_names.contains(&row.user_name) {
            form.refuse("/user_name", "user_name_taken", "该用户名已被使用。", "This user name is taken.");
        }
        if let Err(err) = giver.check_roles(&row.facts.roles) {
            let code = err.code().word();
            form.refuse("/roles", code, "您不能授予其中的角色。", "You may not give one of these roles.");
        }
        if let Some(named) = &row.institution {
            match self.institutions.get(named) {
                Some((id, place)) if giver.scope.covers(*place) => row.facts.institution = Some(*id),
                Some(_) => out_of_scope(form, "/institution"),
                None => {
                    form.refuse("/institution", "unknown", "没有这个机构。", "There is no such institution.")
                }
            }
        }
        if let Some(region) = row.facts.region {
            if !giver.scope.covers(region) {
                out_of_scope(form, "/region_code");
            } else if !self.regions.contains(&region) {
                form.refuse("/region_code", "unknown_region", "区划不存在。", "There is no such region.");
            }
        }
    }
}
