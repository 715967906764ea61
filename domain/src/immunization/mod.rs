//! The national immunization programme (国家免疫规划): which doses count, and what is due next, by editions with their days.
//!
//! The verdict on a dose follows the edition in force on its own day; what is due next, the one in force on the day
//! of the question. An invalid dose does not count, and what follows is reckoned from the last valid one.
//!
//! Decided where the texts are silent: a dose is never invalid for being late; one that was given before the first
//! edition (2016-12-06) counts unjudged; two injected live vaccines that are not the same keep their 28 days even
//! when one of them was invalid; a course that was begun (JE, hepatitis A) is finished with the same vaccine; two
//! conjugate meningococcal doses before 24 months stand for the two of group A; two doses of 9-valent HPV complete
//! what two of the bivalent would.

mod child;
mod condition;
mod course;
mod due;
mod judge;
mod period;
mod starts;
mod table;
#[cfg(test)]
mod tests;
mod why;

use chrono::NaiveDate;

pub use child::{Child, Hbsag, Kind};
pub use condition::{Condition, UnknownCondition};
pub use course::Course;
pub use due::{Next, Note, Products, SeriesPlan, Status};
pub use judge::{Counted, Reason, Verdict};
pub use period::{NotAPeriod, Period};
pub use starts::Starts;
pub use table::{Component, Edition, Product, Series, UnknownEdition, UnknownProduct};

/// How many doses a child may have on record: more are a mistake.
pub const MOST_DOSES: usize = 100;

/// A dose that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// The vaccine.
    pub product: Product,
    /// The day.
    pub on: NaiveDate,
    /// Paid by the family: its package insert governs where it differs from the programme (HPV).
    pub self_paid: bool,
}

/// What counts, and what is due.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The edition by which is said what is due.
    pub edition: Edition,
    /// A verdict on each dose, in the order in which they came.
    pub doses: Vec<Verdict>,
    /// Every series of the edition that concerns the child, in the order of the edition.
    pub series: Vec<SeriesPlan>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More doses than [`MOST_DOSES`].
    #[error("at most {MOST_DOSES} doses are judged at a time, and {0} came")]
    TooManyDoses(usize),
    /// The day of the question lies before birth.
    #[error("the child is born on {born_on}, after {on}")]
    BeforeBirth {
        /// The day of the question.
        on: NaiveDate,
        /// The day of birth.
        born_on: NaiveDate,
    },
    /// A dose, by its place among those that came, was given before birth.
    #[error("dose {index} was given on {on}, before birth")]
    DoseBeforeBirth {
        /// Its place, from 0.
        index: usize,
        /// Its day.
        on: NaiveDate,
    },
    /// A dose, by its place among those that came, lies after the day of the question.
    #[error("dose {index} was given on {on}, after the day that is asked about")]
    DoseInTheFuture {
        /// Its place, from 0.
        index: usize,
        /// Its day.
        on: NaiveDate,
    },
    /// A condition with a day before birth or after the day of the question.
    #[error("`{0}` lies before birth or after the day that is asked about")]
    ConditionOutside(Condition),
    /// No edition is in force yet.
    #[error("no edition of the programme that is known here was in force on {0}")]
    NoEdition(NaiveDate),
}

/// Judges the doses of a child and says what is due on a day. `edition` says by which edition something is due; left
/// out, it is the one in force on that day where the child lives.
pub fn plan(
    child: &Child,
    given: &[Given],
    on: NaiveDate,
    edition: Option<Edition>,
    starts: &Starts,
) -> Result<Plan, Refusal> {
    check(child, given, on)?;
    let edition = edition.or_else(|| starts.in_force(child.region, on)).ok_or(Refusal::NoEdition(on))?;
    let (history, doses) = judge::judge(child, given, starts);
    let series = due::of_edition(child, &history, edition, on);
    Ok(Plan { edition, doses, series })
}

fn check(child: &Child, given: &[Given], on: NaiveDate) -> Result<(), Refusal> {
    if given.len() > MOST_DOSES {
        return Err(Refusal::TooManyDoses(given.len()));
    }
    let born_on = child.born_on;
    if on < born_on {
        return Err(Refusal::BeforeBirth { on, born_on });
    }
    if let Some((index, dose)) = given.iter().enumerate().find(|(_, dose)| dose.on < born_on) {
        return Err(Refusal::DoseBeforeBirth { index, on: dose.on });
    }
    if let Some((index, dose)) = given.iter().enumerate().find(|(_, dose)| dose.on > on) {
        return Err(Refusal::DoseInTheFuture { index, on: dose.on });
    }
    let outside = |condition: &&Condition| condition.day().is_some_and(|day| day < born_on || day > on);
    match child.conditions.iter().find(outside) {
        Some(condition) => Err(Refusal::ConditionOutside(*condition)),
        None => Ok(()),
    }
}
