//! JSON in; a checked payload with its warnings, or every wrong field by pointer, out.
//!
//! Two steps, so that facts can depend on the record itself: [`Kind::read`] checks everything that the record alone
//! decides, [`Draft::judge`] the rest when the facts about the subject are known.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value as Json};

use super::content::{Content, Row};
use super::expression::Scope;
use super::facts::Facts;
use super::fault::FieldError;
use super::field::{Field, Filled, Origin, Shape};
use super::judge::Judge;
use super::kind::Kind;
use super::lift::{Lifted, lift};
use super::payload::{Payload, Warning};
use super::read::{parse_day, read};
use super::sources::{Couple, Source, Sources};
use super::value::{Term, Value};
use crate::calendar::{day_in_china, start_of_day};

/// Nobody reads more than so many errors at once; a hostile body could make thousands.
pub(super) const MOST_ERRORS: usize = 100;

/// What surrounds a record when it is checked.
#[derive(Debug, Clone)]
pub struct Context {
    /// Now.
    pub now: DateTime<Utc>,
    /// The day of the record.
    pub occurred_on: NaiveDate,
    /// What the server knows.
    pub sources: Sources,
    /// The couple, for kinds with an item for each.
    pub couple: Couple,
    /// The woman of the handbook is pregnant: no text may name the sex of the fetus.
    pub unborn: bool,
}

impl Context {
    /// A context in which nothing is known but the time.
    pub fn new(now: DateTime<Utc>, occurred_on: NaiveDate) -> Self {
        Self { now, occurred_on, sources: Sources::default(), couple: Couple::default(), unborn: false }
    }
}

/// A record whose fields are right; whether it is accepted also depends on the facts.
#[derive(Debug, Clone)]
pub struct Draft<'k> {
    kind: &'k Kind,
    context: Context,
    content: Content,
    lifted: Lifted,
}

/// A record that was accepted.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What is stored.
    pub payload: Payload,
    /// What is told, the gravest first.
    pub warnings: Vec<Warning>,
    /// What rules and projections compute with.
    pub lifted: Lifted,
}

impl Kind {
    /// Checks all that the record alone decides; every wrong field is told at once.
    pub fn read(&self, body: &Map<String, Json>, context: &Context) -> Result<Draft<'_>, Vec<FieldError>> {
        let mut context = context.clone();
        context.sources.record_occurred_on = Some(context.occurred_on);
        context.sources.record_edition = Some(self.edition.clone());

        let (content, mut errors) = read(self, &context, body);
        let mut draft = Draft { kind: self, context, content, lifted: Lifted::default() };
        let unknown = Facts::default();
        draft.fill();
        draft.derive(&unknown);
        errors.extend(draft.judged_by(&unknown).faults_without_facts());
        if !errors.is_empty() {
            errors.truncate(MOST_ERRORS);
            return Err(errors);
        }
        draft.lifted = lift(&draft.payload().merged(), self, draft.moment());
        Ok(draft)
    }

    /// When a record of this kind happened. A record of a day has no hour: written on that day it counts as now, written
    /// later as the beginning of the day, so that a limit in hours is rather kept too strictly.
    pub fn moment(
        &self,
        payload: &Map<String, Json>,
        occurred_on: NaiveDate,
        written_at: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let written = self.occurred().and_then(|field| payload.get(&field.key)).and_then(Json::as_str);
        match written.and_then(|text| DateTime::parse_from_rfc3339(text).ok()) {
            Some(instant) => instant.to_utc(),
            None if occurred_on == day_in_china(written_at) => written_at,
            None => start_of_day(occurred_on),
        }
    }

    /// The day that a body names as the day of the record, for a caller who was not told it apart from the body.
    pub fn day_named_in(&self, body: &Map<String, Json>) -> Option<NaiveDate> {
        let text = body.get(&self.occurred()?.key)?.as_str()?;
        parse_day(text)
            .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|instant| day_in_china(instant.to_utc())))
    }
}

impl<'k> Draft<'k> {
    /// What rules and projections compute with.
    pub fn lifted(&self) -> &Lifted {
        &self.lifted
    }

    /// The kind.
    pub fn kind(&self) -> &'k Kind {
        self.kind
    }

    /// Judges the rest with the facts about the subject; `confirmed` are the ids of questions that were answered yes.
    pub fn judge(mut self, facts: &Facts, confirmed: &[String]) -> Result<Checked, Vec<FieldError>> {
        self.derive(facts);
        let judge = self.judged_by(facts);
        let mut errors = judge.faults(confirmed);
        if !errors.is_empty() {
            errors.truncate(MOST_ERRORS);
            return Err(errors);
        }
        let warnings = judge.warnings();
        Ok(Checked { payload: self.payload(), warnings, lifted: self.lifted })
    }

    fn judged_by<'d>(&'d self, facts: &'d Facts) -> Judge<'d> {
        Judge { kind: self.kind, content: &self.content, facts, sources: &self.context.sources }
    }

    fn moment(&self) -> DateTime<Utc> {
        match self.kind.occurred().and_then(|field| self.content.own.get(field)) {
            Some(Value::Instant(instant)) => *instant,
            _ => self.kind.moment(&Map::new(), self.context.occurred_on, self.context.now),
        }
    }

    /// Fills what the server knows.
    fn fill(&mut self) {
        let kind = self.kind;
        let unknown = Facts::default();
        for field in &kind.fields {
            let Origin::Server(Filled(source)) = field.origin else { continue };
            let values = self.each(field, &unknown, |row, _| self.known(source, row));
            self.content.set(field, values);
        }
    }

    fn known<'s>(&'s self, source: Source, row: &'s Row) -> Option<Term<'s>> {
        match source {
            Source::Record(source) => (source.read)(&self.context.sources),
            Source::Member(source) => match row.get(self.kind.field("role")?)? {
                Value::Text(role) => (source.read)(self.context.couple.member(role)?),
                _ => None,
            },
        }
    }

    /// Computes what follows from the rest.
    fn derive(&mut self, facts: &Facts) {
        let kind = self.kind;
        for field in kind.derivations.iter().filter_map(|place| kind.fields.get(*place)) {
            let Origin::Derived(rule) = &field.origin else { continue };
            let values = self.each(field, facts, |_, scope| rule.expression.evaluate(scope));
            self.content.set(field, values);
        }
    }

    /// A value for the field in each of its rows, where the field applies and the value fits it.
    fn each<'s>(
        &'s self,
        field: &Field,
        facts: &'s Facts,
        value: impl Fn(&'s Row, Scope<'s>) -> Option<Term<'s>>,
    ) -> Vec<Option<Value>> {
        let judge = self.judged_by(facts);
        let rows = self.content.rows(field.repeating).iter();
        rows.map(|row| {
            let scope = judge.scope(field.repeating.map(|_| row));
            let applies = field.when.as_ref().is_none_or(|when| when.expression.holds(scope) == Some(true));
            value(row, scope).filter(|_| applies).and_then(|term| fitting(field, term))
        })
        .collect()
    }

    fn payload(&self) -> Payload {
        let (mut plain, mut sealed) = split(self.kind.own_fields(), &self.content.own);
        for (group, rows) in self.kind.groups.iter().zip(&self.content.items) {
            if rows.is_empty() {
                continue;
            }
            let parts = rows.iter().map(|row| split(self.kind.fields_of(group), row));
            let (plain_items, sealed_items): (Vec<_>, Vec<_>) = parts.unzip();
            if sealed_items.iter().any(|item| !item.is_empty()) {
                sealed.insert(group.key.clone(), array(sealed_items));
            }
            plain.insert(group.key.clone(), array(plain_items));
        }
        Payload::checked(plain, sealed)
    }
}

fn array(items: Vec<Map<String, Json>>) -> Json {
    Json::Array(items.into_iter().map(Json::Object).collect())
}

/// What of a row is stored as it is, and what is encrypted.
fn split<'f>(fields: impl Iterator<Item = &'f Field>, row: &Row) -> (Map<String, Json>, Map<String, Json>) {
    let (mut plain, mut sealed) = (Map::new(), Map::new());
    for field in fields {
        if let Some(json) = row.get(field).and_then(|value| json_of(field, value)) {
            let part = if field.is_sealed() { &mut sealed } else { &mut plain };
            part.insert(field.key.clone(), json);
        }
    }
    (plain, sealed)
}

fn json_of(field: &Field, value: &Value) -> Option<Json> {
    Some(match value {
        Value::Number(number) => Json::Number(number.to_json(decimals_of(field))?),
        Value::Text(text) => Json::String(text.clone()),
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Day(day) => Json::String(day.to_string()),
        Value::Instant(instant) => Json::String(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Value::List(list) => Json::Array(list.iter().cloned().map(Json::String).collect()),
    })
}

fn decimals_of(field: &Field) -> u32 {
    match field.shape {
        Shape::Decimal { decimals, .. } => decimals,
        _ => 0,
    }
}

/// What the server fills or computes, as the field holds it; none where it does not fit (a rank that is no option).
fn fitting(field: &Field, term: Term<'_>) -> Option<Value> {
    let is_option = |key: &str| field.options().iter().any(|option| option.key == key);
    match (&field.shape, term) {
        (Shape::Integer(_), Term::Number(number)) => number.is_whole().then_some(Value::Number(number)),
        (Shape::Decimal { decimals, .. }, Term::Number(number)) => number.round(*decimals).map(Value::Number),
        (Shape::Choice(_), Term::Text(key)) => is_option(key).then(|| Value::Text(key.to_owned())),
        (Shape::Choices { .. }, Term::List(keys)) => {
            Some(Value::List(keys.iter().filter(|key| is_option(key)).cloned().collect()))
        }
        (_, term) => Some(term.to_value()),
    }
}
