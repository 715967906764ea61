//! The people of a world: one county with its institutions, staff of every role, and families.

use std::sync::atomic::{AtomicU32, Ordering};

use api::db::entities::{
    Classes, ExplainedList, Groups, Roles, catchment, child, handbook, institution, issuance, member, person,
    pregnancy, region, staff, visit, wechat_user,
};
use api::keys::{Place, places};
use api::session::store::{self, Holder};
use api::usage;
use chrono::NaiveDate;
use domain::access::Role;
use domain::calendar::Month;
use domain::consent::Purpose;
use domain::handbook::issuing::{Explained, IssueKind};
use domain::handbook::number::HandbookNumber;
use domain::handbook::{Group, State};
use domain::id::{
    ChildId, HandbookId, InstitutionId, IssuanceId, MemberId, PersonId, PregnancyId, SessionId, StaffId,
    UserId, VisitId,
};
use domain::institution::{AgencyClass, InstitutionLevel, column_of};
use domain::member::{MemberRelation, MemberRole};
use domain::person::{Sex, complete_id_number};
use domain::place::{RegionCode, RegionLevel};
use domain::pregnancy::{Dating, Outcome};
use domain::visit::{Visit, VisitKind};
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Client, World};

/// 船山区 of the first seed document, with one of its towns and one of that town's villages.
pub const PROVINCE: i64 = 510_000_000_000;
pub const CITY: i64 = 510_900_000_000;
pub const COUNTY: i64 = 510_903_000_000;
pub const TOWN: i64 = 510_903_203_000;
pub const VILLAGE: i64 = 510_903_203_202;
/// A county of another province, for whoever must not see the first.
pub const OTHER_COUNTY: i64 = 370_811_000_000;

/// What employees sign in with.
pub const PASSWORD: &str = "Chuanshan-2026";

/// The institutions of the county and one beyond its border.
pub struct County {
    pub mch: InstitutionId,
    pub health_centre: InstitutionId,
    pub hospital: InstitutionId,
    pub kindergarten: InstitutionId,
    pub township_office: InstitutionId,
    pub foreign_hospital: InstitutionId,
}

/// A staff member who is signed in.
pub struct StaffMember {
    pub id: StaffId,
    pub client: Client,
}

/// A user of the family side who is signed in.
pub struct FamilyUser {
    pub id: UserId,
    pub client: Client,
}

/// A woman whose handbook was issued by the health centre and claimed by herself.
pub struct Mother {
    pub user: FamilyUser,
    pub person: PersonId,
    pub handbook: HandbookId,
    pub pregnancy: PregnancyId,
    pub number: HandbookNumber,
    pub id_number: String,
    pub phone: String,
}

/// Counts up, so that no two people of a world get the same numbers.
pub fn serial() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) % 25_000 + 1
}

impl World {
    /// Regions and institutions of one county, as a county that works with Muzi has them.
    pub async fn county(&self) -> County {
        self.regions().await;
        let county = County {
            mch: self
                .institution("船山区妇幼保健院", COUNTY, RegionLevel::County, &[AgencyClass::MchCounty], &[])
                .await,
            health_centre: self
                .institution("河沙镇卫生院", TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], Group::ALL)
                .await,
            hospital: self
                .institution(
                    "船山区人民医院",
                    COUNTY,
                    RegionLevel::County,
                    &[AgencyClass::Midwifery],
                    &[Group::Pregnant, Group::Child],
                )
                .await,
            kindergarten: self
                .institution("河沙镇幼儿园", TOWN, RegionLevel::Town, &[AgencyClass::Kindergarten], &[])
                .await,
            township_office: self
                .institution(
                    "河沙镇卫健办",
                    TOWN,
                    RegionLevel::Town,
                    &[AgencyClass::TownshipFamilyPlanningOffice],
                    &[Group::Planning],
                )
                .await,
            foreign_hospital: self
                .institution(
                    "任城区人民医院",
                    OTHER_COUNTY,
                    RegionLevel::County,
                    &[AgencyClass::Midwifery],
                    Group::ALL,
                )
                .await,
        };
        let area = catchment::Model {
            region_code: RegionCode(TOWN),
            region_level: RegionLevel::Town,
            institution_id: county.health_centre,
        };
        catchment::Entity::insert(area.into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
        county
    }

    async fn regions(&self) {
        let rows = [
            (PROVINCE, RegionLevel::Province, "四川省", None),
            (CITY, RegionLevel::City, "遂宁市", Some(PROVINCE)),
            (COUNTY, RegionLevel::County, "船山区", Some(CITY)),
            (TOWN, RegionLevel::Town, "河沙镇", Some(COUNTY)),
            (VILLAGE, RegionLevel::Village, "长虹村委会", Some(TOWN)),
            (370_000_000_000, RegionLevel::Province, "山东省", None),
            (370_800_000_000, RegionLevel::City, "济宁市", Some(370_000_000_000)),
            (OTHER_COUNTY, RegionLevel::County, "任城区", Some(370_800_000_000)),
        ];
        let rows = rows.map(|(code, level, name, parent)| region::ActiveModel {
            code: Set(RegionCode(code)),
            level: Set(level),
            name_zh: Set(name.to_owned()),
            parent_code: Set(parent.map(RegionCode)),
            version: Set(1),
        });
        region::Entity::insert_many(rows).exec_without_returning(self.app.db.write()).await.unwrap();
    }

    /// An institution; one that may issue has a service point with a trained administrator.
    pub async fn institution(
        &self,
        name: &str,
        code: i64,
        level: RegionLevel,
        classes: &[AgencyClass],
        issues_to: &[Group],
    ) -> InstitutionId {
        let id = InstitutionId(Uuid::now_v7());
        let administrator = StaffId(Uuid::now_v7());
        let issues = !issues_to.is_empty();
        let row = institution::Model {
            id,
            name: name.to_owned(),
            region_code: RegionCode(code),
            region_level: level,
            classes: Classes(classes.to_vec()),
            level: InstitutionLevel::Secondary,
            midwifery: classes.contains(&AgencyClass::Midwifery),
            is_service_point: issues,
            administrator_id: issues.then_some(administrator),
            issues_to: Groups(issues_to.to_vec()),
            phone: "0825-2222333".to_owned(),
            created_at: self.now(),
            ended_at: None,
            version: 1,
        };
        institution::Entity::insert(row.into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
        if issues {
            self.staff_row(administrator, &[Role::HandbookAdministrator], Some(id), code, level).await;
        }
        id
    }

    async fn staff_row(
        &self,
        id: StaffId,
        roles: &[Role],
        institution: Option<InstitutionId>,
        code: i64,
        level: RegionLevel,
    ) {
        self.insert_staff(self.staff_model(id, roles, institution, Some((code, level)))).await;
    }

    async fn insert_staff(&self, row: staff::Model) {
        staff::Entity::insert(row.into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
    }

    fn staff_model(
        &self,
        id: StaffId,
        roles: &[Role],
        institution: Option<InstitutionId>,
        region: Option<(i64, RegionLevel)>,
    ) -> staff::Model {
        staff::Model {
            id,
            user_name: format!("staff-{}", id.0.simple()),
            name: self.app.keys.seal(Place::new(places::STAFF_NAME, id.0), "李医生").unwrap(),
            title: "主治医师".to_owned(),
            roles: Roles(roles.to_vec()),
            institution_id: institution,
            region_code: region.map(|(code, _)| RegionCode(code)),
            region_level: region.map(|(_, level)| level),
            trained_on: NaiveDate::from_ymd_opt(2026, 1, 5),
            password_hash: "$argon2id$none".to_owned(),
            password_issued: false,
            totp: None,
            totp_last_step: 0,
            created_at: self.now(),
            left_on: None,
            version: 1,
            made_by: None,
            reset_by: None,
            reset_at: None,
        }
    }

    /// A signed-in staff member of an institution, or of a region alone.
    pub async fn staff(
        &self,
        roles: &[Role],
        institution: Option<InstitutionId>,
        code: i64,
        level: RegionLevel,
    ) -> StaffMember {
        let id = StaffId(Uuid::now_v7());
        self.staff_row(id, roles, institution, code, level).await;
        StaffMember { id, client: self.signed_in(Holder::Staff(id)).await }
    }

    /// A signed-in system administrator, who answers for the whole country.
    pub async fn system_administrator(&self) -> StaffMember {
        let id = StaffId(Uuid::now_v7());
        let row = self.staff_model(id, &[Role::SystemAdministrator], None, None);
        self.insert_staff(row).await;
        StaffMember { id, client: self.signed_in(Holder::Staff(id)).await }
    }

    /// A staff member who is not signed in and does so with [`PASSWORD`].
    pub async fn employee(
        &self,
        user_name: &str,
        roles: &[Role],
        institution: Option<InstitutionId>,
        code: i64,
        level: RegionLevel,
    ) -> StaffId {
        let id = StaffId(Uuid::now_v7());
        let mut row = self.staff_model(id, roles, institution, Some((code, level)));
        row.user_name = user_name.to_owned();
        row.password_hash = self.app.passwords.hash(PASSWORD.to_owned()).await.unwrap();
        self.insert_staff(row).await;
        id
    }

    /// Signs in by user name and password.
    pub async fn sign_in(&self, user_name: &str, password: &str) -> Answer {
        let body = json!({ "user_name": user_name, "password": password });
        self.anybody().post("/api/v1/sign-in/staff", body).await
    }

    /// A caller with the access token of an answer.
    #[track_caller]
    pub fn as_signed_in(&self, answer: &Answer) -> Client {
        self.with_token(answer.ok()["access_token"].as_str().unwrap())
    }

    /// A signed-in user of the family side.
    pub async fn family_user(&self) -> FamilyUser {
        let id = UserId(Uuid::now_v7());
        let row = wechat_user::Model {
            id,
            openid: self
                .app
                .keys
                .seal(Place::new(places::WECHAT_USER_OPENID, id.0), &format!("o{}", id.0.simple()))
                .unwrap(),
            openid_index: self.app.keys.blind("openid", &format!("o{}", id.0.simple())),
            unionid: None,
            person_id: None,
            created_at: self.now(),
            closed_at: None,
        };
        wechat_user::Entity::insert(row.into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
        FamilyUser { id, client: self.signed_in(Holder::User(id)).await }
    }

    /// A session made without the sign-in journey, which has tests of its own.
    pub async fn signed_in(&self, holder: Holder) -> Client {
        let session = self.session(holder).await;
        self.with_token(&self.app.tokens.sign(session, self.now()).unwrap())
    }

    /// A device on which somebody is signed in.
    pub async fn session(&self, holder: Holder) -> SessionId {
        let hash = api::keys::sha256(Uuid::now_v7().as_bytes());
        store::open(self.app.db.write(), holder, "test", hash, self.now()).await.unwrap()
    }

    /// A pregnant woman (due 2027-03-01) with a handbook issued today by the health centre and claimed by herself.
    pub async fn mother(&self, county: &County) -> Mother {
        let user = self.family_user().await;
        let serial = serial();
        let id_number =
            complete_id_number(&format!("510903{:04}0101{:03}", 1980 + serial % 25, serial / 25 % 1000))
                .unwrap();
        let phone = format!("138{serial:08}");
        let person = PersonId(Uuid::now_v7());
        let identity = json!({ "name": "王小红", "id_number": id_number, "phone": phone, "address": "河沙镇长虹村12号" });
        let keys = &self.app.keys;
        let (db, now) = (self.app.db.write(), self.now());
        let row = person::Model {
            id: person,
            identity: keys.seal(Place::new(places::PERSON_IDENTITY, person.0), &identity).unwrap(),
            id_number_index: Some(keys.blind("id_number", &id_number)),
            phone_index: Some(keys.blind("phone", &phone)),
            born_on: NaiveDate::from_ymd_opt(1995, 1, 1),
            sex: Some(Sex::Female),
            region_code: Some(RegionCode(VILLAGE)),
            created_at: now,
            version: 1,
        };
        person::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        // The server counts from one: fixtures stay out of its way.
        let number = HandbookNumber::new(RegionCode(COUNTY), 2026, 5_000_000 + i64::from(serial)).unwrap();
        let handbook = HandbookId(Uuid::now_v7());
        let row = handbook::Model {
            id: handbook,
            number: number.as_str().to_owned(),
            state: State::Claimed,
            issued_group: Group::Pregnant,
            region_code: RegionCode(VILLAGE),
            woman_id: Some(person),
            expecting_id: Some(person),
            woman_died_on: None,
            issued_on: self.app.today(),
            issued_by: county.health_centre,
            managing_id: county.health_centre,
            slip_hash: None,
            slip_expires_at: None,
            slip_relation: None,
            slip_member_id: None,
            printed_serial: 1,
            first_used_at: None,
            change_seq: 0,
            counts_as: handbook,
            closed_at: None,
            close_reason: None,
            successor_id: None,
            created_at: now,
            version: 1,
            shares_entries: Some(Purpose::ShareEntries.version().to_owned()),
            child_agreed: Some(Purpose::Child.version().to_owned()),
            family_left_at: None,
            blocked_until: None,
            erased_at: None,
            written_at: None,
        };
        handbook::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        self.issuance_of(handbook, county.health_centre).await;
        let pregnancy = PregnancyId(Uuid::now_v7());
        let row = pregnancy::Model {
            id: pregnancy,
            handbook_id: handbook,
            last_period_on: NaiveDate::from_ymd_opt(2026, 5, 25),
            due_on: NaiveDate::from_ymd_opt(2027, 3, 1).unwrap(),
            dating: Dating::Lmp,
            fetuses: 1,
            outcome: None,
            ended_on: None,
            discharged_on: None,
            risk_grade: None,
            risk_purple: false,
            created_at: now,
            version: 1,
        };
        pregnancy::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        self.join(handbook, user.id, MemberRole::Owner, MemberRelation::Woman, true).await;
        Mother { user, person, handbook, pregnancy, number, id_number, phone }
    }

    async fn issuance_of(&self, handbook: HandbookId, institution: InstitutionId) {
        let staff = StaffId(Uuid::now_v7());
        self.staff_row(staff, &[Role::HandbookAdministrator], Some(institution), TOWN, RegionLevel::Town)
            .await;
        let (agency_class, report_column) = column_of(Group::Pregnant, &[AgencyClass::PrimaryCare].into());
        let row = issuance::Model {
            id: IssuanceId(Uuid::now_v7()),
            handbook_id: handbook,
            kind: IssueKind::Issue,
            institution_id: institution,
            staff_id: staff,
            region_code: RegionCode(TOWN),
            issued_group: Group::Pregnant,
            agency_class,
            report_column,
            edition: "2017".to_owned(),
            explained: ExplainedList(Explained::ALL.to_vec()),
            override_reason: None,
            issued_at: self.now(),
            issued_in: Month::of(self.app.today()),
        };
        issuance::Entity::insert(row.clone().into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
        usage::count::issued(self.app.db.write(), &row).await.unwrap();
    }

    /// Makes a user a member.
    pub async fn join(
        &self,
        handbook: HandbookId,
        user: UserId,
        role: MemberRole,
        relation: MemberRelation,
        is_woman: bool,
    ) -> MemberId {
        let id = MemberId(Uuid::now_v7());
        let row = member::Model {
            id,
            handbook_id: handbook,
            user_id: user,
            role,
            relation,
            is_woman,
            joined_at: self.now(),
            ended_at: None,
            version: 1,
            agreed_to: Purpose::Basic.version().to_owned(),
        };
        member::Entity::insert(row.into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
        id
    }

    /// A visit that a scan of the family's code opened just now.
    pub async fn visit(&self, handbook: HandbookId, institution: InstitutionId, staff: StaffId) -> VisitId {
        let id = VisitId(Uuid::now_v7());
        let visit = Visit::open(VisitKind::DynamicCode, self.now());
        let row = visit::Model {
            id,
            handbook_id: handbook,
            institution_id: institution,
            staff_id: staff,
            kind: visit.kind,
            reason: None,
            opened_at: visit.opened_at,
            ends_at: visit.ends_at,
        };
        visit::Entity::insert(row.into_active_model())
            .exec_without_returning(self.app.db.write())
            .await
            .unwrap();
        id
    }

    /// A clinician of an institution, in a visit to a handbook.
    pub async fn clinician_at(&self, handbook: HandbookId, institution: InstitutionId) -> StaffMember {
        let clinician = self.staff(&[Role::Clinician], Some(institution), COUNTY, RegionLevel::County).await;
        self.visit(handbook, institution, clinician.id).await;
        clinician
    }

    /// A girl of the handbook, born at 39 weeks; her pregnancy has ended with her birth.
    pub async fn birth(&self, mother: &Mother, born_on: NaiveDate) -> ChildId {
        let (db, now) = (self.app.db.write(), self.now());
        let person = PersonId(Uuid::now_v7());
        let identity = json!({ "name": "王小宝" });
        let row = person::Model {
            id: person,
            identity: self.app.keys.seal(Place::new(places::PERSON_IDENTITY, person.0), &identity).unwrap(),
            id_number_index: None,
            phone_index: None,
            born_on: Some(born_on),
            sex: Some(Sex::Female),
            region_code: Some(RegionCode(VILLAGE)),
            created_at: now,
            version: 1,
        };
        person::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        let ended = pregnancy::ActiveModel {
            id: Set(mother.pregnancy),
            due_on: Set(born_on + chrono::Days::new(7)),
            outcome: Set(Some(Outcome::LiveBirth)),
            ended_on: Set(Some(born_on)),
            ..Default::default()
        };
        pregnancy::Entity::update(ended).exec(db).await.unwrap();
        let id = ChildId(Uuid::now_v7());
        let row = child::Model {
            id,
            handbook_id: mother.handbook,
            pregnancy_id: Some(mother.pregnancy),
            person_id: person,
            identity_index: None,
            birth_order: 1,
            born_on,
            born_at: None,
            birth_weight_g: Some(3200),
            gestational_days: None,
            ended_on: None,
            voided_at: None,
            version: 1,
        };
        child::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        id
    }
}
