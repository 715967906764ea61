//! The outer shape of a record's body, read field by field: its faults are told together with those of the payload.

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::day_in_china;
use domain::catalogue::kind::{Stage, WrittenBy};
use domain::catalogue::{Catalogue, Context, FieldError, Kind};
use domain::checkup::CheckupRefusal;
use domain::id::{ChildId, RecordId};
use domain::record::Subject;
use domain::text::Language;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::setting::{Asked, Writer};
use super::store::subject_of;
use crate::body::{self, Body, Chosen};
use crate::db::entities::{handbook, record};
use crate::error::{ApiError, FieldProblem};
use crate::form::day_of_our_time;
use crate::problem::{Code, Word};

/// Most photos of one record.
pub const MOST_PHOTOS: usize = 9;

/// Most questions that one record can raise.
const MOST_CONFIRMED: usize = 50;

/// Whom a record is about: `"woman"`, `"household"`, or `{"child": id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectWord {
    /// The woman of the handbook.
    Woman,
    /// The household as a whole.
    Household,
    /// One child of the handbook.
    Child(Uuid),
}

impl From<SubjectWord> for Subject {
    fn from(word: SubjectWord) -> Self {
        match word {
            SubjectWord::Woman => Self::Woman,
            SubjectWord::Household => Self::Household,
            SubjectWord::Child(child) => Self::Child(ChildId(child)),
        }
    }
}

impl From<Subject> for SubjectWord {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Woman => Self::Woman,
            Subject::Household => Self::Household,
            Subject::Child(child) => Self::Child(child.0),
        }
    }
}

/// A body that is being read: what is left of it, and what was wrong so far.
#[derive(Debug)]
pub struct Fields {
    rest: Map<String, Value>,
    problems: Vec<FieldProblem>,
}

impl Fields {
    /// Begins with the whole body.
    pub fn new(rest: Map<String, Value>) -> Self {
        Self { rest, problems: Vec::new() }
    }

    /// Takes a field that may be left out; `null` counts as left out.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.rest.remove(name)? {
            Value::Null => None,
            value => match body::read(value, &format!("/{name}")) {
                Ok(value) => Some(value),
                Err(problem) => {
                    self.problems.push(problem);
                    None
                }
            },
        }
    }

    /// Takes a day that may be left out, of the centuries that handbooks know.
    pub fn day(&mut self, name: &str) -> Option<NaiveDate> {
        let day: NaiveDate = self.optional(name)?;
        day_of_our_time(&format!("/{name}"), day).map_err(|problem| self.wrong(problem)).ok()
    }

    /// Takes a field that must be there.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let before = self.problems.len();
        let value = self.optional(name);
        if value.is_none() && self.problems.len() == before {
            self.wrong(FieldProblem::new(
                format!("/{name}"),
                "required",
                "必须填写。",
                "This field is required.",
            ));
        }
        value
    }

    /// Takes a list that may be left out and holds at most `most` items.
    pub fn optional_list<T: DeserializeOwned>(&mut self, name: &str, most: usize) -> Option<Vec<T>> {
        let list: Vec<T> = self.optional(name)?;
        if list.len() > most {
            let (zh, en) = (format!("最多{most}项。"), format!("At most {most} items."));
            self.wrong(FieldProblem::new(format!("/{name}"), "too_many_items", zh, en));
        }
        Some(list)
    }

    /// The same, where nothing and an empty list mean the same.
    pub fn list<T: DeserializeOwned>(&mut self, name: &str, most: usize) -> Vec<T> {
        self.optional_list(name, most).unwrap_or_default()
    }

    /// Whether nothing was wrong so far and nothing is left over.
    fn is_right(&self) -> bool {
        self.problems.is_empty() && self.rest.is_empty()
    }

    /// Notes something that is wrong.
    pub fn wrong(&mut self, problem: FieldProblem) {
        self.problems.push(problem);
    }

    /// Notes what is wrong with the payload.
    pub fn wrong_payload(&mut self, errors: &[FieldError]) {
        self.problems.extend(errors.iter().map(of_payload));
    }

    /// Nothing may be left over; every fault so far is told at once.
    pub fn finish(mut self) -> Result<(), ApiError> {
        const TOLD: usize = 100;
        let unknown = self.rest.keys().take(TOLD).map(|name| {
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            FieldProblem::new(pointer, "unknown_field", "没有这个字段。", "There is no such field.")
        });
        self.problems.extend(unknown);
        if self.problems.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.problems)) }
    }
}

/// A record as it was sent, read and in shape; what it holds is not judged yet.
#[derive(Debug)]
pub struct Sent<'k> {
    /// The id that the client chose.
    pub id: Option<RecordId>,
    /// Its kind, in the edition of its day.
    pub kind: &'k Kind,
    /// Whom it is about.
    pub subject: Subject,
    /// The day on which it happened: named, or named by the payload, or today.
    pub occurred_on: NaiveDate,
    /// The field that says so.
    pub day_pointer: String,
    /// The content.
    pub payload: Map<String, Value>,
    /// Ids of the questions that were answered yes.
    pub confirmed: Vec<String>,
}

impl<'k> Sent<'k> {
    /// Reads a body for a new record of the side that writes; `others` takes the fields that only this operation has.
    pub fn read<T>(
        body: &Body<Map<String, Value>>,
        catalogue: &'k Catalogue,
        side: WrittenBy,
        now: DateTime<Utc>,
        others: impl FnOnce(&mut Fields) -> T,
    ) -> Result<(Self, T), ApiError> {
        let mut fields = Fields::new(body.parse()?);
        let key: Option<String> = fields.required("kind");
        let subject: Option<SubjectWord> = fields.required("subject");
        let payload: Option<Map<String, Value>> = fields.required("payload");
        let id = fields.optional::<Chosen<RecordId>>("id").map(|chosen| chosen.0);
        let day = fields.day("occurred_on");
        let confirmed = fields.list("confirmed", MOST_CONFIRMED);
        let others = others(&mut fields);
        let (Some(key), Some(subject), Some(payload)) = (key, subject, payload) else {
            fields.finish()?;
            return Err(ApiError::internal(anyhow::anyhow!("a missing field was not told")));
        };
        let today = day_in_china(now);
        let current = known(catalogue, &key, today, side)?;
        let occurred_on = day.or_else(|| current.day_named_in(&payload)).unwrap_or(today);
        let day_pointer = day_pointer(day, current);
        must_be_possible(side, occurred_on, now).map_err(|err| err.of_day(&day_pointer))?;
        let kind = known(catalogue, &key, occurred_on, side)?;
        let subject = Subject::from(subject);
        must_fit(kind, subject)?;
        // Where the shape is wrong already, the content is judged by itself, so that all is told in one answer.
        if !fields.is_right()
            && let Err(errors) = kind.read(&payload, &Context::new(now, occurred_on))
        {
            fields.wrong_payload(&errors);
        }
        fields.finish()?;
        Ok((Self { id, kind, subject, occurred_on, day_pointer, payload, confirmed }, others))
    }
}

impl Sent<'_> {
    /// What is judged of it.
    pub fn asked<'a>(&'a self, handbook: &'a handbook::Model, writer: Writer) -> Asked<'a> {
        Asked {
            handbook,
            kind: self.kind,
            subject: self.subject,
            occurred_on: self.occurred_on,
            payload: &self.payload,
            confirmed: &self.confirmed,
            writer,
            old: None,
        }
    }
}

fn day_pointer(named: Option<NaiveDate>, kind: &Kind) -> String {
    match kind.occurred() {
        Some(field) if named.is_none() => format!("/payload/{}", field.key),
        _ => "/occurred_on".to_owned(),
    }
}

/// Refuses a day that no record of this side may have, before its kind and its subject are looked for.
fn must_be_possible(side: WrittenBy, day: NaiveDate, now: DateTime<Utc>) -> Result<(), ApiError> {
    match side {
        WrittenBy::Family => Ok(domain::entry::admit(day, None, now)?),
        WrittenBy::Clinician if day > day_in_china(now) => Err(CheckupRefusal::InTheFuture(day).into()),
        WrittenBy::Clinician => Ok(()),
    }
}

/// The kind of a key on a day, if this side writes it.
fn known<'k>(
    catalogue: &'k Catalogue,
    key: &str,
    day: NaiveDate,
    side: WrittenBy,
) -> Result<&'k Kind, ApiError> {
    let kind = catalogue.kind(key, day).ok_or_else(|| unknown_kind(key, day))?;
    if kind.written_by == side {
        return Ok(kind);
    }
    let (zh, en) = (&kind.label.zh, &kind.label.en);
    let (by_zh, by_en) = (kind.written_by.zh(), kind.written_by.en());
    Err(ApiError::field(
        "/kind",
        "other_side",
        format!("“{zh}”由{by_zh}填写。"),
        format!("{en} is written by {by_en}."),
    ))
}

/// A change of a record as it was sent.
#[derive(Debug)]
pub struct Changed {
    /// The day, if it moves.
    pub occurred_on: Option<NaiveDate>,
    /// The new content, whole.
    pub payload: Map<String, Value>,
    /// Ids of the questions that were answered yes.
    pub confirmed: Vec<String>,
}

impl Changed {
    /// Reads a body that changes a record; `others` takes the fields that only this operation has.
    pub fn read<T>(
        body: &Body<Map<String, Value>>,
        others: impl FnOnce(&mut Fields) -> T,
    ) -> Result<(Self, T), ApiError> {
        let mut fields = Fields::new(body.parse()?);
        let payload: Option<Map<String, Value>> = fields.required("payload");
        let occurred_on = fields.day("occurred_on");
        let confirmed = fields.list("confirmed", MOST_CONFIRMED);
        let others = others(&mut fields);
        fields.finish()?;
        Ok((Self { occurred_on, payload: payload.unwrap_or_default(), confirmed }, others))
    }
}

impl Changed {
    /// The day from now on: named, or named by the payload, or as before.
    pub fn day(&self, kind: &Kind, old: &record::Model) -> NaiveDate {
        self.occurred_on.or_else(|| kind.day_named_in(&self.payload)).unwrap_or(old.occurred_on)
    }

    /// The field that names the day.
    pub fn day_pointer(&self, kind: &Kind) -> String {
        day_pointer(self.occurred_on, kind)
    }

    /// What is judged of it.
    pub fn asked<'a>(
        &'a self,
        handbook: &'a handbook::Model,
        kind: &'a Kind,
        old: &'a record::Model,
        writer: Writer,
    ) -> Asked<'a> {
        Asked {
            handbook,
            kind,
            subject: subject_of(old.subject, old.child_id),
            occurred_on: self.day(kind, old),
            payload: &self.payload,
            confirmed: &self.confirmed,
            writer,
            old: Some(old),
        }
    }
}

/// A fault of the payload as it is told: its pointer begins at the body, and a rule that asks is named, so that the
/// answer can be sent back as `confirmed`.
pub fn of_payload(error: &FieldError) -> FieldProblem {
    use domain::catalogue::Fault;
    let problem = FieldProblem::new(
        format!("/payload{}", error.pointer),
        error.code(),
        error.message(Language::Chinese),
        error.message(Language::English),
    );
    match &error.fault {
        Fault::RefusedByRule { id, .. } | Fault::ConfirmNeeded { id, .. } => problem.by_rule(id),
        _ => problem,
    }
}

/// Refuses a subject that the kind is not about.
pub fn must_fit(kind: &Kind, subject: Subject) -> Result<(), ApiError> {
    if kind.subjects.contains(&subject.kind()) {
        return Ok(());
    }
    let subjects = Word::list(kind.subjects.iter().map(|subject| (subject.zh(), subject.en())));
    Err(ApiError::Told(Code::SubjectNotAllowed, vec![name_of(kind), ("subjects", subjects)]))
}

/// Refuses a kind that is not written in any stage of life that the woman was in on the day.
pub fn must_be_of_its_stage(kind: &Kind, stages: &[Stage], day: NaiveDate) -> Result<(), ApiError> {
    if kind.stages.iter().any(|stage| stages.contains(stage)) {
        return Ok(());
    }
    let stages = Word::list(kind.stages.iter().map(|stage| (stage.zh(), stage.en())));
    let day = Word::Same(day.to_string());
    Err(ApiError::Told(Code::StageNotAllowed, vec![name_of(kind), ("stages", stages), ("day", day)]))
}

fn name_of(kind: &Kind) -> (&'static str, Word) {
    ("kind", Word::Each { zh: kind.label.zh.clone(), en: kind.label.en.clone() })
}

/// A problem that names a kind.
pub fn named(code: Code, kind: &Kind) -> ApiError {
    ApiError::Told(code, vec![name_of(kind)])
}

/// The problem of a kind that there is not, or not on that day.
pub fn unknown_kind(key: &str, day: NaiveDate) -> ApiError {
    let key: String = key.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
    ApiError::with_all(Code::KindUnknown, [("kind", key), ("day", day.to_string())])
}
