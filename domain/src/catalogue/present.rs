//! The catalogue as clients read it to draw forms: everything in print order, options and units resolved.

use serde_json::{Map, Value as Json, json};

use super::Catalogue;
use super::field::{Field, Origin, Quantity, Shape};
use super::kind::{Caution, Group, Kind, Reject};

impl Catalogue {
    /// Every edition of every kind without its fields, and what the facts of rules mean, for `GET /catalogue`.
    pub fn overview(&self) -> Json {
        json!({
            "edition": self.edition(),
            "kinds": self.all().map(head).map(Json::Object).collect::<Vec<_>>(),
            "facts": self.facts,
        })
    }
}

impl Kind {
    /// One kind with all that a client needs to draw, check and explain the form, for `GET /catalogue/{kind}`.
    pub fn presented(&self) -> Json {
        let mut kind = head(self);
        kind.insert("sources".into(), json!(self.sources));
        kind.insert("note".into(), json!(self.note));
        kind.insert("occurred".into(), json!(self.occurred().map(|field| &field.key)));
        kind.insert("groups".into(), self.groups.iter().map(group).collect());
        kind.insert("fields".into(), self.fields.iter().map(field).collect());
        kind.insert("rejects".into(), self.rejects.iter().map(|rule| reject(self, rule)).collect());
        kind.insert("warnings".into(), self.warnings.iter().map(warning).collect());
        kind.insert("examples".into(), self.examples.iter().map(|example| json!(example.payload)).collect());
        Json::Object(kind)
    }
}

fn head(kind: &Kind) -> Map<String, Json> {
    let head = json!({
        "key": kind.key,
        "edition": kind.edition,
        "in_force_from": kind.in_force_from,
        "in_force_until": kind.in_force_until,
        "zh": kind.label.zh,
        "en": kind.label.en,
        "written_by": kind.written_by,
        "subjects": kind.subjects,
        "stages": kind.stages,
        "chapter": kind.chapter,
        "grain": kind.grain,
    });
    match head {
        Json::Object(head) => head,
        _ => Map::new(),
    }
}

fn group(group: &Group) -> Json {
    let mut json = json!({"key": group.key, "zh": group.label.zh, "en": group.label.en});
    if let Some(repeat) = group.repeat {
        json["repeat"] = json!({
            "each": repeat,
            "min": group.min,
            "max": group.max,
            "count": group.count,
            "unique": group.unique,
        });
    }
    json
}

fn field(field: &Field) -> Json {
    let mut json = Map::new();
    let mut put = |key: &str, value: Json| {
        if !value.is_null() {
            json.insert(key.to_owned(), value);
        }
    };
    put("key", json!(field.key));
    put("zh", json!(field.label.zh));
    put("en", json!(field.label.en));
    put("group", json!(field.group));
    put("required", json!(field.required));
    put("required_when", json!(field.required_when.as_ref().map(|rule| &rule.text)));
    put("when", json!(field.when.as_ref().map(|rule| &rule.text)));
    put("sensitive", json!(field.sensitive));
    put("star", json!(field.star));
    put("note", json!(field.note));
    match &field.origin {
        Origin::Input => {}
        Origin::Server(source) => put("source", json!(source.name())),
        Origin::Derived(rule) => put("derived", json!(rule.text)),
    }
    for (key, value) in shape(&field.shape) {
        put(key, value);
    }
    Json::Object(json)
}

fn shape(shape: &Shape) -> Vec<(&'static str, Json)> {
    match shape {
        Shape::Integer(of) => [vec![("type", json!("integer"))], quantity(of)].concat(),
        Shape::Decimal { quantity: of, decimals } => {
            [vec![("type", json!("decimal")), ("decimals", json!(decimals))], quantity(of)].concat()
        }
        Shape::Text { max_length: usize::MAX } => vec![("type", json!("text"))],
        Shape::Text { max_length } => vec![("type", json!("text")), ("max_length", json!(max_length))],
        Shape::Reference(referred) => vec![("type", json!("reference")), ("refers_to", json!(referred))],
        Shape::References { referred, min, max } => vec![
            ("type", json!("references")),
            ("refers_to", json!(referred)),
            ("min_items", json!(min)),
            ("max_items", json!(max)),
        ],
        Shape::Choice(options) => vec![("type", json!("choice")), ("options", json!(options))],
        Shape::Choices { options, min } => {
            vec![("type", json!("choices")), ("options", json!(options)), ("min_items", json!(min))]
        }
        Shape::Date(timing) => {
            vec![
                ("type", json!("date")),
                ("future", json!(timing.future)),
                ("precision", json!(timing.month.then_some("month"))),
            ]
        }
        Shape::Instant(timing) => vec![("type", json!("datetime")), ("future", json!(timing.future))],
        Shape::Bool => vec![("type", json!("bool"))],
    }
}

fn quantity(of: &Quantity) -> Vec<(&'static str, Json)> {
    let limits = of.warn.iter().map(|limit| (limit.side.code(), json!(limit.bound)));
    let other_units = of
        .alternatives
        .iter()
        .map(|alternative| json!({"unit": alternative.unit, "factor": alternative.factor}))
        .collect::<Vec<_>>();
    let mut quantity = vec![("unit", json!(of.unit)), ("min", json!(of.min)), ("max", json!(of.max))];
    quantity.extend(limits);
    if !other_units.is_empty() {
        quantity.push(("other_units", json!(other_units)));
    }
    quantity
}

fn reject(kind: &Kind, reject: &Reject) -> Json {
    json!({
        "id": reject.id,
        "when": reject.when.text,
        "mode": reject.mode,
        "field": reject.field.and_then(|place| kind.fields.get(place)).map(|field| &field.key),
        "zh": reject.label.zh,
        "en": reject.label.en,
    })
}

fn warning(warning: &Caution) -> Json {
    json!({
        "id": warning.id,
        "when": warning.when.text,
        "level": warning.level,
        "zh": warning.label.zh,
        "en": warning.label.en,
        "alert": warning.alert,
        "instead_of": warning.instead_of,
        "sources": warning.sources.iter().map(|document| &document.key).collect::<Vec<_>>(),
        "needs": warning.needs,
    })
}
