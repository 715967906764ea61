//! What surrounds a record when it is checked: whose it is, who writes it and where, the pregnancy, the birth, and the
//! earlier records that facts are computed from.

mod body_before;
mod known;
mod sources;

use chrono::NaiveDate;
use domain::calendar::is_of_our_time;
use domain::catalogue::Kind;
use domain::id::{InstitutionId, StaffId};
use domain::pregnancy::is_of_fetus;
use domain::record::Subject;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Map, Value as Json};

use super::accepted::Accepted;
use super::form::must_be_of_its_stage;
use crate::app::App;
use crate::db::entities::{child, handbook, pregnancy, record};
use crate::error::ApiError;
use crate::problem::Code;
use crate::{children, pregnancies};
use known::Known;

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
    pub old: Option<&'a record::Model>,
}

/// Who writes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The family.
    Family,
    /// A staff member at an institution.
    Staff(StaffId, InstitutionId),
}

/// Checks a record against all that is known; every wrong field is told at once.
pub async fn judge(app: &App, db: &impl ConnectionTrait, asked: Asked<'_>) -> Result<Accepted, ApiError> {
    if !is_of_our_time(asked.occurred_on) {
        return Err(ApiError::with(Code::DateTooOld, "day", asked.occurred_on));
    }
    let known = Known::load(app, db, &asked).await?;
    known.must_be_born(&asked)?;
    // What stands may be corrected where it stands, also when an outcome or a death became known later.
    if asked.old.is_none_or(|old| old.occurred_on != asked.occurred_on) {
        known.must_be_alive(&asked)?;
        must_be_of_its_stage(asked.kind, &known.stages, asked.occurred_on)?;
    }
    let told = |errors: Vec<_>| ApiError::Invalid(errors.iter().map(super::form::of_payload).collect());
    let context = known.context(app.now(), &asked);
    let draft = asked.kind.read(asked.payload, &context).map_err(told)?;
    let facts = known.facts(app, db, &asked, &draft).await?;
    let mut checked = draft.judge(&facts, asked.confirmed).map_err(told)?;
    if known.has_lost_the_pregnancy() {
        checked.warnings.retain(|warning| !is_of_fetus(&asked.kind.key, &[&warning.id]));
    }
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
    let pregnancies = pregnancies::store::of_handbook(db, handbook.id).await?;
    let children = children::store::of_handbook(db, handbook.id).await?;
    Ok(unborn(handbook, &pregnancies, &children))
}

/// A handbook without a child in which the next pregnancy is waited for, as after a loss, may hold it already.
fn unborn(handbook: &handbook::Model, pregnancies: &[pregnancy::Model], children: &[child::Model]) -> bool {
    let is_open = |pregnancy: &pregnancy::Model| pregnancy.outcome.is_none();
    let is_waited_for = pregnancies.is_empty() || handbook.expecting_id.is_some();
    pregnancies.iter().any(is_open) || (children.is_empty() && is_waited_for)
}
