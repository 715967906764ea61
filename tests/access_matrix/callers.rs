//! Who calls: one of each role, once inside the scope and once outside.

use api::alerts;
use api::db::entities::{
    PhotoIds, alert, break_glass, correction_request, delegation, disclosure, handbook, invitation,
    pregnancy, record, region, rule_override, visit,
};
use api::session::store::Holder;
use chrono::TimeDelta;
use domain::access::Role;
use domain::correction::RequestState;
use domain::disclosure::{DisclosureState, Form, PersonList};
use domain::handbook::issuing::Override;
use domain::id::{
    AlertId, ChildId, CorrectionId, DelegationId, DisclosureId, InstitutionId, InvitationId, OverrideId,
    RecordId, StaffId, VisitId,
};
use domain::institution::AgencyClass;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionCode;
use domain::place::RegionLevel::{self, City, Province, Town, Village};
use domain::record::{RecordState, Source, SubjectKind};
use domain::visit::{EmergencyReason, Visit, VisitKind};
use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entries::entries;
use crate::photos::upload_picture;
use crate::support::people::{CITY, County, PROVINCE, TOWN, VILLAGE, serial};
use crate::support::{COUNTY, Mother, OTHER_COUNTY, World};

const OTHER_VILLAGE: i64 = 510_903_203_201;
const OTHER_TOWN: i64 = 370_811_101_000;
const OTHER_CITY: i64 = 370_800_000_000;
const OTHER_PROVINCE: i64 = 370_000_000_000;

/// A caller of the matrix: one of its columns.
pub struct Caller {
    pub name: &'static str,
    /// Nobody for who is not signed in.
    pub holder: Option<Holder>,
    /// Tries the handbook of the high-risk case.
    pub about_high_risk: bool,
}

/// A handbook with one of everything in it.
pub struct Subject {
    pub mother: Mother,
    pub child: ChildId,
    pub entry: String,
    pub photo: String,
    /// By a clinician whose visit is long over.
    pub checkup: RecordId,
    /// By the village doctor, for the health centre to countersign.
    pub awaiting: RecordId,
    pub alert: AlertId,
    /// The emergency access of the clinician who broke the glass.
    pub emergency: VisitId,
    /// The rule that was set aside for the checkup.
    pub set_aside: OverrideId,
    /// Her request to correct the checkup, which nobody answered in time.
    pub request: CorrectionId,
}

/// Everybody, and what they call about.
pub struct Cast {
    pub county: County,
    pub callers: Vec<Caller>,
    pub ordinary: Subject,
    pub high_risk: Subject,
    /// Whom the county manages.
    pub employee: StaffId,
    /// Asked for by the clinician who is visited.
    pub export: DisclosureId,
}

/// Staff whose tie to a handbook hangs on a row in it.
struct Bound {
    visiting: StaffId,
    glass_breaker: StaffId,
    late: StaffId,
    author: StaffId,
    village_doctor: StaffId,
    emergency_hospital: InstitutionId,
    late_hospital: InstitutionId,
    author_hospital: InstitutionId,
    issuer: InstitutionId,
}

impl Cast {
    pub async fn gathered(world: &World) -> Self {
        let county = world.county().await;
        place(world, OTHER_VILLAGE, Village, TOWN).await;
        place(world, OTHER_TOWN, Town, OTHER_COUNTY).await;
        let bound = Bound::hired(world, &county).await;
        let ordinary = subject(world, &county, &bound).await;
        let high_risk = subject(world, &county, &bound).await;
        let red = pregnancy::ActiveModel {
            id: Set(high_risk.mother.pregnancy),
            risk_grade: Set(Some("red".to_owned())),
            ..Default::default()
        };
        pregnancy::Entity::update(red).exec(world.app.db.write()).await.unwrap();
        let export = export(world, &county, bound.visiting).await;
        let employee = world.doctor(county.hospital).await.id;
        let mut callers = family(world, &ordinary).await;
        callers.extend(institutions_staff(world, &county, &bound).await);
        callers.extend(regional_staff(world, &bound).await);
        callers.push(Caller { name: "nobody", holder: None, about_high_risk: false });
        Self { county, callers, ordinary, high_risk, employee, export }
    }

    /// The handbook that a caller tries.
    pub fn subject_of(&self, caller: &Caller) -> &Subject {
        if caller.about_high_risk { &self.high_risk } else { &self.ordinary }
    }
}

async fn place(world: &World, code: i64, level: RegionLevel, parent: i64) {
    let row = region::Model {
        code: RegionCode(code),
        level,
        name_zh: "另一处".to_owned(),
        parent_code: Some(RegionCode(parent)),
        version: 1,
    };
    region::Entity::insert(row.into_active_model())
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
}

async fn family(world: &World, subject: &Subject) -> Vec<Caller> {
    let relative = async |role| world.relative(&subject.mother, role, MemberRelation::Father).await.id;
    let family = [
        ("owner", subject.mother.user.id),
        ("guardian", relative(MemberRole::Guardian).await),
        ("viewer", relative(MemberRole::Viewer).await),
        ("stranger", world.family_user().await.id),
    ];
    family
        .map(|(name, id)| Caller { name, holder: Some(Holder::User(id)), about_high_risk: false })
        .into_iter()
        .collect()
}

fn staff(name: &'static str, id: StaffId) -> Caller {
    Caller { name, holder: Some(Holder::Staff(id)), about_high_risk: false }
}

async fn institutions_staff(world: &World, county: &County, bound: &Bound) -> Vec<Caller> {
    let hired = async |role, institution| world.worker(&[role], institution).await.id;
    vec![
        staff("clinician-managing", hired(Role::Clinician, county.health_centre).await),
        staff("clinician-visited", bound.visiting),
        staff("clinician-emergency", bound.glass_breaker),
        staff("clinician-late", bound.late),
        staff("clinician-author", bound.author),
        staff("clinician-outside", hired(Role::Clinician, county.foreign_hospital).await),
        staff("desk-managing", hired(Role::HandbookAdministrator, county.health_centre).await),
        staff("desk-issuing", hired(Role::HandbookAdministrator, bound.issuer).await),
        staff("desk-visited", hired(Role::HandbookAdministrator, county.hospital).await),
        staff("desk-outside", hired(Role::HandbookAdministrator, county.foreign_hospital).await),
        staff("kindergarten-visited", hired(Role::KindergartenStaff, county.kindergarten).await),
        staff("kindergarten-outside", hired(Role::KindergartenStaff, county.foreign_hospital).await),
    ]
}

async fn regional_staff(world: &World, bound: &Bound) -> Vec<Caller> {
    let of = async |role, code, level: RegionLevel| world.staff(&[role], None, code, level).await.id;
    let county_mch = of(Role::CountyMch, COUNTY, RegionLevel::County).await;
    vec![
        staff("village-own", of(Role::VillageWorker, VILLAGE, Village).await),
        staff("village-delegated", bound.village_doctor),
        staff("village-outside", of(Role::VillageWorker, OTHER_VILLAGE, Village).await),
        staff("township-own", of(Role::TownshipOffice, TOWN, Town).await),
        staff("township-outside", of(Role::TownshipOffice, OTHER_TOWN, Town).await),
        staff("county-own", county_mch),
        Caller { about_high_risk: true, ..staff("county-high-risk", county_mch) },
        staff("county-outside", of(Role::CountyMch, OTHER_COUNTY, RegionLevel::County).await),
        staff("city-own", of(Role::CityMch, CITY, City).await),
        staff("city-outside", of(Role::CityMch, OTHER_CITY, City).await),
        staff("province-own", of(Role::ProvinceMch, PROVINCE, Province).await),
        staff("province-outside", of(Role::ProvinceMch, OTHER_PROVINCE, Province).await),
        staff("authority-own", of(Role::HealthAuthority, COUNTY, RegionLevel::County).await),
        staff("authority-outside", of(Role::HealthAuthority, OTHER_COUNTY, RegionLevel::County).await),
        staff("system", world.system_administrator().await.id),
    ]
}

impl Bound {
    async fn hired(world: &World, county: &County) -> Self {
        let hospital = async |name| {
            world.institution(name, COUNTY, RegionLevel::County, &[AgencyClass::Midwifery], &[]).await
        };
        let emergency_hospital = hospital("船山区中医院").await;
        let late_hospital = hospital("船山区第二人民医院").await;
        let author_hospital = hospital("船山区第三人民医院").await;
        let classes = [AgencyClass::PrimaryCare];
        let issuer =
            world.institution("桂花镇卫生院", TOWN, Town, &classes, domain::handbook::Group::ALL).await;
        let doctor = async |institution| world.doctor(institution).await.id;
        Self {
            visiting: doctor(county.hospital).await,
            glass_breaker: doctor(emergency_hospital).await,
            late: doctor(late_hospital).await,
            author: doctor(author_hospital).await,
            village_doctor: world.staff(&[Role::VillageWorker], None, OTHER_VILLAGE, Village).await.id,
            emergency_hospital,
            late_hospital,
            author_hospital,
            issuer,
        }
    }
}

async fn subject(world: &World, county: &County, bound: &Bound) -> Subject {
    let mother = world.mother(county).await;
    let db = world.app.db.write();
    let issued_elsewhere = handbook::ActiveModel {
        id: Set(mother.handbook),
        issued_by: Set(bound.issuer),
        ..Default::default()
    };
    handbook::Entity::update(issued_elsewhere).exec(db).await.unwrap();
    let order = serial() % 1000;
    let (child, _) = world.child(mother.handbook, "王小宝", &format!("51090320260301{order:03}")).await;

    let photo = upload_picture(&mother).await;
    let diary = json!({ "date": "2026-11-22", "text": "今天散步了" });
    let body = json!({ "kind": "diary", "subject": "household", "photos": [photo], "payload": diary });
    let entry = mother.user.client.post(&entries(&mother), body).await.ok()["id"].clone();

    world.visit(mother.handbook, county.hospital, bound.visiting).await;
    world.visit(mother.handbook, county.kindergarten, bound.visiting).await;
    let long_ago = world.now() - TimeDelta::days(30);
    visit_of(world, &mother, bound.late_hospital, bound.late, VisitKind::DynamicCode, long_ago).await;
    let now = world.now();
    let (hospital, doctor) = (bound.emergency_hospital, bound.glass_breaker);
    let emergency = visit_of(world, &mother, hospital, doctor, VisitKind::BreakGlass, now).await;
    to_review(world, emergency).await;
    delegation(world, &mother, county, bound.village_doctor).await;
    let alert = danger(world, &mother, county, &entry).await;
    let checkup_of_author = checkup(world, &mother, bound.author_hospital, bound.author, false).await;
    Subject {
        child,
        photo: photo.as_str().unwrap().to_owned(),
        entry: entry.as_str().unwrap().to_owned(),
        checkup: checkup_of_author,
        set_aside: rule_set_aside(world, &mother, bound, checkup_of_author).await,
        request: asked(world, &mother, bound, checkup_of_author).await,
        awaiting: checkup(world, &mother, county.health_centre, bound.village_doctor, true).await,
        alert,
        emergency,
        mother,
    }
}

async fn visit_of(
    world: &World,
    mother: &Mother,
    institution: InstitutionId,
    doctor: StaffId,
    kind: VisitKind,
    opened_at: chrono::DateTime<chrono::Utc>,
) -> VisitId {
    let id = VisitId(Uuid::now_v7());
    let span = Visit::open(kind, opened_at);
    let row = visit::Model {
        id,
        handbook_id: mother.handbook,
        institution_id: institution,
        staff_id: doctor,
        kind,
        reason: None,
        opened_at: span.opened_at,
        ends_at: span.ends_at,
    };
    visit::Entity::insert(row.into_active_model())
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
    id
}

async fn to_review(world: &World, visit: VisitId) {
    let row = break_glass::Model {
        visit_id: visit,
        region_code: RegionCode(VILLAGE),
        reason_code: EmergencyReason::Treatment,
        reviewed_at: None,
        reviewed_by: None,
        accepted: None,
        note: None,
    };
    let inserting = break_glass::Entity::insert(row.into_active_model());
    inserting.exec_without_returning(world.app.db.write()).await.unwrap();
}

async fn rule_set_aside(world: &World, mother: &Mother, bound: &Bound, record: RecordId) -> OverrideId {
    let id = OverrideId(Uuid::now_v7());
    let row = rule_override::Model {
        id,
        kind: Override::Checkup,
        county_code: RegionCode(COUNTY),
        handbook_id: mother.handbook,
        issuance_id: None,
        record_id: Some(record),
        institution_id: bound.author_hospital,
        staff_id: bound.author,
        made_at: world.now(),
        reviewed_at: None,
        reviewed_by: None,
        accepted: None,
        note: None,
    };
    let inserting = rule_override::Entity::insert(row.into_active_model());
    inserting.exec_without_returning(world.app.db.write()).await.unwrap();
    id
}

async fn asked(world: &World, mother: &Mother, bound: &Bound, record: RecordId) -> CorrectionId {
    let id = CorrectionId(Uuid::now_v7());
    let row = correction_request::Model {
        id,
        handbook_id: mother.handbook,
        record_id: record,
        record_version: 1,
        user_id: mother.user.id,
        institution_id: bound.author_hospital,
        county_code: RegionCode(COUNTY),
        state: RequestState::Open,
        says: world.app.keys.seal(api::corrections::store::says_place(id), "血压写错了").unwrap(),
        asked_at: world.now() - TimeDelta::days(20),
        due_on: world.app.today().pred_opt().unwrap(),
        answered_at: None,
        answered_by: None,
        new_version: None,
        reason: None,
    };
    let inserting = correction_request::Entity::insert(row.into_active_model());
    inserting.exec_without_returning(world.app.db.write()).await.unwrap();
    id
}

/// An invitation that the owner gave somebody.
pub async fn invitation(world: &World, mother: &Mother) -> InvitationId {
    let members = format!("/api/v1/handbooks/{}/members", mother.handbook);
    let owner = mother.user.client.get(&members).await.ok()["items"][0]["id"].clone();
    let id = InvitationId(Uuid::now_v7());
    let row = invitation::Model {
        id,
        handbook_id: mother.handbook,
        code_hash: id.0.as_bytes().to_vec(),
        role: MemberRole::Viewer,
        relation: MemberRelation::Other,
        invited_by: owner.as_str().unwrap().parse().unwrap(),
        created_at: world.now(),
        expires_at: world.now() + TimeDelta::days(1),
        used_at: None,
        revoked_at: None,
    };
    let inserting = invitation::Entity::insert(row.into_active_model());
    inserting.exec_without_returning(world.app.db.write()).await.unwrap();
    id
}

/// A delegation of the mother's handbook to a village doctor.
pub async fn delegation(world: &World, mother: &Mother, county: &County, to: StaffId) -> DelegationId {
    let id = DelegationId(Uuid::now_v7());
    let row = delegation::Model {
        id,
        handbook_id: mother.handbook,
        staff_id: to,
        institution_id: county.health_centre,
        created_by: to,
        created_at: world.now(),
        ended_at: None,
    };
    let inserting = delegation::Entity::insert(row.into_active_model());
    inserting.exec_without_returning(world.app.db.write()).await.unwrap();
    id
}

/// The visits of today at the hospital, which one of its clinicians may take.
async fn export(world: &World, county: &County, by: StaffId) -> DisclosureId {
    let (id, today) = (DisclosureId(Uuid::now_v7()), world.app.today());
    let row = disclosure::Model {
        id,
        staff_id: by,
        institution_id: Some(county.hospital),
        region_code: RegionCode(COUNTY),
        region_level: RegionLevel::County,
        county_code: RegionCode(COUNTY),
        goes_above: false,
        list: PersonList::Visits,
        filters: json!({ "from": today, "to": today }),
        list_key: format!("visits/{}/{today}/{today}", county.hospital),
        form: Form::Csv,
        lines: 2,
        purpose: None,
        state: DisclosureState::Ready,
        asked_at: world.now(),
        decided_at: None,
        decided_by: None,
        reason: None,
        holds_until: Some(world.now() + TimeDelta::days(1)),
        taken: 0,
        taken_at: None,
        seen_at: None,
        seen_by: None,
    };
    let inserting = disclosure::Entity::insert(row.into_active_model());
    inserting.exec_without_returning(world.app.db.write()).await.unwrap();
    id
}

async fn danger(world: &World, mother: &Mother, county: &County, entry: &Value) -> AlertId {
    let id = AlertId(Uuid::now_v7());
    let row = alert::Model {
        id,
        handbook_id: mother.handbook,
        record_id: entry.as_str().unwrap().parse().unwrap(),
        institution_id: county.health_centre,
        county_code: RegionCode(COUNTY),
        level: "emergency".to_owned(),
        signs: alerts::store::seal_signs(&world.app.keys, id, []).unwrap(),
        raised_at: world.now(),
        answered_at: None,
        answered_by: None,
        answer: None,
    };
    alert::Entity::insert(row.into_active_model())
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
    id
}

async fn checkup(
    world: &World,
    mother: &Mother,
    institution: InstitutionId,
    author: StaffId,
    awaits_countersign: bool,
) -> RecordId {
    let id = RecordId(Uuid::now_v7());
    let txn = world.app.db.begin().await.unwrap();
    let row = record::Model {
        id,
        handbook_id: mother.handbook,
        subject: SubjectKind::Woman,
        child_id: None,
        pregnancy_id: Some(mother.pregnancy),
        source: Source::Clinician,
        kind: "antenatal_followup".to_owned(),
        edition: "2017".to_owned(),
        occurred_on: world.app.today(),
        occurred_at: None,
        user_id: None,
        staff_id: Some(author),
        author_role: "clinician".to_owned(),
        institution_id: Some(institution),
        visit_id: None,
        state: RecordState::Live,
        is_private: false,
        hidden_seq: None,
        awaits_countersign_of: awaits_countersign.then_some(institution),
        countersigned_by: None,
        payload: json!({}),
        sealed: None,
        warnings: json!([]),
        photos: PhotoIds(Vec::new()),
        edited_at: None,
        override_reason: None,
        recorded_at: world.now(),
        changed_at: world.now(),
        change_seq: api::notices::store::next_change(&txn, mother.handbook).await.unwrap(),
        version: 1,
    };
    record::Entity::insert(row.into_active_model()).exec_without_returning(&txn).await.unwrap();
    txn.commit().await.unwrap();
    id
}
