//! Staff: who works where in which roles. A county runs its own; nobody gives a role that they may not give, and nobody
//! manages somebody whose roles they could not have given.

pub mod add;
pub mod change;
pub mod leave;
pub mod list;
pub mod reset_password;
pub mod show;
pub(crate) mod store;

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{PostRefusal, Role, check_post, may_grant};
use domain::credential::check_password;
use domain::id::{InstitutionId, StaffId};
use domain::place::{Region, Scope};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::{RegionRef, institutions, regions};
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::form::Form;
use crate::keys::{Keys, Place, places, random};
use crate::problem::Code;
use crate::session::Staff;
use crate::session::store::{has_second_factor, scope_of};

/// Longest title.
const TITLE_LENGTH: usize = 50;

/// What administrators say about a staff member.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// Full name.
    pub(crate) name: String,
    /// Professional title or function.
    pub(crate) title: String,
    /// Roles, at least one.
    pub(crate) roles: Vec<Role>,
    /// The institution where they work.
    pub(crate) institution: Option<InstitutionId>,
    /// The region of a regional role.
    pub(crate) region: Option<Region>,
    /// When they were trained as handbook administrator.
    pub(crate) trained_on: Option<NaiveDate>,
}

impl Facts {
    /// The facts as they are kept; what is wrong goes to `form`.
    pub(crate) fn checked(self, form: &mut Form, today: NaiveDate) -> Self {
        let (name, title) = self.check_texts(form);
        if let Some(day) = self.trained_on {
            form.past("/trained_on", day, today);
        }
        let level = self.region.map(|region| region.level);
        if let Err(refusal) = check_post(&self.roles, self.institution.is_some(), level) {
            refuse_post(form, refusal);
        }
        Self { name, title, ..self }
    }

    /// Name and title as they are kept; what is wrong goes to `form`.
    pub(crate) fn check_texts(&self, form: &mut Form) -> (String, String) {
        (form.name("/name", &self.name), form.line("/title", &self.title, TITLE_LENGTH))
    }
}

fn refuse_post(form: &mut Form, refusal: PostRefusal) {
    let (pointer, zh) = match refusal {
        PostRefusal::NoRole => ("/roles", "至少选择一个角色。".to_owned()),
        PostRefusal::RoleTwice(role) => ("/roles", format!("角色“{}”重复。", role.zh())),
        PostRefusal::SystemAdministratorAlone => {
            ("/roles", "系统管理员不能兼任其他角色，也不属于机构或区划。".to_owned())
        }
        PostRefusal::InstitutionNeeded(role) => {
            ("/institution", format!("角色“{}”需要所在机构。", role.zh()))
        }
        PostRefusal::RegionNeeded(role) => ("/region", format!("角色“{}”需要所辖区划。", role.zh())),
        PostRefusal::WrongLevel(role, level) => {
            ("/region", format!("角色“{}”不能管辖{}级区划。", role.zh(), level.zh()))
        }
        PostRefusal::RegionFromInstitution => {
            ("/region", "没有辖区角色时，区划由所在机构决定，不需填写。".to_owned())
        }
    };
    form.refuse(pointer, "wrong_post", zh, format!("Not possible: {refusal}."));
}

/// Where a staff member works, looked up: what a row needs besides the facts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post {
    institution: Option<InstitutionId>,
    /// Nothing for a system administrator.
    region: Option<Region>,
}

/// Who gives a post: how far they answer, and as what.
#[derive(Debug, Clone)]
pub struct Giver {
    /// How far they answer.
    pub(crate) scope: Scope,
    /// As what.
    pub(crate) roles: Vec<Role>,
}

impl Giver {
    /// Somebody who is signed in.
    pub(crate) fn of(staff: &Staff) -> Self {
        Self { scope: staff.region, roles: staff.roles.clone() }
    }

    /// Whoever stands at the server itself.
    pub(crate) fn at_the_server() -> Self {
        Self { scope: Scope::Nation, roles: vec![Role::SystemAdministrator] }
    }

    /// Refuses the first role that this giver may not give.
    pub(crate) fn check_roles(&self, roles: &[Role]) -> Result<(), ApiError> {
        match roles.iter().find(|role| !may_grant(&self.roles, **role)) {
            Some(role) => Err(ApiError::with_each(Code::RoleNotGrantable, "role", role.zh(), role.en())),
            None => Ok(()),
        }
    }
}

/// Finds the place of a post inside the giver's scope. The institution is held until the transaction ends.
pub(crate) async fn find_post(
    txn: &impl ConnectionTrait,
    giver: &Giver,
    facts: &Facts,
) -> Result<Post, ApiError> {
    giver.check_roles(&facts.roles)?;
    let mut own_region = None;
    if let Some(id) = facts.institution {
        let row = institutions::store::find(txn, id).await?;
        let row = row.ok_or_else(|| {
            ApiError::field("/institution", "unknown", "没有这个机构。", "There is no such institution.")
        })?;
        let region = institutions::region_of(&row);
        institutions::within(giver.scope, region)?;
        if !institutions::store::hold(txn, id).await? {
            return Err(ApiError::told(Code::InstitutionEnded));
        }
        own_region = Some(region);
    }
    if let Some(region) = facts.region {
        institutions::within(giver.scope, region)?;
        regions::store::known(txn, region).await?;
    }
    Ok(Post { institution: facts.institution, region: facts.region.or(own_region) })
}

/// One staff member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Staff)]
pub(crate) struct View {
    #[schema(value_type = Uuid)]
    id: StaffId,
    user_name: String,
    name: String,
    title: String,
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
    #[schema(value_type = Option<Uuid>)]
    institution: Option<InstitutionId>,
    /// The region of the scope; nothing for a system administrator.
    region: Option<RegionRef>,
    /// When they were trained as handbook administrator.
    trained_on: Option<NaiveDate>,
    /// The password was issued and not changed yet.
    must_change_password: bool,
    /// A one-time code is asked for at sign-in.
    has_second_factor: bool,
    created_at: DateTime<Utc>,
    /// The day from which they no longer work here.
    left_on: Option<NaiveDate>,
    version: i32,
}

/// A staff member with a password that is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StaffWithPassword)]
pub(crate) struct WithPassword {
    #[serde(flatten)]
    staff: View,
    /// The issued password: shown now and never again, changed at the first sign-in.
    password: String,
}

/// The row as it is shown.
pub(crate) fn view(keys: &Keys, row: staff::Model) -> Result<View, ApiError> {
    Ok(View {
        id: row.id,
        name: name_of(keys, &row)?,
        region: scope_of(&row).region().map(RegionRef::from),
        has_second_factor: has_second_factor(&row),
        user_name: row.user_name,
        title: row.title,
        roles: row.roles.0,
        institution: row.institution_id,
        trained_on: row.trained_on,
        must_change_password: row.password_issued,
        created_at: row.created_at,
        left_on: row.left_on,
        version: row.version,
    })
}

/// The full name of a row.
pub(crate) fn name_of(keys: &Keys, row: &staff::Model) -> Result<String, ApiError> {
    keys.open(Place::new(places::STAFF_NAME, row.id.0), &row.name).map_err(ApiError::Internal)
}

/// The region that administrators gave a row: that of its regional roles, not the one taken from the institution.
fn given_region(row: &staff::Model) -> Option<Region> {
    scope_of(row).region().filter(|_| row.roles.0.iter().any(|role| role.is_regional()))
}

/// The staff member inside the manager's scope; outside it nobody is there.
async fn in_scope(db: &impl ConnectionTrait, manager: &Staff, id: &str) -> Result<staff::Model, ApiError> {
    let id = id.parse().map_err(|_| ApiError::told(Code::NotFound))?;
    let found = store::find(db, id).await?;
    let found = found.filter(|row| manager.region.covers_scope(scope_of(row)));
    found.ok_or_else(|| ApiError::told(Code::NotFound))
}

/// The staff member whom a manager may change: not oneself, and nobody with roles that the manager could not give, or
/// a reset password would be a way into them.
async fn of_manager(db: &impl ConnectionTrait, manager: &Staff, id: &str) -> Result<staff::Model, ApiError> {
    let row = in_scope(db, manager, id).await?;
    if row.id == manager.id {
        return Err(ApiError::told(Code::NotYourself));
    }
    Giver::of(manager).check_roles(&row.roles.0)?;
    Ok(row)
}

/// A password to be typed once: four groups of four without letters that look alike, about 80 bits.
pub(crate) fn new_password(user_name: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    loop {
        let letters =
            random::<16>().map(|byte| LETTERS.get(usize::from(byte % 32)).copied().map_or('a', char::from));
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        let password = groups.join("-");
        if check_password(&password, user_name).is_ok() {
            return password;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_passwords_pass_the_policy_and_differ() {
        let passwords: std::collections::HashSet<_> = (0..200).map(|_| new_password("li.doctor")).collect();
        assert_eq!(passwords.len(), 200);
        for password in passwords {
            assert_eq!(check_password(&password, "li.doctor"), Ok(()), "{password}");
            assert_eq!(password.len(), 19);
        }
    }
}
