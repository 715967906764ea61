//! The payload of a kind as a JSON Schema, for the OpenAPI 3.1 document: what a client may send.

use serde_json::{Map, Value as Json, json};

use super::field::{Choice, Field, Quantity, Referred, Shape};
use super::kind::{Group, Kind};
use super::number::Number;

impl Kind {
    /// One object schema for the request payload: fields that the server fills or computes are not in it, and nothing
    /// else than what it names is accepted.
    pub fn schema(&self) -> Json {
        let own = self.inputs().filter(|field| self.repeating(field).is_none());
        let mut object = object(own);
        for group in self.repeating_groups() {
            object.insert(&group.key, items(self, group), group.min > 0);
        }
        let mut schema = object.finish();
        schema.insert("title".into(), json!(format!("{} · {}", self.label.zh, self.label.en)));
        schema
            .insert("examples".into(), self.examples.iter().map(|example| json!(example.payload)).collect());
        Json::Object(schema)
    }
}

fn items(kind: &Kind, group: &Group) -> Json {
    let item = object(kind.fields_of(group).filter(|field| field.is_input())).finish();
    let counted = group.count.as_deref().map(|key| format!(" As many as `{key}` says.")).unwrap_or_default();
    json!({
        "type": "array",
        "title": group.label.zh,
        "description": format!("{}.{counted}", group.label.en),
        "minItems": group.min,
        "maxItems": group.max,
        "items": item,
    })
}

#[derive(Default)]
struct ObjectSchema {
    properties: Map<String, Json>,
    required: Vec<String>,
}

fn object<'f>(fields: impl Iterator<Item = &'f Field>) -> ObjectSchema {
    let mut object = ObjectSchema::default();
    for field in fields {
        object.insert(&field.key, property(field), field.required && field.when.is_none());
    }
    object
}

impl ObjectSchema {
    fn insert(&mut self, key: &str, schema: Json, required: bool) {
        self.properties.insert(key.to_owned(), schema);
        if required {
            self.required.push(key.to_owned());
        }
    }

    fn finish(self) -> Map<String, Json> {
        let mut schema = Map::new();
        schema.insert("type".into(), json!("object"));
        schema.insert("additionalProperties".into(), json!(false));
        if !self.required.is_empty() {
            schema.insert("required".into(), json!(self.required));
        }
        schema.insert("properties".into(), Json::Object(self.properties));
        schema
    }
}

fn property(field: &Field) -> Json {
    let mut property = match shape(&field.shape) {
        Json::Object(property) => property,
        _ => Map::new(),
    };
    property.insert("title".into(), json!(field.label.zh));
    property.insert("description".into(), json!(description(field)));
    Json::Object(property)
}

fn shape(shape: &Shape) -> Json {
    match shape {
        Shape::Integer(quantity) => number("integer", quantity, None),
        Shape::Decimal { quantity, decimals } => number("number", quantity, Number::scaled(1, *decimals)),
        Shape::Text { max_length } => json!({"type": "string", "maxLength": max_length}),
        Shape::Reference(_) => json!({"type": "string", "format": "uuid"}),
        Shape::References { min, max, .. } => json!({
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "minItems": min,
            "maxItems": max,
            "uniqueItems": true,
        }),
        Shape::Choice(options) => json!({"type": "string", "enum": keys(options)}),
        Shape::Choices { options, min } => json!({
            "type": "array",
            "items": {"type": "string", "enum": keys(options)},
            "minItems": min,
            "maxItems": options.len(),
            "uniqueItems": true,
        }),
        Shape::Date(_) => json!({"type": "string", "format": "date"}),
        Shape::Instant(_) => json!({"type": "string", "format": "date-time"}),
        Shape::Bool => json!({"type": "boolean"}),
    }
}

fn number(kind: &str, quantity: &Quantity, step: Option<Number>) -> Json {
    let mut plain = Map::new();
    plain.insert("type".into(), json!(kind));
    // Not `multipleOf`: to whoever computes in binary fractions 36.8 is no multiple of 0.1.
    plain.extend(step.map(|step| ("x-step".to_owned(), json!(step))));
    plain.extend(quantity.min.map(|min| ("minimum".to_owned(), json!(min))));
    plain.extend(quantity.max.map(|max| ("maximum".to_owned(), json!(max))));
    if quantity.alternatives.is_empty() {
        return Json::Object(plain);
    }
    let others = quantity.alternatives.iter().map(|alternative| &alternative.unit);
    let units: Vec<&str> = quantity.unit.iter().chain(others).map(|unit| unit.code.as_str()).collect();
    json!({
        "oneOf": [
            plain,
            {
                "type": "object",
                "additionalProperties": false,
                "required": ["value", "unit"],
                "properties": {"value": {"type": "number"}, "unit": {"type": "string", "enum": units}},
            },
        ],
    })
}

fn keys(options: &[Choice]) -> Vec<&str> {
    options.iter().map(|option| option.key.as_str()).collect()
}

/// English label, unit, options, and when the field applies, in words.
fn description(field: &Field) -> String {
    const OPTIONS_EXPLAINED: usize = 40;
    let mut sentences = vec![format!("{}.", field.label.en)];
    if let Some(unit) = field.quantity().and_then(|quantity| quantity.unit.as_ref()) {
        sentences.push(format!("Unit: {}.", unit.en));
    }
    let options = field.options();
    if (1..=OPTIONS_EXPLAINED).contains(&options.len()) {
        let told: Vec<String> =
            options.iter().map(|option| format!("`{}` {} {}", option.key, option.zh, option.en)).collect();
        sentences.push(format!("Options: {}.", told.join("; ")));
    }
    if let Shape::Reference(referred) | Shape::References { referred, .. } = field.shape {
        let what = match referred {
            Referred::Attachment => "an uploaded photo",
            Referred::Signature => "an uploaded signature",
            Referred::Record => "a record of the same handbook",
        };
        sentences.push(format!("The id of {what}."));
    }
    if let Some(when) = &field.when {
        sentences.push(format!("Only where {}.", when.text));
    }
    if field.required && field.when.is_some() {
        sentences.push("Required there.".into());
    }
    if let Some(rule) = &field.required_when {
        sentences.push(format!("Required where {}.", rule.text));
    }
    sentences.extend(field.note.iter().cloned());
    sentences.join(" ")
}
