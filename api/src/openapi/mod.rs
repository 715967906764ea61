//! The API document: gathered from the annotations above the handlers, with a schema per kind of record.
//!
//! An annotation says what is the handler's own. What follows from what an operation takes (a sign-in, a body, a key) is
//! written by [`refusals`], once for all of them.

mod kinds;
mod methods;
mod names;
mod queries;
mod refusals;
mod served;

use std::sync::LazyLock;

use actix_web::App;
use domain::catalogue::Catalogue;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_actix_web::AppExt;

use crate::error::{Problem, ProblemField};
use crate::routes;

pub use methods::Methods;
pub use names::Names;
pub use queries::Queries;
pub use served::{Served, served};

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

/// The document as JSON, with the kinds of a catalogue.
pub fn document(catalogue: &Catalogue) -> Value {
    let mut document = OPERATIONS.clone();
    kinds::name_kinds(&mut document, catalogue);
    document
}

/// Every operation, as far as no catalogue is needed. It is part of the program and therefore gathered once per process,
/// when it is first asked for.
static OPERATIONS: LazyLock<Value> = LazyLock::new(|| {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .configure(routes::configure)
        .split_for_parts();
    #[expect(clippy::expect_used, reason = "it is made of maps with text keys, which JSON can always hold")]
    let mut document = serde_json::to_value(document).expect("an API document is JSON");
    document["security"] = json!([{ "bearer": [] }]);
    refusals::fill_in(&mut document);
    name_operations(&mut document);
    document
});

/// An operation is known by what it is about and what is done: `members_list`. The name of its handler alone is not unique.
fn name_operations(document: &mut Value) {
    for (_, _, operation) in refusals::operations_mut(document) {
        let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("muzi");
        let done = operation["operationId"].as_str().unwrap_or_default();
        operation["operationId"] = json!(format!("{tag}_{done}").replace('-', "_"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

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
        let document = document(&Catalogue::embedded().unwrap());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 200, "{}", found.len());
        for name in found {
            assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name}");
        }
    }

    /// The text of every source file below a folder.
    fn sources(folder: &Path) -> Vec<String> {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| {
                if path.is_dir() { sources(&path) } else { vec![std::fs::read_to_string(&path).unwrap()] }
            })
            .collect()
    }

    fn own_sources() -> Vec<String> {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
    }

    /// The annotation and the signature of every handler, from the source.
    fn handlers() -> Vec<(String, String)> {
        let mut found = Vec::new();
        for text in own_sources() {
            let annotated = text.split(concat!("#[utoipa::", "path(")).skip(1);
            found.extend(annotated.map(|text| {
                let (annotation, rest) = text.split_once(")]\n").unwrap();
                (annotation.to_owned(), rest.split(" -> ").next().unwrap().to_owned())
            }));
        }
        found
    }

    #[test]
    fn no_two_operations_have_the_same_name() {
        let mut document = OPERATIONS.clone();
        let names: Vec<_> = refusals::operations_mut(&mut document)
            .map(|(_, _, operation)| operation["operationId"].to_string())
            .collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert!(names.len() > 90 && unique.len() == names.len(), "{names:?}");
    }

    /// Two types of one name would be one schema, and one of them would be told wrong.
    #[test]
    fn no_two_types_have_the_same_name_in_the_document() {
        let declared = regex::Regex::new(
            r"derive\([^)]*ToSchema[^)]*\)\]((?:\s*#\[[^\]]*\])*)\s*(?:pub(?:\(\w+\))?\s+)?(?:struct|enum)\s+(\w+)",
        );
        let (declared, renamed) = (declared.unwrap(), regex::Regex::new(r"\bas = (\w+)").unwrap());
        let text = own_sources().concat();
        let mut names: Vec<_> = declared
            .captures_iter(&text)
            .map(|found| {
                let new_name = renamed.captures(found.get(1).unwrap().as_str());
                new_name.map_or(found.get(2).unwrap().as_str(), |name| name.get(1).unwrap().as_str())
            })
            .collect();
        assert!(names.len() > 100, "{}", names.len());
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn an_annotation_names_what_its_handler_takes() {
        let handlers = handlers();
        assert!(handlers.len() > 90, "{}", handlers.len());
        for (annotation, signature) in handlers {
            for (taken, named) in [
                (": Once", ["Once", "\"Idempotency-Key\""].as_slice()),
                (": IfMatch", &["IfMatch"]),
                ("Body", &["request_body"]),
                ("Payload", &["request_body"]),
                ("Query<", &["params("]),
                (": Public", &["security(())"]),
            ] {
                let says_so = named.iter().any(|named| annotation.contains(named));
                assert!(!signature.contains(taken) || says_so, "{taken} in{signature}");
            }
        }
    }
}
