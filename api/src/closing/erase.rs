//! What erasing means: a family's part of a handbook, the phones of who is in none that is in use, and a handbook with
//! everybody in it. The caller holds the handbook.

use chrono::{DateTime, Utc};
use domain::id::{HandbookId, PersonId};
use sea_orm::ConnectionTrait;

use super::store::delete::{self, Deleted, InUse, Whose};
use super::store::{count_clinical, people_of};
use crate::buried::{FAMILY, bury};
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::people::Identity;
use crate::people::store::{self as people, NewPerson};

/// Deletes what a family has of a handbook, of its entries some people's or everybody's, and writes down that it has gone.
pub async fn family(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    whose: Whose<'_>,
    now: DateTime<Utc>,
) -> Result<Deleted, ApiError> {
    let entries = delete::entries(txn, held, whose, now).await?;
    let notices = family_side(txn, held, now).await?;
    Ok(Deleted { entries, notices })
}

/// Deletes what a family that went at `left_at` had of a handbook beside entries. Gives how many notices there were.
pub async fn family_side(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    left_at: DateTime<Utc>,
) -> Result<u64, ApiError> {
    bury(txn, FAMILY, held.id.0, left_at).await?;
    delete::requests(txn, held.id, None).await?;
    Ok(delete::family_side(txn, held.id).await?)
}

/// Takes phone and addresses off the people of a handbook who are in no other one that is in use. Gives how many had a
/// phone.
pub async fn phones(keys: &Keys, txn: &impl ConnectionTrait, row: &handbook::Model) -> Result<u64, ApiError> {
    let mut had = 0;
    for id in people_of(txn, row).await? {
        if delete::is_in(txn, id, row.id, InUse::Open).await? {
            continue;
        }
        let Some(person) = people::by_id(txn, id).await? else { continue };
        let before = people::identity(keys, &person)?;
        had += u64::from(before.phone.is_some());
        let kept = Identity {
            name: before.name,
            id_number: before.id_number,
            health_record_no: before.health_record_no,
            ..Identity::default()
        };
        let new = NewPerson {
            identity: &kept,
            born_on: person.born_on,
            sex: person.sex,
            region: person.region_code,
        };
        people::update_identity(txn, keys, &person, new).await?;
    }
    Ok(had)
}

/// Deletes everything of a handbook that tells of somebody, and takes the people out of what is left for counting. Gives how
/// many clinical records there were.
pub async fn everything(
    keys: &Keys,
    txn: &impl ConnectionTrait,
    row: &handbook::Model,
    now: DateTime<Utc>,
) -> Result<u64, ApiError> {
    delete::family_side(txn, row.id).await?;
    delete::requests(txn, row.id, None).await?;
    let clinical = count_clinical(txn, row.id).await?;
    delete::content(txn, row, now).await?;
    for person in people_of(txn, row).await? {
        forget(keys, txn, person, row.id).await?;
    }
    delete::people(txn, row.id, now).await?;
    Ok(clinical)
}

/// Takes a person's identity away, unless they are in another handbook or hold an account.
async fn forget(
    keys: &Keys,
    txn: &impl ConnectionTrait,
    person: PersonId,
    handbook: HandbookId,
) -> Result<(), ApiError> {
    if delete::is_in(txn, person, handbook, InUse::Kept).await? {
        return Ok(());
    }
    let Some(row) = people::by_id(txn, person).await? else { return Ok(()) };
    let nobody = Identity::default();
    let new = NewPerson { identity: &nobody, born_on: None, sex: None, region: None };
    people::update_identity(txn, keys, &row, new).await?;
    Ok(())
}
