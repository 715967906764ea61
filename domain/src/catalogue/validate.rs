//! JSON in; a checked payload with its warnings, or every wrong field by pointer, out.
//!
//! Two steps, so that facts can depend on the record itself: [`Kind::read`] checks everything that the record alone
//! decides, [`Draft::judge`] the rest when the facts about the subject are known.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value as Json};

use super::expression::Scope;
use super::facts::Facts;
use super::fault::{Expected, Fault, FieldError, OptionName, Range, step};
use super::field::{Choice, Field, Filled, Origin, Quantity, Rule, Shape, Timing};
use super::kind::{Caution, Group, Kind, Level, Mode, WrittenBy};
use super::lift::{Lifted, lift};
use super::number::{Number, Written};
use super::payload::{Payload, Warning};
use super::sources::{Couple, Source, Sources};
use super::value::{Term, Value};
use crate::calendar::{day_in_china, start_of_day, to_microseconds};
use crate::fetal_sex::{Strictness, names_fetal_sex};
use crate::text::{Label, clean};

/// A clock of a phone may be ahead of ours by so much.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// A form holds no time outside these years.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;

/// Nobody reads more than so many errors at once; a hostile body could make thousands.
const MOST_ERRORS: usize = 100;

/// A choice from a long table is told by its first options.
const OPTIONS_TOLD: usize = 12;

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
    own: Row,
    /// The items of each group, by the place of the group in the kind.
    items: Vec<Vec<Row>>,
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

/// The fields of the record, or of one item, by slot.
#[derive(Debug, Clone, Default)]
struct Row {
    values: Vec<Option<Value>>,
    /// Fields that were given and are wrong: nothing more is said about what depends on them. An item that is no object
    /// has none of the fields, and all of them are wrong.
    broken: Vec<bool>,
}

impl Row {
    fn new(width: usize) -> Self {
        Self { values: vec![None; width], broken: vec![false; width] }
    }

    fn get(&self, field: &Field) -> Option<&Value> {
        self.values.get(field.slot)?.as_ref()
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        if let Some(place) = self.values.get_mut(field.slot) {
            *place = value;
        }
    }

    fn is_broken(&self, field: &Field) -> bool {
        self.broken.get(field.slot).copied().unwrap_or(true)
    }
}

impl Kind {
    /// Checks all that the record alone decides; every wrong field is told at once.
    pub fn read(&self, body: &Map<String, Json>, context: &Context) -> Result<Draft<'_>, Vec<FieldError>> {
        let mut context = context.clone();
        context.sources.record_occurred_on = Some(context.occurred_on);
        context.sources.record_edition = Some(self.edition.clone());

        let mut reader = Reader { kind: self, context: &context, errors: Vec::new() };
        let own = reader.row(self.own_fields(), self.width, body, "");
        let items = self.groups.iter().map(|group| reader.items(group, &own, body)).collect();
        reader.unknown_fields(body);
        reader.day_of_record(&own);
        let mut errors = reader.errors;

        let mut draft = Draft { kind: self, context, own, items, lifted: Lifted::default() };
        draft.fill();
        draft.derive(&Facts::default());
        errors.extend(draft.faults(None, &[]));
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

/// Reads the fields that a body carries.
struct Reader<'a> {
    kind: &'a Kind,
    context: &'a Context,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    fn wrong(&mut self, field: &Field, pointer: String, fault: Fault) {
        self.errors.push(FieldError { pointer, label: Some(field.label.clone()), fault });
    }

    fn wrong_group(&mut self, group: &Group, pointer: String, fault: Fault) {
        self.errors.push(FieldError { pointer, label: Some(group.label.clone()), fault });
    }

    fn row<'f>(
        &mut self,
        fields: impl Iterator<Item = &'f Field>,
        width: usize,
        body: &Map<String, Json>,
        pointer: &str,
    ) -> Row {
        let mut row = Row::new(width);
        for field in fields {
            let Some(json) = body.get(&field.key) else { continue };
            let pointer = step(pointer, &field.key);
            let errors_before = self.errors.len();
            match field.origin {
                Origin::Input => {
                    let value = self.value(field, &pointer, json);
                    row.set(field, value);
                }
                Origin::Server(_) => self.wrong(field, pointer, Fault::ServerFilled),
                Origin::Derived(_) => self.wrong(field, pointer, Fault::Derived),
            }
            if let Some(broken) = row.broken.get_mut(field.slot) {
                *broken = self.errors.len() > errors_before;
            }
        }
        row
    }

    fn items(&mut self, group: &Group, own: &Row, body: &Map<String, Json>) -> Vec<Row> {
        let pointer = step("", &group.key);
        if group.repeat.is_none() {
            return Vec::new();
        }
        let items = match body.get(&group.key) {
            None => &[][..],
            Some(Json::Array(items)) => items,
            Some(_) => {
                self.wrong_group(group, pointer, Fault::WrongType { expected: Expected::Items });
                return Vec::new();
            }
        };
        let (min, max) = self.how_many(group, own);
        if items.len() < min {
            let fault = if items.is_empty() { Fault::Required } else { Fault::TooFewItems { min } };
            self.wrong_group(group, pointer.clone(), fault);
        }
        if items.len() > max {
            self.wrong_group(group, pointer.clone(), Fault::TooManyItems { max });
        }
        let known = items.iter().enumerate().take(group.max);
        let rows = known
            .map(|(index, item)| self.item(group, item, &format!("{pointer}/{index}")))
            .collect::<Vec<_>>();
        self.different(group, &rows, &pointer);
        rows
    }

    /// How many items there must be: as many as the counting field says, if it is given.
    fn how_many(&self, group: &Group, own: &Row) -> (usize, usize) {
        let field = group.count.as_deref().and_then(|key| self.kind.field(key));
        let count = match field.and_then(|field| own.get(field)) {
            Some(Value::Number(count)) => count.whole().and_then(|count| usize::try_from(count).ok()),
            _ => None,
        };
        count.map_or((group.min, group.max), |count| (count.max(group.min), count.min(group.max)))
    }

    fn item(&mut self, group: &Group, item: &Json, pointer: &str) -> Row {
        let Some(item) = item.as_object() else {
            self.wrong_group(group, pointer.to_owned(), Fault::WrongType { expected: Expected::Item });
            return Row::default();
        };
        let kind = self.kind;
        let row = self.row(kind.fields_of(group), group.width, item, pointer);
        let is_known = |key: &String| kind.fields_of(group).any(|field| &field.key == key);
        self.unknown(item.keys().filter(|key| !is_known(key)), pointer);
        row
    }

    fn different(&mut self, group: &Group, rows: &[Row], pointer: &str) {
        let Some(field) = group.unique.as_deref().and_then(|key| self.kind.field(key)) else { return };
        for (index, row) in rows.iter().enumerate() {
            let value = row.get(field);
            if value.is_some() && rows.iter().take(index).any(|earlier| earlier.get(field) == value) {
                self.wrong(field, step(&format!("{pointer}/{index}"), &field.key), Fault::DuplicateItem);
            }
        }
    }

    fn unknown_fields(&mut self, body: &Map<String, Json>) {
        let kind = self.kind;
        let is_known = |key: &String| {
            kind.field(key).is_some_and(|field| kind.repeating(field).is_none())
                || kind.group(key).is_some_and(|group| group.repeat.is_some())
        };
        self.unknown(body.keys().filter(|key| !is_known(key)), "");
    }

    fn unknown<'b>(&mut self, keys: impl Iterator<Item = &'b String>, pointer: &str) {
        const KEY_TOLD: usize = 64;
        for key in keys.take(MOST_ERRORS) {
            let told: String = key.chars().filter(|c| !c.is_control()).take(KEY_TOLD).collect();
            self.errors.push(FieldError {
                pointer: step(pointer, &told),
                label: None,
                fault: Fault::UnknownField,
            });
        }
    }

    /// The field that says when it happened and the day of the record are one statement.
    fn day_of_record(&mut self, own: &Row) {
        let Some(field) = self.kind.occurred() else { return };
        let day = match own.get(field) {
            Some(Value::Day(day)) => *day,
            Some(Value::Instant(instant)) => day_in_china(*instant),
            _ => return,
        };
        if day != self.context.occurred_on {
            self.wrong(field, step("", &field.key), Fault::OtherDay { day: self.context.occurred_on });
        }
    }

    /// The value of a field; none if it is empty or wrong.
    fn value(&mut self, field: &Field, pointer: &str, json: &Json) -> Option<Value> {
        let value = match &field.shape {
            Shape::Integer(quantity) => self.number(field, quantity, 0, json).map(Value::Number).map(Some),
            Shape::Decimal { quantity, decimals } => {
                self.number(field, quantity, *decimals, json).map(Value::Number).map(Some)
            }
            Shape::Text { max_length } => return self.text(field, *max_length, pointer, json),
            Shape::Reference(_) => reference(json).map(Value::Text).map(Some),
            Shape::References { min, max, .. } => {
                return self.list(field, pointer, json, (*min, *max), Expected::References, reference);
            }
            Shape::Choice(options) => choice(options, json).map(|key| Some(Value::Text(key))),
            Shape::Choices { options, min } => return self.choices(field, options, *min, pointer, json),
            Shape::Date(timing) => self.date(timing, json).map(Value::Day).map(Some),
            Shape::Instant(timing) => self.instant(timing, json).map(Value::Instant).map(Some),
            Shape::Bool => match json {
                Json::Bool(bool) => Ok(Some(Value::Bool(*bool))),
                _ => Err(Fault::WrongType { expected: Expected::Bool }),
            },
        };
        value.unwrap_or_else(|fault| {
            self.wrong(field, pointer.to_owned(), fault);
            None
        })
    }

    fn number(
        &self,
        field: &Field,
        quantity: &Quantity,
        decimals: u32,
        json: &Json,
    ) -> Result<Number, Fault> {
        let expected = if decimals == 0 { Expected::Integer } else { Expected::Decimal };
        let number = match json {
            Json::Number(number) => {
                let written = Written::from(number);
                if decimals == 0 && written.decimals > 0 {
                    return Err(Fault::WrongType { expected });
                }
                check_range(field, quantity, written.number)?;
                if written.decimals > decimals {
                    return Err(Fault::TooManyDecimals { decimals });
                }
                written.number
            }
            Json::Object(with_unit) if !quantity.alternatives.is_empty() => {
                let number = converted(quantity, with_unit)
                    .and_then(|number| number.round(decimals).ok_or(Fault::WrongType { expected }))?;
                check_range(field, quantity, number)?;
                number
            }
            _ => return Err(Fault::WrongType { expected }),
        };
        Ok(number)
    }

    fn text(&mut self, field: &Field, max_length: usize, pointer: &str, json: &Json) -> Option<Value> {
        let text = match json.as_str().map(clean) {
            None => Err(Fault::WrongType { expected: Expected::Text }),
            Some(Err(_)) => Err(Fault::ControlCharacter),
            Some(Ok(text)) if text.chars().count() > max_length => Err(Fault::TooLong { max_length }),
            Some(Ok(text)) if self.tells_fetal_sex(&text) => Err(Fault::NamesFetalSex),
            Some(Ok(text)) => Ok(text),
        };
        match text {
            Ok(text) => (!text.is_empty()).then_some(Value::Text(text)),
            Err(fault) => {
                self.wrong(field, pointer.to_owned(), fault);
                None
            }
        }
    }

    fn tells_fetal_sex(&self, text: &str) -> bool {
        let strictness = match self.kind.written_by {
            WrittenBy::Family => Strictness::Family,
            WrittenBy::Clinician => Strictness::Clinician,
        };
        self.context.unborn && !self.kind.about_birth && names_fetal_sex(text, strictness)
    }

    fn choices(
        &mut self,
        field: &Field,
        options: &[Choice],
        min: usize,
        pointer: &str,
        json: &Json,
    ) -> Option<Value> {
        let limits = (min, options.len());
        let value =
            self.list(field, pointer, json, limits, Expected::Choices, |item| choice(options, item))?;
        if let Value::List(keys) = &value
            && keys.len() > 1
            && let Some(option) = options.iter().find(|option| option.exclusive && keys.contains(&option.key))
        {
            let option = Label::new(option.zh.clone(), option.en.clone());
            self.wrong(field, pointer.to_owned(), Fault::ExclusiveOption { option });
            return None;
        }
        Some(value)
    }

    fn list(
        &mut self,
        field: &Field,
        pointer: &str,
        json: &Json,
        (min, max): (usize, usize),
        expected: Expected,
        read: impl Fn(&Json) -> Result<String, Fault>,
    ) -> Option<Value> {
        let items = match json {
            Json::Array(items) if items.len() < min => Err(Fault::TooFewItems { min }),
            Json::Array(items) if items.len() > max => Err(Fault::TooManyItems { max }),
            Json::Array(items) => Ok(items),
            _ => Err(Fault::WrongType { expected }),
        };
        let items = items.map_err(|fault| self.wrong(field, pointer.to_owned(), fault)).ok()?;
        let mut list: Vec<String> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(key) if list.contains(&key) => {
                    self.wrong(field, format!("{pointer}/{index}"), Fault::DuplicateItem);
                }
                Ok(key) => list.push(key),
                Err(fault) => self.wrong(field, format!("{pointer}/{index}"), fault),
            }
        }
        (list.len() == items.len()).then_some(Value::List(list))
    }

    fn date(&self, timing: &Timing, json: &Json) -> Result<NaiveDate, Fault> {
        let expected = if timing.month { Expected::Month } else { Expected::Date };
        let text = json.as_str().ok_or(Fault::WrongType { expected })?;
        let day = parse_day(text).filter(|day| {
            use chrono::Datelike;
            YEARS.contains(&day.year()) && (!timing.month || day.day() == 1)
        });
        let day = day.ok_or(Fault::BadDate { expected })?;
        if !timing.future && day > day_in_china(self.context.now) {
            return Err(Fault::InTheFuture);
        }
        self.not_before(timing, day)?;
        Ok(day)
    }

    fn instant(&self, timing: &Timing, json: &Json) -> Result<DateTime<Utc>, Fault> {
        use chrono::Datelike;
        let expected = Expected::Instant;
        let text = json.as_str().ok_or(Fault::WrongType { expected })?;
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| Fault::BadDate { expected })?.to_utc();
        if !YEARS.contains(&instant.year()) {
            return Err(Fault::BadDate { expected });
        }
        if !timing.future && instant > self.context.now + AHEAD {
            return Err(Fault::InTheFuture);
        }
        self.not_before(timing, day_in_china(instant))?;
        Ok(to_microseconds(instant))
    }

    fn not_before(&self, timing: &Timing, day: NaiveDate) -> Result<(), Fault> {
        let Some(Filled(Source::Record(source))) = timing.not_before else { return Ok(()) };
        let earliest = match (source.read)(&self.context.sources) {
            Some(Term::Day(earliest)) => earliest,
            Some(Term::Instant(earliest)) => day_in_china(earliest),
            _ => return Ok(()),
        };
        if day < earliest { Err(Fault::TooEarly { earliest }) } else { Ok(()) }
    }
}

fn check_range(field: &Field, quantity: &Quantity, number: Number) -> Result<(), Fault> {
    let range = || Range {
        min: quantity.min,
        max: quantity.max,
        unit: quantity.unit.as_ref().map(|unit| Label::new(unit.zh.clone(), unit.en.clone())),
        came: (!field.sensitive).then_some(number),
    };
    if quantity.min.is_some_and(|min| number < min) {
        return Err(Fault::BelowRange(range()));
    }
    if quantity.max.is_some_and(|max| number > max) {
        return Err(Fault::AboveRange(range()));
    }
    Ok(())
}

/// `{"value": 95, "unit": "mg/dL"}` in the unit of the field.
fn converted(quantity: &Quantity, with_unit: &Map<String, Json>) -> Result<Number, Fault> {
    let (Some(Json::Number(value)), Some(Json::String(unit)), 2) =
        (with_unit.get("value"), with_unit.get("unit"), with_unit.len())
    else {
        return Err(Fault::WrongType { expected: Expected::Decimal });
    };
    let value = Written::from(value).number;
    if quantity.unit.as_ref().is_some_and(|own| own.code == *unit) {
        return Ok(value);
    }
    let alternative = quantity.alternatives.iter().find(|alternative| alternative.unit.code == *unit);
    match alternative {
        Some(alternative) => {
            value.times(alternative.factor).ok_or(Fault::WrongType { expected: Expected::Decimal })
        }
        None => {
            let others = quantity.alternatives.iter().map(|alternative| &alternative.unit);
            let allowed = quantity.unit.iter().chain(others).map(|unit| unit.code.clone()).collect();
            Err(Fault::UnknownUnit { allowed })
        }
    }
}

fn choice(options: &[Choice], json: &Json) -> Result<String, Fault> {
    let key = json.as_str().ok_or(Fault::WrongType { expected: Expected::Choice })?;
    if options.iter().any(|option| option.key == key) {
        return Ok(key.to_owned());
    }
    let told = options.iter().take(OPTIONS_TOLD).map(|option| OptionName {
        key: option.key.clone(),
        label: Label::new(option.zh.clone(), option.en.clone()),
    });
    Err(Fault::NotAnOption { options: told.collect(), count: options.len() })
}

fn reference(json: &Json) -> Result<String, Fault> {
    const HYPHENATED: usize = 36;
    let text = json.as_str().ok_or(Fault::WrongType { expected: Expected::Reference })?;
    let id = uuid::Uuid::try_parse(text).ok().filter(|_| text.len() == HYPHENATED);
    id.map(|id| id.to_string()).ok_or(Fault::BadReference)
}

/// `2026-11-21` and nothing looser.
fn parse_day(text: &str) -> Option<NaiveDate> {
    const PICTURE: &[u8] = b"0000-00-00";
    let fits = text.len() == PICTURE.len()
        && text.bytes().zip(PICTURE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            shape => byte == *shape,
        });
    text.parse().ok().filter(|_| fits)
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
        let mut errors = self.faults(Some(facts), confirmed);
        if !errors.is_empty() {
            errors.truncate(MOST_ERRORS);
            return Err(errors);
        }
        Ok(Checked { payload: self.payload(), warnings: self.warnings(facts), lifted: self.lifted })
    }

    fn moment(&self) -> DateTime<Utc> {
        match self.kind.occurred().and_then(|field| self.own.get(field)) {
            Some(Value::Instant(instant)) => *instant,
            _ => self.kind.moment(&Map::new(), self.context.occurred_on, self.context.now),
        }
    }

    fn scope<'s>(&'s self, item: Option<&'s Row>, facts: &'s Facts) -> Scope<'s> {
        Scope {
            record: &self.own.values,
            item: item.map(|row| row.values.as_slice()).unwrap_or_default(),
            facts,
            sources: &self.context.sources,
        }
    }

    /// The rows that a field, reject or warning is about: the items of its group, or the record itself.
    fn rows(&self, group: Option<&str>) -> Vec<(String, Option<&Row>)> {
        let Some(group) = group else { return vec![(String::new(), None)] };
        let items = self.kind.groups.iter().zip(&self.items).filter(|(known, _)| known.key == group);
        items
            .flat_map(|(_, rows)| rows.iter().enumerate())
            .map(|(index, row)| (format!("{}/{index}", step("", group)), Some(row)))
            .collect()
    }

    fn rows_of(&self, field: &Field) -> Vec<(String, Option<&Row>)> {
        self.rows(self.kind.repeating(field).map(|group| group.key.as_str()))
    }

    fn row<'s>(&'s self, item: Option<&'s Row>) -> &'s Row {
        item.unwrap_or(&self.own)
    }

    /// Sets a field of the record, or of every item of its group.
    fn set_all(&mut self, field: &Field, values: Vec<Option<Value>>) {
        let group = self.kind.repeating(field).map(|group| group.key.as_str());
        let place = self.kind.groups.iter().position(|known| Some(known.key.as_str()) == group);
        let rows = match place {
            Some(place) => self.items.get_mut(place).map(Vec::as_mut_slice).unwrap_or_default(),
            None => std::slice::from_mut(&mut self.own),
        };
        for (row, value) in rows.iter_mut().zip(values) {
            row.set(field, value);
        }
    }

    /// Fills what the server knows.
    fn fill(&mut self) {
        let kind = self.kind;
        let facts = Facts::default();
        for field in &kind.fields {
            let Origin::Server(Filled(source)) = field.origin else { continue };
            let rows = self.rows_of(field);
            let applies = |item| {
                field
                    .when
                    .as_ref()
                    .is_none_or(|when| when.expression.holds(self.scope(item, &facts)) == Some(true))
            };
            let values = rows.into_iter().map(|(_, item)| {
                self.known(source, item).filter(|_| applies(item)).and_then(|term| fitting(field, term))
            });
            let values = values.collect();
            self.set_all(field, values);
        }
    }

    fn known<'s>(&'s self, source: Source, item: Option<&'s Row>) -> Option<Term<'s>> {
        match source {
            Source::Record(source) => (source.read)(&self.context.sources),
            Source::Member(source) => match self.row(item).get(self.kind.field("role")?)? {
                Value::Text(role) => (source.read)(self.context.couple.member(role)?),
                _ => None,
            },
        }
    }

    fn derive(&mut self, facts: &Facts) {
        let kind = self.kind;
        for field in kind.derivations.iter().filter_map(|place| kind.fields.get(*place)) {
            let Origin::Derived(rule) = &field.origin else { continue };
            let values = self.rows_of(field).into_iter().map(|(_, item)| {
                let scope = self.scope(item, facts);
                let applies =
                    field.when.as_ref().is_none_or(|when| when.expression.holds(scope) == Some(true));
                rule.expression.evaluate(scope).filter(|_| applies).and_then(|term| fitting(field, term))
            });
            let values = values.collect();
            self.set_all(field, values);
        }
    }

    /// What is wrong with the record as a whole. Without facts, what needs them is left for later.
    fn faults(&self, facts: Option<&Facts>, confirmed: &[String]) -> Vec<FieldError> {
        let none = Facts::default();
        let judge = Judge { draft: self, facts: facts.unwrap_or(&none), all_known: facts.is_some() };
        let mut errors = Vec::new();
        for field in &self.kind.fields {
            for (pointer, item) in self.rows_of(field) {
                let fault = judge.presence(field, item).or_else(|| judge.derived_range(field, item));
                errors.extend(fault.map(|fault| FieldError {
                    pointer: step(&pointer, &field.key),
                    label: Some(field.label.clone()),
                    fault,
                }));
            }
        }
        errors.extend(judge.rejected(confirmed));
        errors
    }

    fn warnings(&self, facts: &Facts) -> Vec<Warning> {
        let fired: Vec<(String, &Caution)> = self
            .kind
            .warnings
            .iter()
            .flat_map(|caution| {
                self.rows(caution.per_item.as_deref()).into_iter().map(move |row| (row, caution))
            })
            .filter(|((_, item), caution)| {
                caution.when.expression.holds(self.scope(*item, facts)) == Some(true)
            })
            .map(|((pointer, _), caution)| (pointer, caution))
            .collect();
        let is_replaced = |pointer: &str, id: &str| {
            fired.iter().any(|(other, caution)| {
                other == pointer && caution.instead_of.iter().any(|weaker| weaker == id)
            })
        };
        let mut warnings: Vec<Warning> = fired
            .iter()
            .filter(|(pointer, caution)| !is_replaced(pointer, &caution.id))
            .map(|(pointer, caution)| Warning {
                id: caution.id.clone(),
                pointer: (!pointer.is_empty()).then(|| pointer.clone()),
                level: caution.level,
                label: caution.label.clone(),
                alert: caution.alert,
                sensitive: caution.sensitive,
            })
            .collect();
        let said: Vec<(&str, usize)> = fired
            .iter()
            .flat_map(|(pointer, caution)| caution.fields.iter().map(|place| (pointer.as_str(), *place)))
            .collect();
        warnings.extend(self.limits_crossed(&said));
        warnings.sort_by_key(|warning| std::cmp::Reverse(warning.level));
        warnings
    }

    /// Limits of single fields; silent where a rule that reads the field has spoken.
    fn limits_crossed(&self, said: &[(&str, usize)]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (place, field) in self.kind.fields.iter().enumerate() {
            let Some(quantity) = field.quantity().filter(|quantity| !quantity.warn.is_empty()) else {
                continue;
            };
            for (pointer, item) in self.rows_of(field) {
                let Some(Value::Number(value)) = self.row(item).get(field) else { continue };
                let crossed = quantity.warn.iter().find(|limit| limit.is_crossed(*value));
                let spoken = said.contains(&(pointer.as_str(), place));
                if let Some(limit) = crossed.filter(|_| !spoken) {
                    let unit = |zh: bool| {
                        let unit = quantity.unit.as_ref().map(|unit| if zh { &unit.zh } else { &unit.en });
                        unit.map(|unit| format!(" {unit}")).unwrap_or_default()
                    };
                    let (side, bound) = (limit.side, limit.bound);
                    let zh = format!(
                        "{}为 {value}{}，{}提示界值 {bound}{}。",
                        field.label.zh,
                        unit(true),
                        side.zh(),
                        unit(true)
                    );
                    let en = format!(
                        "{}: {value}{} is {} {bound}{}.",
                        field.label.en,
                        unit(false),
                        side.en(),
                        unit(false)
                    );
                    warnings.push(Warning {
                        id: format!("{}.{}", field.key, side.code()),
                        pointer: Some(step(&pointer, &field.key)),
                        level: Level::Info,
                        label: Label { zh, en },
                        alert: false,
                        sensitive: field.sensitive,
                    });
                }
            }
        }
        warnings
    }

    fn payload(&self) -> Payload {
        let (mut plain, mut sealed) = split(self.kind.own_fields(), &self.own);
        for (group, rows) in self.kind.groups.iter().zip(&self.items) {
            if rows.is_empty() {
                continue;
            }
            let parts = rows.iter().map(|row| split(self.kind.fields_of(group), row));
            let (plain_items, sealed_items): (Vec<_>, Vec<_>) = parts.unzip();
            if sealed_items.iter().any(|item| !item.is_empty()) {
                sealed.insert(
                    group.key.clone(),
                    Json::Array(sealed_items.into_iter().map(Json::Object).collect()),
                );
            }
            plain.insert(group.key.clone(), Json::Array(plain_items.into_iter().map(Json::Object).collect()));
        }
        Payload::checked(plain, sealed)
    }
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

/// Judges the record as a whole.
struct Judge<'d, 'k> {
    draft: &'d Draft<'k>,
    facts: &'d Facts,
    /// The facts are known; before, rules that need them are not judged.
    all_known: bool,
}

impl Judge<'_, '_> {
    fn holds(&self, rule: &Rule, item: Option<&Row>) -> Option<bool> {
        rule.expression.holds(self.draft.scope(item, self.facts))
    }

    fn presence(&self, field: &Field, item: Option<&Row>) -> Option<Fault> {
        let row = self.draft.row(item);
        if !field.is_input() || row.is_broken(field) {
            return None;
        }
        let given = row.get(field).is_some();
        if let Some(when) = &field.when {
            if when.needs_facts && !self.all_known {
                return None;
            }
            match self.holds(when, item) {
                Some(true) => {}
                Some(false) => return given.then_some(Fault::NotApplicable),
                None => return (given && !self.reads_broken(when, item)).then_some(Fault::NotApplicable),
            }
        }
        let asked = field.required_when.as_ref().is_some_and(|rule| {
            (self.all_known || !rule.needs_facts) && self.holds(rule, item) == Some(true)
        });
        (!given && (field.required || asked)).then_some(Fault::Required)
    }

    /// Whether a rule is unknown because a field that it reads is wrong, which is said already.
    fn reads_broken(&self, rule: &Rule, item: Option<&Row>) -> bool {
        use super::expression::Place;
        let is_broken = |row: &Row, slot: usize| row.broken.get(slot).copied().unwrap_or(false);
        rule.expression.places().into_iter().any(|place| match place {
            Place::Record(slot) => is_broken(&self.draft.own, slot),
            Place::Item(slot) => item.is_some_and(|row| is_broken(row, slot)),
            Place::Fact(_) | Place::Source(_) => false,
        })
    }

    fn derived_range(&self, field: &Field, item: Option<&Row>) -> Option<Fault> {
        let (Origin::Derived(_), Some(quantity)) = (&field.origin, field.quantity()) else { return None };
        match self.draft.row(item).get(field)? {
            Value::Number(number) => check_range(field, quantity, *number).err(),
            _ => None,
        }
    }

    fn rejected(&self, confirmed: &[String]) -> Vec<FieldError> {
        let kind = self.draft.kind;
        let mut errors = Vec::new();
        for reject in &kind.rejects {
            let is_open = match reject.mode {
                Mode::Refuse => self.all_known || !reject.when.needs_facts,
                Mode::Confirm => self.all_known && !confirmed.contains(&reject.id),
            };
            if !is_open {
                continue;
            }
            for (pointer, item) in self.draft.rows(reject.per_item.as_deref()) {
                if self.holds(&reject.when, item) != Some(true) {
                    continue;
                }
                let field = reject.field.and_then(|place| kind.fields.get(place));
                let (id, reason) = (reject.id.clone(), reject.label.clone());
                let fault = match reject.mode {
                    Mode::Refuse => Fault::RefusedByRule { id, reason },
                    Mode::Confirm => Fault::ConfirmNeeded { id, reason },
                };
                errors.push(FieldError {
                    pointer: field.map_or_else(|| pointer.clone(), |field| self.pointer_to(field, &pointer)),
                    label: None,
                    fault,
                });
            }
        }
        errors
    }

    /// A rule about items may point at a field of the record.
    fn pointer_to(&self, field: &Field, item: &str) -> String {
        match self.draft.kind.repeating(field) {
            Some(_) => step(item, &field.key),
            None => step("", &field.key),
        }
    }
}
