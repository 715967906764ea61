//! The kinds of the catalogue as schemas: what a record of each holds, and which of them a body may be.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::kind::WrittenBy;
use domain::catalogue::{Catalogue, Kind};
use domain::record::SubjectKind;
use serde_json::{Map, Value, json};

/// A body that holds a record: its general schema, who writes it, and what the schemas of its kinds are called.
const OF_EVERY_KIND: [(&str, WrittenBy, &str); 2] =
    [("NewEntry", WrittenBy::Family, "Entry"), ("NewCheckup", WrittenBy::Clinician, "Checkup")];

/// A body that changes a record, whose kind is known from the record.
const OF_ANY_KIND: [(&str, WrittenBy); 2] =
    [("ChangedEntry", WrittenBy::Family), ("CorrectedCheckup", WrittenBy::Clinician)];

/// Gives every kind of the catalogue a schema of its own, and the bodies that hold one a choice among them.
pub(super) fn name_kinds(document: &mut Value, catalogue: &Catalogue) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return;
    };
    let editions = editions_by_key(catalogue);
    for (key, editions) in &editions {
        let payloads: Vec<Value> = editions.iter().map(|kind| kind.schema()).collect();
        schemas.insert(payload_name(key), one_or_any(payloads));
    }
    for (general, side, prefix) in OF_EVERY_KIND {
        let Some(body) = schemas.remove(general) else { continue };
        let mut mapping = Map::new();
        for (key, editions) in written_by(&editions, side) {
            let name = format!("{prefix}_{key}");
            mapping.insert(key.to_owned(), reference(&name));
            schemas.insert(name, of_kind(body.clone(), key, editions));
        }
        let choice: Vec<Value> = mapping.values().map(|name| json!({ "$ref": name })).collect();
        let discriminator = json!({ "propertyName": "kind", "mapping": mapping });
        schemas.insert(general.to_owned(), json!({ "oneOf": choice, "discriminator": discriminator }));
    }
    for (general, side) in OF_ANY_KIND {
        let payloads =
            written_by(&editions, side).map(|(key, _)| json!({ "$ref": reference(&payload_name(key)) }));
        let payloads: Vec<Value> = payloads.collect();
        if let Some(payload) =
            schemas.get_mut(general).and_then(|body| body.pointer_mut("/properties/payload"))
        {
            *payload = json!({ "description": "The content, as the kind of the record describes it.", "anyOf": payloads });
        }
    }
}

fn editions_by_key(catalogue: &Catalogue) -> BTreeMap<&str, Vec<&Kind>> {
    let mut editions: BTreeMap<&str, Vec<&Kind>> = BTreeMap::new();
    for kind in catalogue.all() {
        editions.entry(&kind.key).or_default().push(kind);
    }
    editions
}

fn written_by<'a>(
    editions: &'a BTreeMap<&'a str, Vec<&'a Kind>>,
    side: WrittenBy,
) -> impl Iterator<Item = (&'a str, &'a [&'a Kind])> {
    let of_side = move |editions: &&[&Kind]| editions.first().is_some_and(|kind| kind.written_by == side);
    editions
        .iter()
        .map(|(key, editions)| (*key, editions.as_slice()))
        .filter(move |(_, editions)| of_side(editions))
}

fn payload_name(key: &str) -> String {
    format!("Payload_{key}")
}

fn reference(name: &str) -> Value {
    Value::from(format!("#/components/schemas/{name}"))
}

/// The general body narrowed to one kind: its key, whom it may be about, and its payload.
fn of_kind(mut body: Value, key: &str, editions: &[&Kind]) -> Value {
    let subjects: BTreeSet<SubjectKind> =
        editions.iter().flat_map(|kind| kind.subjects.iter().copied()).collect();
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("kind".to_owned(), json!({ "type": "string", "const": key }));
        properties.insert("subject".to_owned(), one_or_any(subjects.into_iter().map(subject).collect()));
        properties.insert("payload".to_owned(), json!({ "$ref": reference(&payload_name(key)) }));
    }
    if let (Some(body), Some(kind)) = (body.as_object_mut(), editions.last()) {
        body.insert("title".to_owned(), json!(format!("{} {}", kind.label.zh, kind.label.en)));
        body.insert("additionalProperties".to_owned(), json!(false));
    }
    body
}

fn subject(kind: SubjectKind) -> Value {
    match kind {
        SubjectKind::Child => json!({
            "type": "object",
            "required": ["child"],
            "properties": { "child": { "type": "string", "format": "uuid" } },
            "additionalProperties": false,
        }),
        SubjectKind::Woman | SubjectKind::Household => json!({ "type": "string", "const": kind.code() }),
    }
}

fn one_or_any(mut schemas: Vec<Value>) -> Value {
    if schemas.len() == 1 { schemas.swap_remove(0) } else { json!({ "anyOf": schemas }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::document;

    #[test]
    fn every_kind_has_a_schema_of_its_own() {
        let catalogue = Catalogue::embedded().unwrap();
        let document = document(&catalogue);
        let schemas = &document["components"]["schemas"];
        for kind in catalogue.all() {
            let (prefix, general) = match kind.written_by {
                WrittenBy::Family => ("Entry", "NewEntry"),
                WrittenBy::Clinician => ("Checkup", "NewCheckup"),
            };
            let own = &schemas[format!("{prefix}_{}", kind.key)];
            assert_eq!(own["properties"]["kind"]["const"], kind.key, "{own}");
            assert_eq!(own["additionalProperties"], false);
            assert!(schemas[general]["discriminator"]["mapping"][&kind.key].is_string());
        }
        let pressure = &schemas["Payload_blood_pressure"]["properties"]["systolic"];
        assert_eq!((&pressure["minimum"], &pressure["maximum"]), (&json!(40), &json!(300)));
        let about = &schemas["Entry_blood_pressure"]["properties"]["subject"];
        assert_eq!(about, &json!({ "type": "string", "const": "woman" }));
    }
}
