//! Rows of children.

use chrono::{DateTime, NaiveDate, Utc};
use domain::handbook::identity::Grip;
use domain::handbook::number::HandbookNumber;
use domain::id::{ChildId, HandbookId, InstitutionId, PersonId, PregnancyId};
use domain::person::IdNumber;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select, TryInsertResult, UpdateMany,
};
use uuid::Uuid;

use super::{ChildKey, ChildOnForm};
use crate::app::App;
use crate::db::entities::{child, handbook, person};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::handbooks::correct::key_of;
use crate::handbooks::store as handbooks;
use crate::keys::Keys;
use crate::people;
use crate::people::keep::{keep, known};
use crate::problem::Code;

/// The children who were born. One whose birth was taken back keeps its row for the voided records that point to it, and
/// nobody looks at it: every look-up of children begins here.
pub fn born() -> Select<child::Entity> {
    child::Entity::find().filter(child::COLUMN.voided_at.is_null())
}

/// The children of a handbook, the first born first. A handbook holds the children of one pregnancy, at most eight.
pub async fn of_handbook(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
) -> Result<Vec<child::Model>, DbErr> {
    of_handbooks(db, [handbook]).await
}

/// The children of some handbooks.
pub async fn of_handbooks(
    db: &impl ConnectionTrait,
    handbooks: impl IntoIterator<Item = HandbookId>,
) -> Result<Vec<child::Model>, DbErr> {
    let rows = born().order_by_asc(child::COLUMN.born_on).order_by_asc(child::COLUMN.birth_order);
    rows_in(db, rows, child::Column::HandbookId, handbooks).await
}

/// The rows of these people as children, of live handbooks and closed ones.
pub async fn of_people(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = PersonId>,
) -> Result<Vec<child::Model>, DbErr> {
    rows_in(db, born(), child::Column::PersonId, people).await
}

/// Whether an id stands for a child, wherever.
pub async fn is_known(db: &impl ConnectionTrait, id: ChildId) -> Result<bool, DbErr> {
    Ok(child::Entity::find_by_id(id).one(db).await?.is_some())
}

/// One child of a handbook.
pub async fn one(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    id: ChildId,
) -> Result<Option<child::Model>, DbErr> {
    let one = born().filter(child::COLUMN.id.eq(id)).filter(child::COLUMN.handbook_id.eq(handbook));
    one.one(db).await
}

/// The handbook in which a child stands.
pub async fn handbook_of(db: &impl ConnectionTrait, id: ChildId) -> Result<Option<HandbookId>, DbErr> {
    let one = born().filter(child::COLUMN.id.eq(id)).select_only().column(child::Column::HandbookId);
    one.into_tuple().one(db).await
}

/// Where a child of a form is kept.
#[derive(Debug, Clone, Copy)]
pub struct ChildPlace<'a> {
    /// The handbook.
    pub handbook: &'a handbook::Model,
    /// The pregnancy it was born of, if the handbook knows it.
    pub pregnancy: Option<PregnancyId>,
    /// The institution that fills the form in.
    pub desk: Option<InstitutionId>,
}

/// Keeps a child in a handbook. A child that has a live handbook is refused with its number; the child of the same form
/// sent at the same moment meets the unique index of the key. An id that is used is refused before anybody is looked up:
/// else it would ask who has a handbook and never keep one.
pub async fn keep_child(
    app: &App,
    txn: &impl ConnectionTrait,
    place: ChildPlace<'_>,
    form: &ChildOnForm,
) -> Result<child::Model, ApiError> {
    let handbook = place.handbook;
    if let Some(id) = form.id
        && is_known(txn, id).await?
    {
        return Err(ApiError::told(Code::IdInUse));
    }
    refuse_second(app, txn, handbook, form).await?;
    let grip = grip_on(app, txn, place.desk, form).await?;
    let person = keep(txn, &app.keys, &form.person, grip, app.now()).await?.row;
    let key = index(&app.keys, form.key(handbook.woman_id));
    let row = child::Model {
        id: form.id.unwrap_or_else(|| ChildId(Uuid::now_v7())),
        handbook_id: handbook.id,
        pregnancy_id: place.pregnancy,
        person_id: person.id,
        identity_index: Some(key.clone()),
        birth_order: form.birth_order,
        born_on: form.person.born_on,
        born_at: None,
        birth_weight_g: form.birth_weight_g,
        gestational_days: form.gestational_days,
        ended_on: None,
        voided_at: None,
        version: 1,
    };
    let taken = OnConflict::new().do_nothing().to_owned();
    let insert = child::Entity::insert(row.clone().into_active_model()).on_conflict(taken);
    match insert.try_insert().exec(txn).await? {
        TryInsertResult::Inserted(_) => Ok(row),
        TryInsertResult::Conflicted | TryInsertResult::Empty => Err(holder_of(txn, key).await?),
    }
}

/// How far a desk changes what is known of a child. Of one that only handbooks of other desks name, closed ones, the family
/// still reads them: whoever knows the ID number alone neither becomes the desk of that child nor makes it somebody else.
async fn grip_on(
    app: &App,
    txn: &impl ConnectionTrait,
    desk: Option<InstitutionId>,
    form: &ChildOnForm,
) -> Result<Grip, ApiError> {
    let Some(person) = known(txn, &app.keys, &form.person).await? else { return Ok(Grip::Answers) };
    let before = of_people(txn, [person.id]).await?;
    let before = handbooks::by_ids(txn, before.iter().map(|child| child.handbook_id)).await?;
    let before: Vec<&handbook::Model> = before.values().collect();
    if handbooks::answers_for(txn, desk, &before, app.now()).await? {
        return Ok(Grip::Answers);
    }
    let name = people::store::identity(&app.keys, &person)?.name;
    if name.is_empty() || name == form.person.identity.name {
        Ok(Grip::Elsewhere)
    } else {
        Err(ApiError::told(Code::IdentityDiffers))
    }
}

/// Why a child was not kept: its key stands in a live handbook, or its id is used.
async fn holder_of(txn: &impl ConnectionTrait, key: Vec<u8>) -> Result<ApiError, DbErr> {
    let holder = born().filter(child::COLUMN.identity_index.eq(key)).one(txn).await?;
    let Some(holder) = holder else { return Ok(ApiError::told(Code::IdInUse)) };
    Ok(match handbooks::by_id(txn, holder.handbook_id).await? {
        Some(handbook) => already_has(&handbook),
        None => ApiError::told(Code::Conflict),
    })
}

/// The refusal that names the handbook there is.
pub fn already_has(handbook: &handbook::Model) -> ApiError {
    let number = HandbookNumber::parse(&handbook.number);
    let printed = number.map_or_else(|_| handbook.number.clone(), |number| number.printed());
    ApiError::with(Code::AlreadyHasHandbook, "number", printed)
}

/// One live handbook per child, however it was named before: by its ID number, or as a child of the same mother born on
/// the same day with the same name or order.
async fn refuse_second(
    app: &App,
    txn: &impl ConnectionTrait,
    target: &handbook::Model,
    form: &ChildOnForm,
) -> Result<(), ApiError> {
    let mut known = Vec::new();
    if let Some(number) = &form.person.id_number
        && let Some(person) = people::store::by_id_number(txn, &app.keys, number).await?
    {
        known.extend(of_people(txn, [person.id]).await?);
    }
    if let Some(mother) = target.woman_id {
        let others = handbooks::live_of_women(txn, [mother]).await?;
        let others = others.iter().map(|other| other.id).filter(|other| *other != target.id);
        for sibling in of_handbooks(txn, others).await? {
            if is_same_birth(app, txn, &sibling, form).await? {
                known.push(sibling);
            }
        }
    }
    let live = handbooks::by_ids(txn, known.iter().map(|child| child.handbook_id)).await?;
    match live.values().find(|handbook| handbook.state.is_live()) {
        Some(handbook) => Err(already_has(handbook)),
        None => Ok(()),
    }
}

async fn is_same_birth(
    app: &App,
    txn: &impl ConnectionTrait,
    sibling: &child::Model,
    form: &ChildOnForm,
) -> Result<bool, ApiError> {
    if sibling.born_on != form.person.born_on {
        return Ok(false);
    }
    let Some(person) = people::store::by_id(txn, sibling.person_id).await? else { return Ok(false) };
    let identity = people::store::identity(&app.keys, &person)?;
    let numbers = (&identity.id_number, &form.person.identity.id_number);
    Ok(match numbers {
        (Some(one), Some(other)) => one == other,
        _ => {
            let same_name = !identity.name.is_empty() && identity.name == form.person.identity.name;
            same_name || sibling.birth_order == form.birth_order
        }
    })
}

/// The unique hash of who a child is.
pub fn index(keys: &Keys, key: ChildKey<'_>) -> Vec<u8> {
    let text = match key {
        ChildKey::IdNumber(number) => format!("id/{}", number.as_str()),
        ChildKey::Birth { mother, born_on, order } => format!("birth/{mother}/{born_on}/{order}"),
        ChildKey::Name { name, born_on, region } => format!("name/{name}/{born_on}/{region}"),
    };
    keys.blind("child", &text)
}

/// Changes columns of a child as it was read and raises its version; `None` when it moved on meanwhile.
pub async fn change(
    txn: &impl ConnectionTrait,
    id: ChildId,
    version: i32,
    change: child::ActiveModel,
) -> Result<Option<child::Model>, DbErr> {
    let changed = child::Entity::update_many()
        .set(change)
        .col_expr(child::Column::Version, Expr::value(version + 1))
        .filter(child::COLUMN.id.eq(id))
        .filter(child::COLUMN.version.eq(version))
        .exec_with_returning(txn)
        .await?;
    Ok(changed.into_iter().next())
}

/// Writes down the day of a child's death; `None` when it is recorded already.
pub async fn end(
    txn: &impl ConnectionTrait,
    id: ChildId,
    died_on: NaiveDate,
) -> Result<Option<child::Model>, DbErr> {
    let ended = child::ActiveModel { ended_on: Set(Some(died_on)), ..Default::default() };
    let changed = raised(ended).filter(child::COLUMN.id.eq(id)).filter(child::COLUMN.ended_on.is_null());
    Ok(changed.exec_with_returning(txn).await?.into_iter().next())
}

/// Takes back a death that was recorded in error; `None` when none is recorded.
pub async fn revive(txn: &impl ConnectionTrait, id: ChildId) -> Result<Option<child::Model>, DbErr> {
    let alive = child::ActiveModel { ended_on: Set(None), ..Default::default() };
    let changed = raised(alive).filter(child::COLUMN.id.eq(id)).filter(child::COLUMN.ended_on.is_not_null());
    Ok(changed.exec_with_returning(txn).await?.into_iter().next())
}

/// Takes back the births of a pregnancy that were recorded in error. The children give up their places, and of those who
/// are nobody but newborns of this pregnancy the sex is forgotten: nobody is to keep it of a fetus. The caller has asked
/// whether records of them stand.
pub async fn take_back_births(
    txn: &impl ConnectionTrait,
    children: &[child::Model],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let taken_back =
        child::ActiveModel { voided_at: Set(Some(now)), identity_index: Set(None), ..Default::default() };
    let ids = children.iter().map(|child| child.id);
    raised(taken_back).filter(child::COLUMN.id.is_in(ids)).exec(txn).await?;
    people::store::forget_sex(txn, children.iter().map(|child| child.person_id)).await
}

fn raised(change: child::ActiveModel) -> UpdateMany<child::Entity> {
    let next = Expr::col(child::Column::Version).add(1);
    child::Entity::update_many().set(change).col_expr(child::Column::Version, next)
}

/// The child whose key this is, if another child has it.
pub async fn other_with_key(
    txn: &impl ConnectionTrait,
    id: ChildId,
    key: &[u8],
) -> Result<Option<handbook::Model>, DbErr> {
    let other = born()
        .filter(child::COLUMN.identity_index.eq(key.to_vec()))
        .filter(child::COLUMN.id.ne(id))
        .one(txn)
        .await?;
    match other {
        Some(other) => handbooks::by_id(txn, other.handbook_id).await,
        None => Ok(None),
    }
}

/// The children of a handbook that closes may be issued another.
pub async fn release(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<(), DbErr> {
    let released = child::ActiveModel { identity_index: Set(None), ..Default::default() };
    let release = child::Entity::update_many().set(released).filter(child::COLUMN.handbook_id.eq(handbook));
    release.exec(txn).await.map(|_| ())
}

/// The children of a handbook that opens again have a live one from now on, unless one was issued another meanwhile.
pub async fn take_back_places(
    app: &App,
    txn: &impl ConnectionTrait,
    handbook: &handbook::Model,
) -> Result<(), ApiError> {
    for (row, person) in with_people(txn, [handbook.id]).await? {
        refuse_another(txn, &row).await?;
        let identity = people::store::identity(&app.keys, &person)?;
        let number = identity.id_number.as_deref().and_then(|text| IdNumber::parse(text).ok());
        let key = index(&app.keys, key_of(handbook, &row, number.as_ref(), &identity.name, row.born_on));
        if let Some(other) = other_with_key(txn, row.id, &key).await? {
            return Err(already_has(&other));
        }
        let placed = child::ActiveModel { identity_index: Set(Some(key)), ..Default::default() };
        let place = child::Entity::update_many().set(placed).filter(child::COLUMN.id.eq(row.id));
        place.exec(txn).await?;
    }
    Ok(())
}

/// A child who was known by another key before is still the same person.
async fn refuse_another(txn: &impl ConnectionTrait, row: &child::Model) -> Result<(), ApiError> {
    let same = of_people(txn, [row.person_id]).await?;
    let others = same.iter().map(|same| same.handbook_id).filter(|other| *other != row.handbook_id);
    let others = handbooks::by_ids(txn, others).await?;
    match others.values().find(|other| other.state.is_live()) {
        Some(other) => Err(already_has(other)),
        None => Ok(()),
    }
}

/// The children of handbooks with the people they are.
pub async fn with_people(
    db: &impl ConnectionTrait,
    handbooks: impl IntoIterator<Item = HandbookId>,
) -> Result<Vec<(child::Model, person::Model)>, DbErr> {
    let children = of_handbooks(db, handbooks).await?;
    let mut people = people::store::by_ids(db, children.iter().map(|child| child.person_id)).await?;
    Ok(children
        .into_iter()
        .filter_map(|child| people.remove(&child.person_id).map(|who| (child, who)))
        .collect())
}
