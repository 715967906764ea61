//! Keeps a person who came with a form: the one who is known already, refreshed, or a new one.

use chrono::{DateTime, NaiveDate, Utc};
use domain::handbook::identity::Grip;
use domain::person::{IdNumber, Phone, Sex};
use domain::place::RegionCode;
use sea_orm::ConnectionTrait;

use super::Identity;
use super::store::{self, NewPerson};
use crate::db::entities::person;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::problem::Code;

/// A person as a checked form names them.
#[derive(Debug, Clone)]
pub struct PersonOnForm {
    /// Identity fields; those left out stay as they are known.
    pub identity: Identity,
    /// The ID number, as in `identity`.
    pub id_number: Option<IdNumber>,
    /// The phone, as in `identity`.
    pub phone: Option<Phone>,
    /// Birth date.
    pub born_on: NaiveDate,
    /// Sex, if the form or the ID number tells it.
    pub sex: Option<Sex>,
    /// Region of the present address.
    pub region: RegionCode,
}

/// The person of a form.
#[derive(Debug)]
pub struct Kept {
    /// The row as it is now.
    pub row: person::Model,
    /// The person was known, and the form changed what is known of them.
    pub was_refreshed: bool,
}

/// How often a row that others change at the same moment is read again.
const PATIENCE: usize = 3;

/// Keeps the person of a form, as far as whoever fills it in has a grip on a known one. The ID number decides who it is;
/// where none is known on one side, name, birth date and phone together do.
pub async fn keep(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    form: &PersonOnForm,
    grip: Grip,
    now: DateTime<Utc>,
) -> Result<Kept, ApiError> {
    for _ in 0..PATIENCE {
        let Some(row) = known(txn, keys, form).await? else {
            let new = as_new(&form.identity, form.born_on, form.sex, form.region);
            match store::insert_unless_known(txn, keys, new, now).await? {
                Some(row) => return Ok(Kept { row, was_refreshed: false }),
                None => continue,
            }
        };
        let before = store::identity(keys, &row)?;
        let after = match grip {
            Grip::Answers => refreshed(&before, &form.identity),
            Grip::AnswersForChild => {
                let phone = before.phone.clone().or_else(|| form.identity.phone.clone());
                Identity { phone, ..refreshed(&before, &form.identity) }
            }
            Grip::Elsewhere => filled(&before, &form.identity),
        };
        let new = match grip {
            Grip::Answers | Grip::AnswersForChild => {
                as_new(&after, form.born_on, form.sex.or(row.sex), form.region)
            }
            Grip::Elsewhere => NewPerson {
                identity: &after,
                born_on: row.born_on.or(Some(form.born_on)),
                sex: row.sex.or(form.sex),
                region: row.region_code,
            },
        };
        if after == before && (new.region, new.born_on) == (row.region_code, row.born_on) {
            return Ok(Kept { row, was_refreshed: false });
        }
        if let Some(row) = store::update_identity(txn, keys, &row, new).await? {
            return Ok(Kept { row, was_refreshed: true });
        }
    }
    Err(ApiError::told(Code::Conflict))
}

fn as_new(identity: &Identity, born_on: NaiveDate, sex: Option<Sex>, region: RegionCode) -> NewPerson<'_> {
    NewPerson { identity, born_on: Some(born_on), sex, region: Some(region) }
}

/// The person of a form, if they are known already.
pub async fn known(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    form: &PersonOnForm,
) -> Result<Option<person::Model>, ApiError> {
    if let Some(number) = &form.id_number
        && let Some(row) = store::by_id_number(txn, keys, number).await?
    {
        return Ok(Some(row));
    }
    let Some(phone) = &form.phone else { return Ok(None) };
    for row in store::by_phone_and_birth(txn, keys, phone, form.born_on).await? {
        let identity = store::identity(keys, &row)?;
        let one_has_none = identity.id_number.is_none() || form.id_number.is_none();
        if one_has_none && identity.name == form.identity.name {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// What was known, with what the form says where nothing was, but for what finds or proves somebody.
fn filled(before: &Identity, form: &Identity) -> Identity {
    let known = |before: &Option<String>, form: &Option<String>| before.clone().or_else(|| form.clone());
    Identity {
        registered_address: known(&before.registered_address, &form.registered_address),
        health_record_no: known(&before.health_record_no, &form.health_record_no),
        ethnicity: known(&before.ethnicity, &form.ethnicity),
        education: known(&before.education, &form.education),
        occupation: known(&before.occupation, &form.occupation),
        ..before.clone()
    }
}

/// What was known, with what the form says instead.
fn refreshed(before: &Identity, form: &Identity) -> Identity {
    let newer = |form: &Option<String>, before: &Option<String>| form.clone().or_else(|| before.clone());
    Identity {
        name: if form.name.is_empty() { before.name.clone() } else { form.name.clone() },
        id_number: newer(&form.id_number, &before.id_number),
        phone: newer(&form.phone, &before.phone),
        address: newer(&form.address, &before.address),
        registered_address: newer(&form.registered_address, &before.registered_address),
        health_record_no: newer(&form.health_record_no, &before.health_record_no),
        ethnicity: newer(&form.ethnicity, &before.ethnicity),
        education: newer(&form.education, &before.education),
        occupation: newer(&form.occupation, &before.occupation),
    }
}
