//! Rows of people.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{HandbookId, PersonId};
use domain::member::MemberRelation;
use domain::person::{IdNumber, Phone, Sex};
use domain::place::RegionCode;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, JoinType,
    QueryFilter, QueryOrder, QuerySelect, Select, SqlErr, TryInsertResult,
};
use uuid::Uuid;

use super::Identity;
use crate::db::entities::{member, person, wechat_user};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::keys::{Keys, Place, places};
use crate::problem::Code;

/// Most people that one phone number may stand for in a look-up: a family shares a phone.
const SHARED_PHONE: u64 = 20;

/// A person to be kept.
#[derive(Debug)]
pub struct NewPerson<'a> {
    /// Identity fields.
    pub identity: &'a Identity,
    /// Birth date.
    pub born_on: Option<NaiveDate>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Region of the present address.
    pub region: Option<RegionCode>,
}

/// The blind index of an ID number.
pub fn id_number_index(keys: &Keys, number: &IdNumber) -> Vec<u8> {
    keys.blind("id_number", number.as_str())
}

/// The blind index of a phone number.
pub fn phone_index(keys: &Keys, phone: &Phone) -> Vec<u8> {
    keys.blind("phone", phone.as_str())
}

/// The identity of a row.
pub fn identity(keys: &Keys, row: &person::Model) -> Result<Identity, ApiError> {
    keys.open(Place::new(places::PERSON_IDENTITY, row.id.0), &row.identity).map_err(ApiError::Internal)
}

/// The person with an ID number.
pub async fn by_id_number(
    db: &impl ConnectionTrait,
    keys: &Keys,
    number: &IdNumber,
) -> Result<Option<person::Model>, DbErr> {
    person::Entity::find()
        .filter(person::COLUMN.id_number_index.eq(id_number_index(keys, number)))
        .one(db)
        .await
}

/// The people who gave a phone number, the latest first.
pub async fn by_phone(
    db: &impl ConnectionTrait,
    keys: &Keys,
    phone: &Phone,
) -> Result<Vec<person::Model>, DbErr> {
    with_phone(keys, phone).order_by_desc(person::COLUMN.id).limit(SHARED_PHONE).all(db).await
}

/// Those of them who were born on a day, the first that was kept before the others.
pub async fn by_phone_and_birth(
    db: &impl ConnectionTrait,
    keys: &Keys,
    phone: &Phone,
    born_on: NaiveDate,
) -> Result<Vec<person::Model>, DbErr> {
    with_phone(keys, phone)
        .filter(person::COLUMN.born_on.eq(born_on))
        .order_by_asc(person::COLUMN.id)
        .all(db)
        .await
}

fn with_phone(keys: &Keys, phone: &Phone) -> Select<person::Entity> {
    person::Entity::find().filter(person::COLUMN.phone_index.eq(phone_index(keys, phone)))
}

/// The person with an id.
pub async fn by_id(db: &impl ConnectionTrait, id: PersonId) -> Result<Option<person::Model>, DbErr> {
    person::Entity::find_by_id(id).one(db).await
}

/// The people with these ids.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = PersonId>,
) -> Result<HashMap<PersonId, person::Model>, DbErr> {
    let found = rows_in(db, person::Entity::find(), person::Column::Id, ids).await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// The father, as far as he is a member of the handbook and has proved who he is.
pub async fn father_in(db: &impl ConnectionTrait, handbook: HandbookId) -> Result<Option<PersonId>, DbErr> {
    let user_of_member = member::Entity::belongs_to(wechat_user::Entity)
        .from(member::Column::UserId)
        .to(wechat_user::Column::Id)
        .into();
    member::Entity::find()
        .select_only()
        .column(wechat_user::Column::PersonId)
        .join(JoinType::InnerJoin, user_of_member)
        .filter(member::COLUMN.handbook_id.eq(handbook))
        .filter(member::COLUMN.relation.eq(MemberRelation::Father))
        .filter(member::COLUMN.ended_at.is_null())
        .filter(wechat_user::COLUMN.person_id.is_not_null())
        .into_tuple()
        .one(db)
        .await
}

/// Keeps a new person, or nothing (`None`) when another has the ID number: somebody was faster.
pub async fn insert_unless_known(
    db: &impl ConnectionTrait,
    keys: &Keys,
    new: NewPerson<'_>,
    now: DateTime<Utc>,
) -> Result<Option<person::Model>, ApiError> {
    let row = new_row(keys, new, now)?;
    let known = OnConflict::column(person::Column::IdNumberIndex).do_nothing().to_owned();
    match person::Entity::insert(row.clone().into_active_model())
        .on_conflict(known)
        .try_insert()
        .exec(db)
        .await?
    {
        TryInsertResult::Inserted(_) => Ok(Some(row)),
        TryInsertResult::Conflicted | TryInsertResult::Empty => Ok(None),
    }
}

/// Keeps a new person.
pub async fn insert(
    db: &impl ConnectionTrait,
    keys: &Keys,
    new: NewPerson<'_>,
    now: DateTime<Utc>,
) -> Result<person::Model, ApiError> {
    let row = new_row(keys, new, now)?;
    person::Entity::insert(row.clone().into_active_model()).exec_without_returning(db).await?;
    Ok(row)
}

/// Forgets the sex of people without an ID number.
pub async fn forget_sex(
    txn: &impl ConnectionTrait,
    people: impl IntoIterator<Item = PersonId>,
) -> Result<(), DbErr> {
    let forgotten = person::ActiveModel { sex: Set(None), ..Default::default() };
    let forget = person::Entity::update_many()
        .set(forgotten)
        .filter(person::COLUMN.id.is_in(people))
        .filter(person::COLUMN.id_number_index.is_null());
    forget.exec(txn).await.map(|_| ())
}

fn new_row(keys: &Keys, new: NewPerson<'_>, now: DateTime<Utc>) -> Result<person::Model, ApiError> {
    let id = PersonId(Uuid::now_v7());
    let (id_number_index, phone_index) = indexes(keys, new.identity);
    let place = Place::new(places::PERSON_IDENTITY, id.0);
    Ok(person::Model {
        id,
        identity: keys.seal(place, new.identity).map_err(ApiError::Internal)?,
        id_number_index,
        phone_index,
        born_on: new.born_on,
        sex: new.sex,
        region_code: new.region,
        created_at: now,
        version: 1,
    })
}

/// Writes a changed identity over the row as it was read, raising its version; `None` when the row moved on meanwhile. An
/// ID number that another person has, or is given at the same moment, is refused.
pub async fn update_identity(
    db: &impl ConnectionTrait,
    keys: &Keys,
    row: &person::Model,
    new: NewPerson<'_>,
) -> Result<Option<person::Model>, ApiError> {
    let (id_number_index, phone_index) = indexes(keys, new.identity);
    let changed = person::ActiveModel {
        identity: Set(keys
            .seal(Place::new(places::PERSON_IDENTITY, row.id.0), new.identity)
            .map_err(ApiError::Internal)?),
        id_number_index: Set(id_number_index),
        phone_index: Set(phone_index),
        born_on: Set(new.born_on),
        sex: Set(new.sex),
        region_code: Set(new.region),
        version: Set(row.version + 1),
        ..Default::default()
    };
    let updated = person::Entity::update_many()
        .set(changed)
        .filter(person::COLUMN.id.eq(row.id))
        .filter(person::COLUMN.version.eq(row.version))
        .exec_with_returning(db)
        .await
        .map_err(|err| match err.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => ApiError::told(Code::IdNumberTaken),
            _ => err.into(),
        })?;
    Ok(updated.into_iter().next())
}

fn indexes(keys: &Keys, identity: &Identity) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let number = identity.id_number.as_deref().and_then(|text| IdNumber::parse(text).ok());
    let phone = identity.phone.as_deref().and_then(|text| Phone::parse(text).ok());
    (number.map(|number| id_number_index(keys, &number)), phone.map(|phone| phone_index(keys, &phone)))
}
