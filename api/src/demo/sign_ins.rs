//! Who can sign in to the demo: one staff member of each role, and the members of some families.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::access::Role;
use domain::credential::DEMO_PREFIX;
use domain::handbook::Group;
use domain::id::{InstitutionId, StaffId};
use domain::member::MemberRole;
use domain::place::{Region, RegionLevel};
use miniprogram_adapter::stand_in;
use sea_orm::DbErr;
use serde::Serialize;

use super::county::{CITY, COUNTY, County, Institution, PROVINCE, TOWN, VILLAGE, founded_at};
use super::random::Dice;
use super::store;
use super::write::users_of;
use crate::app::App;
use crate::db::Db;
use crate::db::entities::{Roles, staff};
use crate::keys::{Keys, Place, places};

/// The password of every demo sign-in. Everybody knows it: a database with such sign-ins is refused in production.
pub const PASSWORD: &str = "Chuanshan-2026";

/// Families that are shown, of each group.
const SHOWN: usize = 2;

/// Families among which those to show are looked for.
const LOOKED_AT: u32 = 100;

/// A way to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// Code of the role of staff; `family` for the owner of a handbook, `guardian` or `viewer` for others who joined.
    pub role: &'static str,
    /// The role in Chinese; of an owner, what the handbook was issued for.
    pub role_zh: &'static str,
    /// User name of staff, or the WeChat user of a member.
    pub user_name: String,
    /// Password of staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<&'static str>,
    /// What `wx.login` gives this member's phone here, as often as wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wx_login_code: Option<String>,
    /// Where the staff member works, or the number of the family's handbook.
    pub place: String,
}

/// A staff member of the demo.
struct Post {
    role: Role,
    institution: Option<InstitutionId>,
    region: Region,
    place: String,
}

impl Post {
    fn user_name(&self) -> String {
        format!("{DEMO_PREFIX}{}", self.role.code())
    }
}

/// One post for each role.
fn posts(county: &County) -> anyhow::Result<Vec<Post>> {
    let centre = county.centre()?;
    let at = |role, institution: &Institution| Post {
        role,
        institution: Some(institution.id),
        region: institution.region,
        place: institution.name.clone(),
    };
    let over =
        |role, region: Region, place: &str| Post { role, institution: None, region, place: place.to_owned() };
    let city = Region { code: CITY, level: RegionLevel::City };
    let province = Region { code: PROVINCE, level: RegionLevel::Province };
    Ok(vec![
        at(Role::Clinician, centre),
        at(Role::HandbookAdministrator, centre),
        at(Role::KindergartenStaff, &county.kindergarten),
        Post { region: VILLAGE, place: "长虹村".to_owned(), ..at(Role::VillageWorker, centre) },
        Post { region: TOWN, ..at(Role::TownshipOffice, &county.office) },
        Post { region: COUNTY, ..at(Role::CountyMch, &county.mch) },
        over(Role::CityMch, city, "遂宁市"),
        over(Role::ProvinceMch, province, "四川省"),
        over(Role::HealthAuthority, COUNTY, "船山区卫生健康局"),
        over(Role::SystemAdministrator, province, "全省"),
    ])
}

/// Rows of everybody who works in the county: the ten sign-ins, and an administrator and a clinician wherever handbooks
/// are issued and children seen, whom the families' records name.
pub(super) fn staff(county: &County, keys: &Keys, password_hash: &str) -> anyhow::Result<Vec<staff::Model>> {
    let mut dice = Dice::new(10);
    let mut rows = Vec::new();
    for post in posts(county)? {
        let id = match (post.role, county.centre()?) {
            (Role::Clinician, centre) => centre.clinician,
            (Role::HandbookAdministrator, centre) => centre.administrator,
            _ => StaffId(dice.id(founded_at())),
        };
        let name = dice.word(&["王丽", "刘洋", "赵敏", "孙倩", "马骏", "高峰", "林珊", "唐静"]);
        let name = if id == county.centre()?.clinician { county.centre()?.clinician_name } else { name };
        let worker = Worker { id, user_name: post.user_name(), name, role: post.role };
        rows.push(worker.row(post.institution, post.region, keys, password_hash)?);
    }
    for (number, institution) in (1..).zip(county.institutions()) {
        let of = |part: &str| format!("{DEMO_PREFIX}{part}.{number}");
        let workers = [
            Worker {
                id: institution.administrator,
                user_name: of("administrator"),
                name: "曾洁",
                role: Role::HandbookAdministrator,
            },
            Worker {
                id: institution.clinician,
                user_name: of("clinician"),
                name: institution.clinician_name,
                role: Role::Clinician,
            },
        ];
        for worker in workers {
            if rows.iter().all(|row| row.id != worker.id) {
                rows.push(worker.row(Some(institution.id), institution.region, keys, password_hash)?);
            }
        }
    }
    Ok(rows)
}

/// Somebody who works in the county.
struct Worker<'a> {
    id: StaffId,
    user_name: String,
    name: &'a str,
    role: Role,
}

impl Worker<'_> {
    fn row(
        self,
        institution: Option<InstitutionId>,
        region: Region,
        keys: &Keys,
        password_hash: &str,
    ) -> anyhow::Result<staff::Model> {
        // A system administrator answers for the whole country, which is no region.
        let is_regional = self.role != Role::SystemAdministrator;
        Ok(staff::Model {
            id: self.id,
            user_name: self.user_name,
            name: keys.seal(Place::new(places::STAFF_NAME, self.id.0), self.name)?,
            title: if self.role == Role::Clinician { "主治医师" } else { "" }.to_owned(),
            roles: Roles(vec![self.role]),
            institution_id: institution,
            region_code: is_regional.then_some(region.code),
            region_level: is_regional.then_some(region.level),
            trained_on: NaiveDate::from_ymd_opt(2017, 4, 20),
            password_hash: password_hash.to_owned(),
            password_issued: false,
            totp: None,
            totp_last_step: 0,
            created_at: founded_at(),
            left_on: None,
            version: 1,
            made_by: None,
            reset_by: None,
            reset_at: None,
        })
    }
}

/// Whether a database holds sign-ins whose password everybody knows.
pub async fn are_in(db: &Db) -> Result<bool, DbErr> {
    store::has_user_names_from(db, DEMO_PREFIX).await
}

/// The sign-ins of a demo, the same at every start.
pub async fn of(app: &App) -> anyhow::Result<Vec<SignIn>> {
    let staff = posts(&County::new()?)?.into_iter().map(|post| SignIn {
        role: post.role.code(),
        role_zh: post.role.zh(),
        user_name: post.user_name(),
        password: Some(PASSWORD),
        wx_login_code: None,
        place: post.place,
    });
    let mut sign_ins: Vec<_> = staff.collect();
    sign_ins.extend(families(app).await?);
    Ok(sign_ins)
}

/// The members of some families of each group who use their handbook, those first in which most joined.
async fn families(app: &App) -> anyhow::Result<Vec<SignIn>> {
    let names: BTreeMap<_, _> = (0..LOOKED_AT)
        .flat_map(users_of)
        .map(|name| (app.keys.blind("openid", &stand_in::openid(stand_in::APP_ID, &name)), name))
        .collect();
    let mut members = store::members(&app.db, names.keys().cloned().collect()).await?;
    members.sort_by_key(|member| (member.number.clone(), member.role));
    let mut families: Vec<_> = members.chunk_by(|one, next| one.number == next.number).collect();
    families.sort_by_key(|family| Reverse(family.len()));
    let of_group = |group: &'static Group| {
        let is_theirs = move |member: &store::Member| member.issued_group == *group;
        families.iter().filter(move |family| family.iter().all(is_theirs)).take(SHOWN)
    };
    let sign_in = |member: &store::Member| Some(sign_in_of(member, names.get(&member.openid_index)?));
    Ok(Group::ALL.iter().flat_map(of_group).copied().flatten().filter_map(sign_in).collect())
}

fn sign_in_of(member: &store::Member, user_name: &str) -> SignIn {
    let (role, role_zh) = match member.role {
        MemberRole::Owner => ("family", member.issued_group.zh()),
        MemberRole::Guardian | MemberRole::Viewer => (member.role.code(), member.role.zh()),
    };
    SignIn {
        role,
        role_zh,
        user_name: user_name.to_owned(),
        password: None,
        wx_login_code: Some(format!("demo-{user_name}")),
        place: member.number.clone(),
    }
}
