//! Fills in a clinical form as for somebody in whom nothing is remarkable, from the form's own example and options, so
//! that the demo follows when a form changes.

use chrono::{DateTime, NaiveDate, TimeDelta};
use domain::catalogue::field::Shape;
use domain::catalogue::{Context, Draft, Fault, Field, Kind};
use serde_json::{Map, Value as Json};

use super::story::refused;

/// Answers that say that all is well, the most common first.
const WELL: [&str; 13] = [
    "normal",
    "none",
    "pass",
    "rosy",
    "no",
    "negative",
    "done",
    "given_here",
    "separated",
    "open",
    "diet",
    "feeding",
    "spontaneous",
];

/// How often a form is read again after its answers were mended: one answer may make another question apply.
const ROUNDS: usize = 5;

/// The example of a form with what was found put over it; questions that do not apply are left out, and what is missing
/// is answered as for somebody who is well.
pub(super) fn filled_in<'k>(
    kind: &'k Kind,
    found: Map<String, Json>,
    context: &Context,
) -> anyhow::Result<Draft<'k>> {
    let mut body = Json::Object(Map::new());
    if let Some(example) = kind.examples.first() {
        body = Json::Object(example.payload.clone());
        move_days(&mut body, context.occurred_on - example.on);
    }
    if let Some(body) = body.as_object_mut() {
        body.extend(found);
    }
    for _ in 0..ROUNDS {
        let payload = body.as_object().cloned().unwrap_or_default();
        let errors = match kind.read(&payload, context) {
            Ok(draft) => return Ok(draft),
            Err(errors) => errors,
        };
        for error in &errors {
            let Some((parent, key)) = error.pointer.rsplit_once('/') else {
                return Err(refused(kind, &errors));
            };
            let item = body.pointer_mut(parent).and_then(Json::as_object_mut);
            let Some(item) = item else { return Err(refused(kind, &errors)) };
            match (&error.fault, kind.field(key).and_then(unremarkable)) {
                (Fault::NotApplicable | Fault::UnknownField, _) => drop(item.remove(key)),
                (Fault::Required, Some(answer)) => drop(item.insert(key.to_owned(), answer)),
                _ => return Err(refused(kind, &errors)),
            }
        }
    }
    anyhow::bail!("the demo could not fill in {}", kind.key)
}

/// Moves every day and instant of an example to where they stand beside another day.
fn move_days(value: &mut Json, by: TimeDelta) {
    match value {
        Json::Object(fields) => fields.values_mut().for_each(|value| move_days(value, by)),
        Json::Array(items) => items.iter_mut().for_each(|item| move_days(item, by)),
        Json::String(text) => {
            if let Ok(day) = text.parse::<NaiveDate>() {
                *text = (day + by).to_string();
            } else if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
                *text = (instant + by).to_rfc3339();
            }
        }
        _ => {}
    }
}

/// The answer of somebody who is well.
fn unremarkable(field: &Field) -> Option<Json> {
    let options = field.options();
    let well = WELL.iter().find(|well| options.iter().any(|option| option.key == **well)).copied();
    let answer = well.or(options.first().map(|option| option.key.as_str()));
    match &field.shape {
        Shape::Choice(_) => answer.map(Json::from),
        Shape::Choices { .. } => answer.map(|answer| Json::from(vec![answer])),
        Shape::Bool => Some(Json::from(false)),
        Shape::Text { .. } => Some(Json::from("无")),
        _ => None,
    }
}
