//! Rows of staff.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Role;
use domain::id::{InstitutionId, StaffId};
use domain::independence::{Account, Issue};
use domain::place::{RegionCode, Scope};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};

use super::{Facts, Post};
use crate::db::entities::{Roles, password_issue, staff};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::keys::{Keys, Place, places};
use crate::problem::Code;

/// One staff member.
pub(crate) async fn find(db: &impl ConnectionTrait, id: StaffId) -> Result<Option<staff::Model>, DbErr> {
    staff::Entity::find_by_id(id).one(db).await
}

/// Those of these user names that are taken.
pub(crate) async fn with_user_names(
    db: &impl ConnectionTrait,
    names: impl IntoIterator<Item = &str>,
) -> Result<Vec<staff::Model>, DbErr> {
    rows_in(db, staff::Entity::find(), staff::Column::UserName, names).await
}

/// Which staff a list shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// Only those of this institution.
    pub(super) institution: Option<InstitutionId>,
    /// Only those who work here on this day; `None` shows everybody.
    pub(super) working_on: Option<NaiveDate>,
}

/// Staff of a scope after a given one: by region and id; the whole country by id alone, for its administrators have no
/// region.
pub(super) async fn in_scope(
    db: &impl ConnectionTrait,
    scope: Scope,
    shown: Shown,
    after: Option<(Option<RegionCode>, StaffId)>,
    limit: u64,
) -> Result<Vec<staff::Model>, DbErr> {
    let mut found = staff::Entity::find().limit(limit);
    if scope == Scope::Nation || shown.institution.is_some() {
        found = found.order_by_asc(staff::COLUMN.id);
        if let Some((_, id)) = after {
            found = found.filter(staff::COLUMN.id.gt(id));
        }
    } else {
        found = found.order_by_asc(staff::COLUMN.region_code).order_by_asc(staff::COLUMN.id);
        if let Some((Some(code), id)) = after {
            let same_region = staff::Column::RegionCode.eq(code).and(staff::Column::Id.gt(id));
            found = found.filter(staff::Column::RegionCode.gt(code).or(same_region));
        }
    }
    if scope != Scope::Nation {
        let (first, last) = scope.range().into_inner();
        found = found.filter(staff::Column::RegionCode.between(RegionCode(first), RegionCode(last)));
    }
    if let Some(institution) = shown.institution {
        found = found.filter(staff::COLUMN.institution_id.eq(institution));
    }
    if let Some(day) = shown.working_on {
        found = found.filter(staff::Column::LeftOn.is_null().or(staff::Column::LeftOn.gt(day)));
    }
    found.all(db).await
}

/// A new staff member.
#[derive(Debug)]
pub(crate) struct NewStaff {
    /// Id.
    pub(crate) id: StaffId,
    /// Name to sign in with.
    pub(crate) user_name: String,
    /// What administrators say.
    pub(crate) facts: Facts,
    /// Where they work.
    pub(crate) post: Post,
    /// Hash of the password.
    pub(crate) password_hash: String,
    /// The password was issued by somebody else and must be changed.
    pub(crate) password_issued: bool,
    /// Who makes the account.
    pub(crate) made_by: Option<StaffId>,
}

impl NewStaff {
    /// The row.
    pub(crate) fn into_row(self, keys: &Keys, now: DateTime<Utc>) -> Result<staff::Model, ApiError> {
        let place = Place::new(places::STAFF_NAME, self.id.0);
        Ok(staff::Model {
            id: self.id,
            user_name: self.user_name,
            name: keys.seal(place, &self.facts.name).map_err(ApiError::Internal)?,
            title: self.facts.title,
            roles: Roles(self.facts.roles),
            institution_id: self.post.institution,
            region_code: self.post.region.map(|region| region.code),
            region_level: self.post.region.map(|region| region.level),
            trained_on: self.facts.trained_on,
            password_hash: self.password_hash,
            password_issued: self.password_issued,
            totp: None,
            totp_last_step: 0,
            created_at: now,
            left_on: None,
            version: 1,
            made_by: self.made_by,
            reset_by: None,
            reset_at: None,
        })
    }
}

/// Keeps new staff; a user name or an id that is taken refuses all of them.
pub(crate) async fn insert_all(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = staff::Model>,
) -> Result<(), ApiError> {
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    match staff::Entity::insert_many(rows).exec_without_returning(db).await {
        Ok(_) => Ok(()),
        Err(err) if matches!(err.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(ApiError::told(Code::UserNameTaken))
        }
        Err(err) => Err(err.into()),
    }
}

/// Writes changed facts over a row that nobody changed meanwhile.
pub(super) async fn update(
    db: &impl ConnectionTrait,
    keys: &Keys,
    row: &staff::Model,
    facts: Facts,
    post: Post,
) -> Result<staff::Model, ApiError> {
    let name =
        keys.seal(Place::new(places::STAFF_NAME, row.id.0), &facts.name).map_err(ApiError::Internal)?;
    let changed = staff::ActiveModel {
        name: Set(name),
        title: Set(facts.title),
        roles: Set(Roles(facts.roles)),
        institution_id: Set(post.institution),
        region_code: Set(post.region.map(|region| region.code)),
        region_level: Set(post.region.map(|region| region.level)),
        trained_on: Set(facts.trained_on),
        version: Set(row.version + 1),
        ..Default::default()
    };
    let updated = staff::Entity::update_many()
        .set(changed)
        .filter(staff::COLUMN.id.eq(row.id))
        .filter(staff::COLUMN.version.eq(row.version))
        .exec(db)
        .await?;
    if updated.rows_affected != 1 {
        return Err(ApiError::with(Code::Stale, "version", row.version + 1));
    }
    find(db, row.id).await?.ok_or_else(|| ApiError::told(Code::NotFound))
}

/// Writes down from which day somebody no longer works here.
pub(super) async fn leave(db: &impl ConnectionTrait, id: StaffId, on: NaiveDate) -> Result<(), DbErr> {
    staff::Entity::update_many()
        .col_expr(staff::Column::LeftOn, Expr::value(on))
        .col_expr(staff::Column::Version, Expr::col(staff::Column::Version).add(1))
        .filter(staff::COLUMN.id.eq(id))
        .exec(db)
        .await
        .map(|_| ())
}

/// Issues a password, and takes away the second factor where that is lost too.
pub(super) async fn issue_password(
    db: &impl ConnectionTrait,
    id: StaffId,
    hash: String,
    remove_second_factor: bool,
    (by, at): (StaffId, DateTime<Utc>),
) -> Result<(), DbErr> {
    let mut issue = staff::Entity::update_many()
        .col_expr(staff::Column::ResetBy, Expr::value(Some(by)))
        .col_expr(staff::Column::ResetAt, Expr::value(Some(at)))
        .col_expr(staff::Column::PasswordHash, Expr::value(hash))
        .col_expr(staff::Column::PasswordIssued, Expr::value(true))
        .filter(staff::COLUMN.id.eq(id));
    if remove_second_factor {
        issue = issue
            .col_expr(staff::Column::Totp, Expr::value(Option::<Vec<u8>>::None))
            .col_expr(staff::Column::TotpLastStep, Expr::value(0_i64));
    }
    issue.exec(db).await?;
    keep_issues(db, id, [Issue { by, at: Some(at) }]).await
}

/// Keeps who issued passwords, those that are not kept yet.
pub(crate) async fn keep_issues(
    db: &impl ConnectionTrait,
    of: StaffId,
    issues: impl IntoIterator<Item = Issue>,
) -> Result<(), DbErr> {
    use password_issue::Column as C;
    let row = |issue: Issue| {
        let at = issue.at?;
        let (staff_id, issued_at, issuer_id) = (Set(of), Set(at), Set(issue.by));
        Some(password_issue::ActiveModel { staff_id, issued_at, issuer_id })
    };
    let rows: Vec<_> = issues.into_iter().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let known = OnConflict::columns([C::StaffId, C::IssuedAt, C::IssuerId]).do_nothing().to_owned();
    password_issue::Entity::insert_many(rows).on_conflict(known).exec_without_returning(db).await.map(|_| ())
}

/// Accounts, as far as others had them in their hands. One that is not here (its database is older than who issued by it)
/// was in nobody's.
pub(crate) async fn accounts(
    db: &impl ConnectionTrait,
    ids: HashSet<StaffId>,
) -> Result<HashMap<StaffId, Account>, DbErr> {
    use password_issue::Column as C;
    let gone = Account { created_at: DateTime::<Utc>::MAX_UTC, runs_the_system: false, issues: Vec::new() };
    let mut found: HashMap<_, _> = ids.iter().map(|id| (*id, gone.clone())).collect();
    for row in rows_in(db, staff::Entity::find(), staff::Column::Id, ids.iter().copied()).await? {
        let made = row.made_by.map(|by| Issue { by, at: Some(row.created_at) });
        // Who last issued one stands here too: all that a version before this keeps.
        let last = row.reset_by.map(|by| Issue { by, at: row.reset_at });
        let account = Account {
            created_at: row.created_at,
            runs_the_system: row.roles.0.contains(&Role::SystemAdministrator),
            issues: made.into_iter().chain(last).collect(),
        };
        found.insert(row.id, account);
    }
    for row in rows_in(db, password_issue::Entity::find(), C::StaffId, ids).await? {
        let issue = Issue { by: row.issuer_id, at: Some(row.issued_at) };
        if let Some(account) = found.get_mut(&row.staff_id)
            && !account.issues.contains(&issue)
        {
            account.issues.push(issue);
        }
    }
    Ok(found)
}
