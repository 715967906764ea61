//! The API document: gathered from the annotations above the handlers, with a schema per kind of record.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::App;
use actix_web::dev::ResourceDef;
use actix_web::http::{Method, StatusCode};
use domain::catalogue::kind::WrittenBy;
use domain::catalogue::{Catalogue, Kind};
use domain::record::SubjectKind;
use serde_json::{Map, Value, json};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};
use utoipa_actix_web::AppExt;

use crate::error::{Problem, ProblemField};
use crate::routes;

/// The problems that many operations may answer with, to name in an annotation beside what is its own.
pub mod refuses {
    use std::collections::BTreeMap;

    use utoipa::IntoResponses;
    use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

    macro_rules! refusals {
        ($($(#[$meta:meta])* $name:ident { $($status:literal $description:literal)+ })+) => {$(
            $(#[$meta])*
            #[derive(Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    BTreeMap::from([$(($status.to_owned(), problem($description))),+])
                }
            }
        )+};
    }

    refusals! {
        /// The query or a header is wrong.
        BadRequest { "400" "The query or the `Idempotency-Key` is wrong" }
        /// The body is not what it should be.
        BadBody {
            "400" "The body is not valid JSON, or the `Idempotency-Key` is wrong"
            "408" "The body did not arrive in time"
            "413" "The body is larger than 1 MB"
            "415" "The body is not `application/json`"
        }
        /// The caller is unknown.
        NotSignedIn { "401" "Not signed in" }
        /// The caller may not do it.
        Forbidden { "403" "The caller may not do this: the `code` says why" }
        /// Nothing is there, as far as the caller may know.
        NotFound { "404" "It does not exist, or the caller may not know that it does" }
        /// It conflicts with what is there.
        Conflict { "409" "It conflicts with what is there, or a twin of the request is in flight: the `code` says which" }
        /// The content is wrong.
        Invalid { "422" "Fields are wrong: `errors` names each; or the `Idempotency-Key` came before with another body" }
        /// Slow down.
        TooMany { "429" "Too often; `Retry-After` says when to try again" }
        /// The database is away.
        Unavailable { "503" "The database does not answer; nothing was saved" }
    }

    fn problem(description: &str) -> RefOr<Response> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build()
            .into()
    }
}

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Muzi 母子",
        description = "Digital mother-and-child health handbook (母子健康手册). Dates are civil days in Asia/Shanghai, instants are UTC. \
                       Errors are RFC 9457 problems in the language of Accept-Language (zh-CN by default, en).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, ProblemField)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// A problem with this status, for `responses(...)` of an operation: `Refusal<404>`.
#[derive(Debug)]
pub struct Refusal<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Refusal<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([STATUS])
    }
}

/// What every operation of a signed-in caller may answer: no sign-in, not allowed, database away.
#[derive(Debug)]
pub struct SignedInRefusals;

impl IntoResponses for SignedInRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([401, 403, 503])
    }
}

/// What every operation with a JSON body may answer besides.
#[derive(Debug)]
pub struct BodyRefusals;

impl IntoResponses for BodyRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems([400, 408, 413, 415, 422, 507])
    }
}

fn problems<const N: usize>(statuses: [u16; N]) -> BTreeMap<String, RefOr<Response>> {
    let problem = |status: u16| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let response = ResponseBuilder::new()
            .description(name.unwrap_or_default())
            .content("application/problem+json", content)
            .build();
        (status.to_string(), RefOr::T(response))
    };
    statuses.into_iter().map(problem).collect()
}

/// The document as JSON, with the kinds of a catalogue.
pub fn document(catalogue: &Catalogue) -> anyhow::Result<Value> {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .configure(routes::configure)
        .split_for_parts();
    let mut document = serde_json::to_value(document)?;
    sign_in_by_default(&mut document);
    name_kinds(&mut document, catalogue);
    Ok(document)
}

/// A body that holds a record: its general schema, who writes it, and what the schemas of its kinds are called.
const OF_EVERY_KIND: [(&str, WrittenBy, &str); 2] =
    [("NewEntry", WrittenBy::Family, "Entry"), ("NewCheckup", WrittenBy::Clinician, "Checkup")];

/// A body that changes a record, whose kind is known from the record.
const OF_ANY_KIND: [(&str, WrittenBy); 2] =
    [("ChangedEntry", WrittenBy::Family), ("CorrectedCheckup", WrittenBy::Clinician)];

/// Gives every kind of the catalogue a schema of its own, and the bodies that hold one a choice among them.
fn name_kinds(document: &mut Value, catalogue: &Catalogue) {
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

/// Every operation needs a sign-in unless it says `security(())`.
fn sign_in_by_default(document: &mut Value) {
    if let Some(document) = document.as_object_mut() {
        document.insert("security".to_owned(), json!([{ "bearer": [] }]));
    }
}

/// Which methods an address takes, for an honest 405.
#[derive(Debug, Clone, Default)]
pub struct Methods(Vec<(ResourceDef, Vec<Method>)>);

impl Methods {
    /// Reads the addresses and methods of a document.
    pub fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        let read = |(path, operations): (&String, &Value)| {
            let operations = operations.as_object().into_iter().flatten();
            let methods = operations
                .filter_map(|(name, _)| Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok());
            (ResourceDef::new(path.as_str()), methods.collect())
        };
        Self(paths.into_iter().flatten().map(read).collect())
    }

    /// The methods of the address of a path; nothing when there is no such address.
    pub fn at(&self, path: &str) -> Vec<&Method> {
        self.0.iter().filter(|(address, _)| address.is_match(path)).flat_map(|(_, methods)| methods).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match (key.as_str(), value) {
                        ("$ref", Value::String(name)) => found.push(name),
                        ("mapping", Value::Object(mapping)) => {
                            found.extend(mapping.values().filter_map(Value::as_str));
                        }
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = document(&Catalogue::embedded().unwrap()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 200, "{}", found.len());
        for name in found {
            assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name}");
        }
    }

    #[test]
    fn every_kind_has_a_schema_of_its_own() {
        let catalogue = Catalogue::embedded().unwrap();
        let document = document(&catalogue).unwrap();
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
