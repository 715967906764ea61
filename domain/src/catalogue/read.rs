//! A body in, rows of values out, with every wrong field by pointer: what each field alone decides.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde_json::{Map, Value as Json};

use super::content::{Content, Row};
use super::fault::{Expected, Fault, FieldError, OptionName, Range, step};
use super::field::{Choice, Field, Filled, Origin, Quantity, Shape, Timing};
use super::kind::{Group, Kind, WrittenBy};
use super::number::{Number, Written};
use super::sources::Source;
use super::validate::{Context, MOST_ERRORS};
use super::value::{Term, Value};
use crate::calendar::{day_in_china, to_microseconds};
use crate::fetal_sex::{Strictness, names_fetal_sex};
use crate::text::{Label, clean};

/// A clock of a phone may be ahead of ours by so much.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// A form holds no time outside these years.
const YEARS: RangeInclusive<i32> = 1900..=2100;

/// A choice from a long table is told by its first options.
const OPTIONS_TOLD: usize = 12;

/// Reads what a body carries; the errors are of fields that are wrong by themselves.
pub(super) fn read(kind: &Kind, context: &Context, body: &Map<String, Json>) -> (Content, Vec<FieldError>) {
    let mut reader = Reader { kind, context, errors: Vec::new() };
    let own = reader.row(kind.own_fields(), kind.width, body, "");
    let items = kind.groups.iter().map(|group| reader.items(group, &own, body)).collect();
    reader.unknown_fields(body);
    reader.day_of_record(&own);
    (Content { own, items }, reader.errors)
}

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
            if self.errors.len() > errors_before {
                row.mark_broken(field);
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
            kind.field(key).is_some_and(|field| field.repeating.is_none())
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
        let day =
            parse_day(text).filter(|day| YEARS.contains(&day.year()) && (!timing.month || day.day() == 1));
        let day = day.ok_or(Fault::BadDate { expected })?;
        if !timing.future && day > day_in_china(self.context.now) {
            return Err(Fault::InTheFuture);
        }
        self.not_before(timing, day)?;
        Ok(day)
    }

    fn instant(&self, timing: &Timing, json: &Json) -> Result<DateTime<Utc>, Fault> {
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

pub(super) fn check_range(field: &Field, quantity: &Quantity, number: Number) -> Result<(), Fault> {
    let range = || Range {
        min: quantity.min,
        max: quantity.max,
        unit: quantity.unit.as_ref().map(|unit| Label::new(unit.zh.clone(), unit.en.clone())),
        came: (!field.sensitive).then_some(number),
    };
    if quantity.min.is_some_and(|min| number < min) {
        return Err(Fault::BelowRange(Box::new(range())));
    }
    if quantity.max.is_some_and(|max| number > max) {
        return Err(Fault::AboveRange(Box::new(range())));
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
pub(super) fn parse_day(text: &str) -> Option<NaiveDate> {
    const PICTURE: &[u8] = b"0000-00-00";
    let fits = text.len() == PICTURE.len()
        && text.bytes().zip(PICTURE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            shape => byte == *shape,
        });
    text.parse().ok().filter(|_| fits)
}
