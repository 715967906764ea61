//! Rows of people.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::PersonId;
use domain::person::{IdNumber, Phone, Sex};
use domain::place::RegionCode;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::Identity;
use crate::db::entities::person;
use crate::error::ApiError;
use crate::keys::{Keys, Place};

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
    keys.open(Place::new("person.identity", row.id.0), &row.identity).map_err(ApiError::Internal)
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

/// The people who gave a phone number.
pub async fn by_phone(
    db: &impl ConnectionTrait,
    keys: &Keys,
    phone: &Phone,
) -> Result<Vec<person::Model>, DbErr> {
    let found = person::Entity::find().filter(person::COLUMN.phone_index.eq(phone_index(keys, phone)));
    found.limit(SHARED_PHONE).all(db).await
}

/// Keeps a new person.
pub async fn insert(
    db: &impl ConnectionTrait,
    keys: &Keys,
    new: NewPerson<'_>,
    now: DateTime<Utc>,
) -> Result<person::Model, ApiError> {
    let id = PersonId(Uuid::now_v7());
    let (id_number_index, phone_index) = indexes(keys, new.identity);
    let row = person::ActiveModel {
        id: Set(id),
        identity: Set(keys
            .seal(Place::new("person.identity", id.0), new.identity)
            .map_err(ApiError::Internal)?),
        id_number_index: Set(id_number_index),
        phone_index: Set(phone_index),
        born_on: Set(new.born_on),
        sex: Set(new.sex),
        region_code: Set(new.region),
        created_at: Set(now),
        version: Set(1),
    };
    Ok(person::Entity::insert(row).exec_with_returning(db).await?)
}

/// Writes a changed identity over the row, raising its version.
pub async fn update_identity(
    db: &impl ConnectionTrait,
    keys: &Keys,
    row: &person::Model,
    new: NewPerson<'_>,
) -> Result<person::Model, ApiError> {
    let (id_number_index, phone_index) = indexes(keys, new.identity);
    let changed = person::ActiveModel {
        id: Set(row.id),
        identity: Set(keys
            .seal(Place::new("person.identity", row.id.0), new.identity)
            .map_err(ApiError::Internal)?),
        id_number_index: Set(id_number_index),
        phone_index: Set(phone_index),
        born_on: Set(new.born_on),
        sex: Set(new.sex),
        region_code: Set(new.region),
        version: Set(row.version + 1),
        ..Default::default()
    };
    Ok(person::Entity::update(changed).exec(db).await?)
}

fn indexes(keys: &Keys, identity: &Identity) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let number = identity.id_number.as_deref().and_then(|text| IdNumber::parse(text).ok());
    let phone = identity.phone.as_deref().and_then(|text| Phone::parse(text).ok());
    (number.map(|number| id_number_index(keys, &number)), phone.map(|phone| phone_index(keys, &phone)))
}
