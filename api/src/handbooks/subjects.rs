//! The subjects of a handbook: it closes when all of them do, and opens again when that was an error.

use domain::access::Action;
use domain::handbook::{CloseReason, State};
use domain::id::PersonId;
use sea_orm::{ActiveValue::Set, ConnectionTrait, SqlErr};

use super::store::{self, LIVE};
use crate::access::must_be_live;
use crate::app::App;
use crate::children::store::{self as children, already_has};
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::members::store as members;
use crate::pregnancies::store::{self as pregnancies, woman_of};
use crate::problem::Code;

/// Closes a live handbook in which nobody is left after a death.
pub async fn close_if_nobody_is_left(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
) -> Result<State, ApiError> {
    if Left::of(app, txn, held).await?.is_anybody() {
        return Ok(held.state);
    }
    store::close(txn, held.id, CloseReason::Death, app.now()).await?;
    Ok(State::Closed)
}

/// What was recorded in error is taken back in a live handbook, or in one that closed by a death and by no desk.
pub async fn must_be_open_but_for_a_death(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
) -> Result<(), ApiError> {
    let by_a_death = held.state == State::Closed
        && held.close_reason == Some(CloseReason::Death)
        && !store::has_act(txn, held.id, Action::Close).await?;
    if by_a_death { Ok(()) } else { must_be_live(held) }
}

/// After a death or an outcome was taken back the handbook waits for the woman as it did before, and opens again if it was
/// closed and somebody of it is a subject now. Whoever was issued another handbook meanwhile keeps that one.
pub async fn open_again(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
) -> Result<State, ApiError> {
    let left = Left::of(app, txn, held).await?;
    if held.state.is_live() {
        expect(txn, held, left.expected).await?;
        return Ok(held.state);
    }
    if !left.is_anybody() {
        return Ok(held.state);
    }
    refuse_another(txn, held, left.expected).await?;
    let has_members = !members::live(txn, held.id).await?.is_empty();
    let state = if has_members { State::Claimed } else { State::Issued };
    store::reopen(txn, held.id, state, left.expected).await.map_err(somebody_was_faster)?;
    children::take_back_places(app, txn, held).await?;
    Ok(state)
}

/// Who is a subject of a handbook still.
struct Left {
    /// The woman for whose pregnancy it waits.
    expected: Option<PersonId>,
    is_woman: bool,
    is_child: bool,
}

impl Left {
    async fn of(app: &App, txn: &impl ConnectionTrait, held: &handbook::Model) -> Result<Self, ApiError> {
        let courses = pregnancies::courses(txn, held.id).await?;
        let woman = woman_of(held, &courses);
        let children = children::of_handbook(txn, held.id).await?;
        Ok(Self {
            expected: held.woman_id.filter(|_| woman.is_expected()),
            is_woman: woman.is_subject(app.today()),
            is_child: children.iter().any(|child| child.ended_on.is_none()),
        })
    }

    fn is_anybody(&self) -> bool {
        self.is_woman || self.is_child
    }
}

async fn expect(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    expected: Option<PersonId>,
) -> Result<(), ApiError> {
    if held.expecting_id == expected {
        return Ok(());
    }
    refuse_another(txn, held, expected).await?;
    let waits = handbook::ActiveModel { expecting_id: Set(expected), ..Default::default() };
    store::change(txn, held.id, &LIVE, waits).await.map_err(somebody_was_faster)?;
    Ok(())
}

/// One live handbook per pregnancy: another of hers that waits is told by its number.
async fn refuse_another(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    expected: Option<PersonId>,
) -> Result<(), ApiError> {
    let Some(woman) = expected else { return Ok(()) };
    match store::expecting(txn, woman).await? {
        Some(other) if other.id != held.id => Err(already_has(&other)),
        _ => Ok(()),
    }
}

/// Another handbook that was issued to her at the same moment took the one place there is.
fn somebody_was_faster(err: sea_orm::DbErr) -> ApiError {
    match err.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => ApiError::told(Code::Conflict),
        _ => err.into(),
    }
}
