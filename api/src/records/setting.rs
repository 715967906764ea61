//! What surrounds a record when it is checked: whose it is, who writes it and where, the pregnancy, the birth, and the
//! earlier records that facts are computed from.

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::calendar::start_of_day;
use domain::catalogue::field::{Origin, Referred, Shape};
use domain::catalogue::{
    Checked, ChildSetting, Context, Couple, Draft, Facts, Kind, Lifted, Number, PregnancySetting, Setting,
    Sources, Spouse, history_for,
};
use domain::checkup::CheckupRefusal;
use domain::handbook::Group;
use domain::id::{InstitutionId, PersonId, PhotoId, PregnancyId, RecordId, StaffId};
use domain::institution::InstitutionLevel;
use domain::member::MemberRelation;
use domain::pregnancy::{Dates, Outcome, has_begun, holds};
use domain::record::Subject;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::store::{self, Earlier};
use crate::app::App;
use crate::db::entities::{child, handbook, institution, member, person, pregnancy, staff, wechat_user};
use crate::error::ApiError;
use crate::keys::{Keys, Place};
use crate::people::{self, Identity};

/// A record that somebody wants to write.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The handbook.
    pub handbook: &'a handbook::Model,
    /// The kind, in the edition that is written.
    pub kind: &'a Kind,
    /// Whom it is about.
    pub subject: Subject,
    /// The day on which it happened.
    pub occurred_on: NaiveDate,
    /// What was sent.
    pub payload: &'a Map<String, Json>,
    /// Ids of the questions that were answered yes.
    pub confirmed: &'a [String],
    /// Who writes.
    pub writer: Writer,
    /// The record that is changed, if it is no new one.
    pub except: Option<RecordId>,
}

/// Who writes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The family.
    Family,
    /// A staff member at an institution.
    Staff(StaffId, InstitutionId),
}

/// A record that was accepted, and where it belongs.
#[derive(Debug)]
pub struct Accepted {
    /// What is stored and told.
    pub checked: Checked,
    /// The pregnancy to which it belongs.
    pub pregnancy: Option<PregnancyId>,
    /// The day on which the child that it is about was born.
    pub born_on: Option<NaiveDate>,
    /// The fetus is not born yet: no text may name its sex.
    pub unborn: bool,
}

/// Checks a record against all that is known; every wrong field is told at once.
pub async fn judge(app: &App, db: &impl ConnectionTrait, asked: Asked<'_>) -> Result<Accepted, ApiError> {
    let known = Known::load(app, db, &asked).await?;
    known.must_be_born(&asked)?;
    let told = |errors: Vec<_>| ApiError::Invalid(errors.iter().map(super::form::of_payload).collect());
    let context = known.context(app.now(), &asked);
    let draft = asked.kind.read(asked.payload, &context).map_err(told)?;
    let facts = known.facts(app, db, &asked, &draft).await?;
    let checked = draft.judge(&facts, asked.confirmed).map_err(told)?;
    Ok(Accepted {
        checked,
        pregnancy: known.belongs_to(&asked),
        born_on: known.child.as_ref().map(|child| child.row.born_on),
        unborn: known.unborn,
    })
}

/// Whether a fetus of this handbook is not born yet, so that no text may name its sex. Before any pregnancy or child is
/// registered there may be one that nobody has told us of.
pub async fn is_unborn(db: &impl ConnectionTrait, handbook: &handbook::Model) -> Result<bool, DbErr> {
    let pregnancies = pregnancies_of(db, handbook).await?;
    let children = children_of(db, handbook).await?;
    Ok(unborn(&pregnancies, &children))
}

fn unborn(pregnancies: &[pregnancy::Model], children: &[child::Model]) -> bool {
    let is_open = |pregnancy: &pregnancy::Model| pregnancy.outcome.is_none();
    pregnancies.iter().any(is_open) || (pregnancies.is_empty() && children.is_empty())
}

async fn pregnancies_of(
    db: &impl ConnectionTrait,
    handbook: &handbook::Model,
) -> Result<Vec<pregnancy::Model>, DbErr> {
    let found = pregnancy::Entity::find().filter(pregnancy::COLUMN.handbook_id.eq(handbook.id));
    found.order_by_asc(pregnancy::COLUMN.id).all(db).await
}

async fn children_of(
    db: &impl ConnectionTrait,
    handbook: &handbook::Model,
) -> Result<Vec<child::Model>, DbErr> {
    child::Entity::find().filter(child::COLUMN.handbook_id.eq(handbook.id)).all(db).await
}

/// What the rows of a handbook say about the subject of a record.
struct Known {
    /// The latest pregnancy that had begun on the day, under way or ended.
    pregnancy: Option<pregnancy::Model>,
    planning: bool,
    unborn: bool,
    child: Option<KnownChild>,
    woman: Option<KnownPerson>,
    father: Option<KnownPerson>,
    desk: Option<Desk>,
    body: BodyBefore,
}

/// A person with the sealed part opened.
struct KnownPerson {
    row: person::Model,
    identity: Identity,
}

struct KnownChild {
    row: child::Model,
    person: KnownPerson,
    gestation_days: Option<i64>,
}

/// Who writes at a desk, and where.
struct Desk {
    staff_name: String,
    title: String,
    institution: institution::Model,
}

/// The woman's body before the pregnancy, as records tell.
#[derive(Default)]
struct BodyBefore {
    weight_g: Option<i64>,
    height_mm: Option<i64>,
    screening_result: Option<String>,
}

impl Known {
    async fn load(app: &App, db: &impl ConnectionTrait, asked: &Asked<'_>) -> Result<Self, ApiError> {
        let handbook = asked.handbook;
        let pregnancies = pregnancies_of(db, handbook).await?;
        let children = children_of(db, handbook).await?;
        let unborn = unborn(&pregnancies, &children);
        let planning = is_planning(handbook, &pregnancies, &children);
        let child = match asked.subject.child() {
            Some(id) => Some(
                children
                    .iter()
                    .find(|child| child.id == id)
                    .cloned()
                    .ok_or_else(not_a_child_of_this_handbook)?,
            ),
            None => None,
        };
        let mut people =
            people(app, db, [handbook.woman_id, child.as_ref().map(|child| child.person_id)]).await?;
        let woman = take(&mut people, handbook.woman_id);
        let of_child = take(&mut people, child.as_ref().map(|child| child.person_id));
        let child = child.zip(of_child).map(|(row, person)| {
            let gestation_days = gestation_at_birth(&row, &pregnancies);
            KnownChild { row, person, gestation_days }
        });
        let begun = pregnancies.into_iter().filter(|one| has_begun(one.due_on, asked.occurred_on));
        let pregnancy = begun.max_by_key(|pregnancy| pregnancy.due_on);
        let father = if names_father(asked.kind) { father(app, db, handbook).await? } else { None };
        let desk = match asked.writer {
            Writer::Family => None,
            Writer::Staff(staff, institution) => Some(desk(app, db, staff, institution).await?),
        };
        let body = BodyBefore::load(app, db, asked, pregnancy.as_ref()).await?;
        Ok(Self { pregnancy, planning, unborn, child, woman, father, desk, body })
    }

    /// Nothing happened to a child before its birth; said before the fields are, which would say it one by one.
    fn must_be_born(&self, asked: &Asked<'_>) -> Result<(), ApiError> {
        let Some(born_on) = self.child.as_ref().map(|child| child.row.born_on) else { return Ok(()) };
        if asked.occurred_on < born_on {
            return Err(CheckupRefusal::BeforeBirth(asked.occurred_on, born_on).into());
        }
        Ok(())
    }

    /// A child belongs to the pregnancy that it was born of, the woman's records to that of their day.
    fn belongs_to(&self, asked: &Asked<'_>) -> Option<PregnancyId> {
        match &self.child {
            Some(child) => child.row.pregnancy_id,
            None => self
                .pregnancy
                .as_ref()
                .filter(|pregnancy| holds(pregnancy.due_on, pregnancy.ended_on, asked.occurred_on))
                .map(|pregnancy| pregnancy.id),
        }
    }

    fn context(&self, now: DateTime<Utc>, asked: &Asked<'_>) -> Context {
        let mut sources = Sources {
            handbook_number: Some(asked.handbook.number.clone()),
            handbook_issued_on: Some(asked.handbook.issued_on),
            handbook_is_issued: Some(asked.handbook.state.is_live()),
            ..Sources::default()
        };
        self.fill_people(&mut sources);
        self.fill_pregnancy(&mut sources, asked.occurred_on);
        self.fill_birth(&mut sources);
        self.fill_desk(&mut sources);
        let couple = Couple {
            wife: self.woman.as_ref().map(spouse).unwrap_or_default(),
            husband: self.father.as_ref().map(spouse).unwrap_or_default(),
        };
        Context { now, occurred_on: asked.occurred_on, sources, couple, unborn: self.unborn }
    }

    fn fill_people(&self, sources: &mut Sources) {
        let woman = self.woman.as_ref();
        let subject = self.child.as_ref().map(|child| &child.person).or(woman);
        if let Some(subject) = subject {
            let identity = &subject.identity;
            sources.person_name = Some(identity.name.clone());
            sources.person_sex = subject.row.sex.map(|sex| sex.code().to_owned());
            sources.person_birth_date = subject.row.born_on;
            sources.person_id_number = identity.id_number.clone();
            sources.person_health_record_no = identity.health_record_no.clone();
            sources.person_ethnicity = identity.ethnicity.clone();
            sources.person_education = identity.education.clone();
        }
        let of_family = |field: fn(&Identity) -> Option<String>| {
            subject
                .and_then(|one| field(&one.identity))
                .or_else(|| woman.and_then(|one| field(&one.identity)))
        };
        sources.person_phone = of_family(|identity| identity.phone.clone());
        sources.person_address = of_family(|identity| identity.address.clone());
        if let Some(child) = &self.child {
            sources.person_birth_date = Some(child.row.born_on);
        }
        if let Some(woman) = woman {
            let identity = &woman.identity;
            sources.household_address = identity.address.clone();
            sources.household_phone = identity.phone.clone();
            sources.mother_name = Some(identity.name.clone());
            sources.mother_occupation = identity.occupation.clone();
            sources.mother_phone = identity.phone.clone();
            sources.mother_birth_date = woman.row.born_on;
        }
        if let Some(father) = &self.father {
            let identity = &father.identity;
            sources.father_name = Some(identity.name.clone());
            sources.father_occupation = identity.occupation.clone();
            sources.father_phone = identity.phone.clone();
            sources.father_birth_date = father.row.born_on;
            sources.spouse_name = Some(identity.name.clone());
            sources.spouse_phone = identity.phone.clone();
            sources.spouse_birth_date = father.row.born_on;
        }
    }

    fn fill_pregnancy(&self, sources: &mut Sources, on: NaiveDate) {
        sources.person_height_m = self.body.height_mm.and_then(|mm| Number::scaled(i128::from(mm), 3));
        sources.pregnancy_prepregnancy_weight_kg =
            self.body.weight_g.and_then(|grams| Number::scaled(i128::from(grams), 3));
        sources.pregnancy_screening_result = self.body.screening_result.clone();
        let Some(pregnancy) = &self.pregnancy else { return };
        let under_way = pregnancy.ended_on.is_none_or(|ended_on| on <= ended_on);
        sources.pregnancy_gestational_days = under_way.then(|| Dates::gestational_days(pregnancy.due_on, on));
        sources.pregnancy_lmp = pregnancy.last_period_on;
        sources.pregnancy_lmp_unknown = Some(pregnancy.last_period_on.is_none());
        sources.pregnancy_edd = Some(pregnancy.due_on);
        sources.pregnancy_risk_grade = pregnancy.risk_grade.clone();
        if was_delivered(pregnancy) {
            sources.delivery_delivered_on = pregnancy.ended_on;
            sources.delivery_discharged_on = pregnancy.discharged_on;
        }
    }

    fn fill_birth(&self, sources: &mut Sources) {
        let Some(child) = &self.child else { return };
        sources.birth_born_at = Some(born_at(&child.row));
        sources.birth_gestational_days = child.gestation_days;
        sources.birth_weight_g = child.row.birth_weight_g.map(i64::from);
    }

    fn fill_desk(&self, sources: &mut Sources) {
        let Some(desk) = &self.desk else { return };
        sources.session_staff = Some(desk.staff_name.clone());
        sources.session_staff_title = rank_of(&desk.title).map(str::to_owned);
        sources.session_institution = Some(desk.institution.name.clone());
        sources.session_institution_level = Some(desk.institution.level)
            .filter(|level| *level != InstitutionLevel::None)
            .map(|level| level.code().to_owned());
    }

    /// The facts that rules of the kind may use.
    async fn facts(
        &self,
        app: &App,
        db: &impl ConnectionTrait,
        asked: &Asked<'_>,
        draft: &Draft<'_>,
    ) -> Result<Facts, ApiError> {
        let needed = history_for(&asked.kind.key);
        let since = needed.days.and_then(|days| asked.occurred_on.checked_sub_days(Days::new(days)));
        let rows = store::earlier(db, earlier(asked, needed.kinds, since)).await?;
        let history: Vec<Lifted> =
            store::lifted(&app.catalogue, &app.keys, &rows).into_iter().map(|(lifted, _)| lifted).collect();
        Ok(app.catalogue.facts_of(&history, draft.lifted(), &self.setting(asked)))
    }

    fn setting(&self, asked: &Asked<'_>) -> Setting {
        Setting {
            subject: asked.subject.kind(),
            occurred_on: asked.occurred_on,
            planning: self.planning,
            pregnancy: self.pregnancy.as_ref().map(|pregnancy| PregnancySetting {
                edd: Some(pregnancy.due_on),
                lmp: pregnancy.last_period_on,
                ended_on: pregnancy.ended_on,
                delivered: was_delivered(pregnancy),
                weight_before_g: self.body.weight_g,
                height_mm: self.body.height_mm,
            }),
            child: self.child.as_ref().map(|child| ChildSetting {
                born_at: born_at(&child.row),
                gestation_days: child.gestation_days,
                birth_weight_g: child.row.birth_weight_g.map(i64::from),
            }),
        }
    }
}

impl BodyBefore {
    /// Weight and height are only asked for where the weight of the woman is judged, the screening where a form prints it.
    async fn load(
        app: &App,
        db: &impl ConnectionTrait,
        asked: &Asked<'_>,
        pregnancy: Option<&pregnancy::Model>,
    ) -> Result<Self, ApiError> {
        let mut body = Self::default();
        let Some(pregnancy) = pregnancy.filter(|_| asked.subject == Subject::Woman) else { return Ok(body) };
        if asked.kind.key == "weight" {
            let kinds = ["weight", "antenatal_first"];
            let rows = store::earlier(db, earlier(asked, &kinds, None)).await?;
            let lifted = store::lifted(&app.catalogue, &app.keys, &rows);
            body.weight_g = weight_before(&lifted, pregnancy.due_on);
            body.height_mm = lifted.iter().find_map(|(_, payload)| height_mm(payload));
        }
        if is_filled_from(asked.kind, |source| source == "pregnancy.screening_result") {
            let screening =
                store::latest_of_pregnancy(db, asked.handbook.id, pregnancy.id, "risk_screening").await?;
            body.screening_result =
                screening.and_then(|row| row.payload.get("result").and_then(Json::as_str).map(str::to_owned));
        }
        Ok(body)
    }
}

fn earlier<'a>(asked: &Asked<'_>, kinds: &'a [&'a str], since: Option<NaiveDate>) -> Earlier<'a> {
    Earlier {
        handbook: asked.handbook.id,
        subject: asked.subject,
        kinds,
        since,
        with_private: asked.writer == Writer::Family,
        except: asked.except,
    }
}

/// The last weight before the pregnancy, within half a year; else the first of the first 12 weeks, which stands in for it
/// (WS/T 801-2022).
fn weight_before(lifted: &[(Lifted, Map<String, Json>)], due_on: NaiveDate) -> Option<i64> {
    let weeks = |record: &Lifted| {
        Dates::gestational_days(due_on, domain::calendar::day_in_china(record.at)).div_euclid(7)
    };
    let weights = || lifted.iter().filter_map(|(record, _)| Some((weeks(record), record.weight_g?)));
    let before = weights().filter(|(week, _)| (-26..0).contains(week)).max_by_key(|(week, _)| *week);
    let early = || weights().filter(|(week, _)| (0..12).contains(week)).min_by_key(|(week, _)| *week);
    before.or_else(early).map(|(_, grams)| grams)
}

fn height_mm(payload: &Map<String, Json>) -> Option<i64> {
    let centimetres = payload.get("height").or_else(|| payload.get("height_cm"))?.as_f64()?;
    // A height in the catalogue has one decimal and lies between 100 and 230 cm.
    Some((centimetres * 10.0).round() as i64)
}

fn is_planning(
    handbook: &handbook::Model,
    pregnancies: &[pregnancy::Model],
    children: &[child::Model],
) -> bool {
    match pregnancies.last() {
        None => children.is_empty() && handbook.issued_group == Group::Planning,
        Some(last) => last.outcome.is_some_and(Outcome::is_loss),
    }
}

fn was_delivered(pregnancy: &pregnancy::Model) -> bool {
    matches!(pregnancy.outcome, Some(Outcome::LiveBirth | Outcome::Stillbirth))
}

fn born_at(child: &child::Model) -> DateTime<Utc> {
    child.born_at.unwrap_or_else(|| start_of_day(child.born_on))
}

fn gestation_at_birth(child: &child::Model, pregnancies: &[pregnancy::Model]) -> Option<i64> {
    let own = pregnancies.iter().find(|pregnancy| Some(pregnancy.id) == child.pregnancy_id);
    let counted = own.map(|pregnancy| Dates::gestational_days(pregnancy.due_on, child.born_on));
    child.gestational_days.map(i64::from).or(counted)
}

fn not_a_child_of_this_handbook() -> ApiError {
    ApiError::field(
        "/subject/child",
        "unknown_child",
        "手册中没有这个儿童。",
        "This handbook has no such child.",
    )
}

fn names_father(kind: &Kind) -> bool {
    is_filled_from(kind, |source| {
        ["father.", "spouse.", "member."].iter().any(|prefix| source.starts_with(prefix))
    })
}

fn is_filled_from(kind: &Kind, wanted: impl Fn(&str) -> bool) -> bool {
    kind.fields.iter().any(|field| matches!(field.origin, Origin::Server(source) if wanted(source.name())))
}

async fn people(
    app: &App,
    db: &impl ConnectionTrait,
    ids: [Option<PersonId>; 2],
) -> Result<Vec<KnownPerson>, ApiError> {
    let ids: Vec<PersonId> = ids.into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = person::Entity::find().filter(person::COLUMN.id.is_in(ids)).all(db).await?;
    rows.into_iter().map(|row| opened(&app.keys, row)).collect()
}

fn take(people: &mut Vec<KnownPerson>, id: Option<PersonId>) -> Option<KnownPerson> {
    let at = people.iter().position(|known| Some(known.row.id) == id)?;
    Some(people.swap_remove(at))
}

fn opened(keys: &Keys, row: person::Model) -> Result<KnownPerson, ApiError> {
    let identity = people::store::identity(keys, &row)?;
    Ok(KnownPerson { row, identity })
}

/// The father as far as he is a member who has proved who he is.
async fn father(
    app: &App,
    db: &impl ConnectionTrait,
    handbook: &handbook::Model,
) -> Result<Option<KnownPerson>, ApiError> {
    let user_of_member = member::Entity::belongs_to(wechat_user::Entity)
        .from(member::Column::UserId)
        .to(wechat_user::Column::Id)
        .into();
    let of_father = member::Entity::find()
        .select_only()
        .column(wechat_user::Column::PersonId)
        .join(JoinType::InnerJoin, user_of_member)
        .filter(member::COLUMN.handbook_id.eq(handbook.id))
        .filter(member::COLUMN.relation.eq(MemberRelation::Father))
        .filter(member::COLUMN.ended_at.is_null())
        .filter(wechat_user::COLUMN.person_id.is_not_null());
    let Some(id) = of_father.into_tuple::<PersonId>().one(db).await? else { return Ok(None) };
    let row = person::Entity::find_by_id(id).one(db).await?;
    row.map(|row| opened(&app.keys, row)).transpose()
}

fn spouse(known: &KnownPerson) -> Spouse {
    let identity = &known.identity;
    Spouse {
        name: Some(identity.name.clone()),
        birth_date: known.row.born_on,
        id_number: identity.id_number.clone(),
        ethnicity: identity.ethnicity.clone(),
        occupation: identity.occupation.clone(),
        education: identity.education.clone(),
        registered_address: identity.registered_address.clone(),
    }
}

async fn desk(
    app: &App,
    db: &impl ConnectionTrait,
    staff: StaffId,
    institution: InstitutionId,
) -> Result<Desk, ApiError> {
    let gone = || ApiError::internal(anyhow::anyhow!("a caller's staff row or institution is gone"));
    let staff = staff::Entity::find_by_id(staff).one(db).await?.ok_or_else(gone)?;
    let institution = institution::Entity::find_by_id(institution).one(db).await?.ok_or_else(gone)?;
    Ok(Desk { staff_name: staff_name(&app.keys, &staff)?, title: staff.title, institution })
}

/// The name of a staff member.
pub fn staff_name(keys: &Keys, staff: &staff::Model) -> Result<String, ApiError> {
    keys.open(Place::new("staff.name", staff.id.0), &staff.name).map_err(ApiError::Internal)
}

/// The rank that forms ask for, out of the professional title (卫生技术职称).
fn rank_of(title: &str) -> Option<&'static str> {
    const RANKS: [(&str, &str); 4] = [
        ("副主任医师", "associate_chief"),
        ("主任医师", "chief"),
        ("主治医师", "attending"),
        ("住院医师", "resident"),
    ];
    RANKS.iter().find(|(known, _)| title.contains(known)).map(|(_, rank)| *rank)
}

/// What a payload points to: photos and records, each with its place in the body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// Photos and signatures.
    pub photos: Vec<PhotoId>,
    /// Other records, with the place of the field.
    pub records: Vec<(String, RecordId)>,
}

/// Collects what a checked payload points to.
pub fn pointers(kind: &Kind, payload: &Map<String, Json>) -> Pointers {
    let mut found = Pointers::default();
    for field in &kind.fields {
        let referred = match &field.shape {
            Shape::Reference(referred) | Shape::References { referred, .. } => *referred,
            _ => continue,
        };
        let objects: Vec<(String, &Map<String, Json>)> = match kind.repeating(field) {
            None => vec![(String::new(), payload)],
            Some(group) => payload
                .get(&group.key)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .enumerate()
                .filter_map(|(at, item)| Some((format!("/{}/{at}", group.key), item.as_object()?)))
                .collect(),
        };
        for (place, object) in objects {
            let ids = object.get(&field.key).into_iter().flat_map(ids_in);
            match referred {
                Referred::Attachment | Referred::Signature => found.photos.extend(ids.map(PhotoId)),
                Referred::Record => {
                    let pointer = format!("/payload{place}/{}", field.key);
                    found.records.extend(ids.map(|id| (pointer.clone(), RecordId(id))));
                }
            }
        }
    }
    found
}

fn ids_in(value: &Json) -> Vec<Uuid> {
    let texts: Vec<&str> = match value {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| Uuid::try_parse(text).ok()).collect()
}

/// Refuses a payload that points to a record which is not there.
pub async fn must_exist(
    db: &impl ConnectionTrait,
    handbook: &handbook::Model,
    records: &[(String, RecordId)],
) -> Result<(), ApiError> {
    for (pointer, id) in records {
        if store::count_live(db, handbook.id, &[*id]).await? == 0 {
            return Err(ApiError::field(
                pointer,
                "unknown_record",
                "手册中没有这条记录。",
                "This handbook has no such record.",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_gives_its_rank() {
        let cases = [
            ("副主任医师", Some("associate_chief")),
            ("主任医师", Some("chief")),
            ("主治医师", Some("attending")),
            ("主管护师", None),
        ];
        for (title, rank) in cases {
            assert_eq!(rank_of(title), rank, "{title}");
        }
    }
}
