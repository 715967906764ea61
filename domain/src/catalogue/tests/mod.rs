//! The embedded catalogue against the reference: files, fields, rules with their exact bounds, facts.

mod facts;
mod fetal_sex;
mod files;
mod reading;
mod warnings;

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Map, Value as Json};

use super::{Catalogue, Checked, Context, Facts, FieldError, Kind, Warning};
use crate::calendar::start_of_day;
use crate::text::Language;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded().unwrap());

/// The day of every record in these tests.
const TODAY: &str = "2026-11-20";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// An hour of that day in China.
fn hour(hour: i64) -> DateTime<Utc> {
    start_of_day(day(TODAY)) + TimeDelta::hours(hour)
}

fn kind(key: &str) -> &'static Kind {
    CATALOGUE.kind(key, day(TODAY)).unwrap_or_else(|| panic!("no kind `{key}`"))
}

fn map(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// The first example of a kind with some fields changed; a null takes a field out.
fn example(key: &str, changes: Json) -> Map<String, Json> {
    let mut body = kind(key).examples.first().unwrap().payload.clone();
    for (key, value) in map(changes) {
        if value.is_null() {
            body.remove(&key)
        } else {
            body.insert(key, value)
        };
    }
    body
}

fn context() -> Context {
    Context::new(hour(23), day(TODAY))
}

fn check(key: &str, body: &Map<String, Json>, facts: &Facts) -> Result<Checked, Vec<FieldError>> {
    kind(key).read(body, &context()).and_then(|draft| draft.judge(facts, &[]))
}

fn accepted(key: &str, body: Json, facts: &Facts) -> Checked {
    check(key, &map(body), facts).unwrap_or_else(|errors| {
        let told: Vec<String> = errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.message(Language::English)))
            .collect();
        panic!("{key}: {}", told.join("\n"))
    })
}

/// Pointer and code of every error.
fn faults(key: &str, body: &Map<String, Json>) -> Vec<(String, &'static str)> {
    faults_with(key, body, &Facts::default())
}

fn faults_with(key: &str, body: &Map<String, Json>, facts: &Facts) -> Vec<(String, &'static str)> {
    match check(key, body, facts) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| (error.pointer.clone(), error.code())).collect(),
    }
}

fn ids(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.id.as_str()).collect()
}
