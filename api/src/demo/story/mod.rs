//! What a family and its clinics wrote: entries, visits and checkups up to yesterday, each checked by the catalogue as
//! if it had come through the API.

mod book;
mod plan;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::catalogue::{Catalogue, Checked, Kind};
use domain::record::SubjectKind;
use serde_json::Value as Json;

use crate::demo;

use super::county::{County, Institution};
use super::families::{Family, Use, at, on};
use super::random::Dice;
use book::Book;
use plan::Plan;

/// Everything that was written in one handbook.
#[derive(Debug, Default)]
pub(super) struct Story<'c> {
    pub(super) visits: Vec<Visit<'c>>,
    /// In the order in which they were received.
    pub(super) records: Vec<Written<'c>>,
}

/// A scan at an institution.
#[derive(Debug)]
pub(super) struct Visit<'c> {
    pub(super) at: DateTime<Utc>,
    pub(super) desk: &'c Institution,
}

/// A record.
#[derive(Debug)]
pub(super) struct Written<'c> {
    pub(super) about: About,
    pub(super) kind: &'c Kind,
    pub(super) occurred_on: NaiveDate,
    pub(super) received_at: DateTime<Utc>,
    pub(super) by: Author,
    pub(super) checked: Checked,
}

/// Whom a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Woman,
    Household,
    /// The child at this place in the family.
    Child(usize),
}

impl About {
    pub(super) fn kind(self) -> SubjectKind {
        match self {
            Self::Woman => SubjectKind::Woman,
            Self::Household => SubjectKind::Household,
            Self::Child(_) => SubjectKind::Child,
        }
    }
}

/// Who wrote a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Woman,
    Father,
    /// The clinician of the visit at this place in the story.
    Visit(usize),
}

/// Something that is going to be written.
struct Planned<'c> {
    at: DateTime<Utc>,
    what: What<'c>,
}

enum What<'c> {
    Entry(Sheet),
    Visit(&'c Institution, Vec<Sheet>),
}

/// A form and what stands in it; the rest of a clinical form is unremarkable.
struct Sheet {
    about: About,
    kind: &'static str,
    body: Json,
}

/// The story of a family that uses its handbook; of any other there is nothing to tell.
pub(super) fn story<'c>(
    catalogue: &'c Catalogue,
    county: &'c County,
    (family, number): (&'c Family<'c>, &str),
    demo: demo::Plan,
    mut dice: Dice,
) -> anyhow::Result<Story<'c>> {
    let Use::Daily { claimed_at, with_relatives } = family.used else { return Ok(Story::default()) };
    let demo::Plan { today, pace, .. } = demo;
    let mut plan = Plan { county, family, claimed_at, today, pace, dice: &mut dice, planned: Vec::new() };
    plan.everything();
    let mut planned = plan.planned;
    let end = at(today, 0);
    planned.retain(|planned| planned.at < end - TimeDelta::hours(1) && planned.at >= family.issue.at);
    planned.sort_by_key(|planned| planned.at);
    let mut book = Book { catalogue, family, number, story: Story::default(), history: Vec::new() };
    for Planned { at, what } in planned {
        match what {
            What::Entry(sheet) if at >= claimed_at => {
                let by = if with_relatives && dice.chance(25) { Author::Father } else { Author::Woman };
                book.write(sheet, at + TimeDelta::minutes(2), by, None)?;
            }
            What::Entry(_) => {}
            What::Visit(desk, sheets) => {
                book.story.visits.push(Visit { at, desk });
                let by = Author::Visit(book.story.visits.len() - 1);
                for (sheet, minutes) in sheets.into_iter().zip((12..).step_by(9)) {
                    book.write(sheet, at + TimeDelta::minutes(minutes), by, Some(desk))?;
                }
            }
        }
    }
    Ok(book.story)
}

/// Mother and child go home on the third day.
pub(super) fn discharged_on(born_on: NaiveDate) -> NaiveDate {
    on(born_on, 3)
}

/// What the catalogue found wrong; a mistake of the demo, told with the form and the fields.
pub(super) fn refused(kind: &Kind, errors: &[domain::catalogue::FieldError]) -> anyhow::Error {
    let faults: Vec<_> = errors.iter().map(|error| format!("{} {:?}", error.pointer, error.fault)).collect();
    anyhow::anyhow!("the demo wrote a wrong {}: {}", kind.key, faults.join("; "))
}
