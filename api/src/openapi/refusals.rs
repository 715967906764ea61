//! What an operation may be refused with because of what it takes, and which of its headers are needed: written here, so
//! that no handler can forget it. What is left to an annotation is a line per refusal of its own:
//! `(status = 409, description = "It was over already (`visit_over`)")`; its content is always a problem.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::idempotency::{IDEMPOTENCY_KEY, IF_MATCH};

/// A status and what it means.
type Refusal = (u16, &'static str);

const OF_A_SIGN_IN: [Refusal; 4] = [
    (401, "Not signed in, or the sign-in has ended"),
    (403, "Not allowed to the caller, or something must be done first: the `code` says which"),
    (429, "Too many requests in a minute (`too_many_requests`); `Retry-After` says when to come again"),
    (503, "The database does not answer; nothing was saved"),
];
const OF_AN_ADDRESS: [Refusal; 1] = [(404, "Not there, or the caller may not know that it is")];
const OF_A_HANDBOOK: [Refusal; 1] =
    [(422, "A newer text is to be agreed to before the handbook is used again (`consent_required`)")];
const OF_A_QUERY: [Refusal; 1] = [(400, "The query is wrong, or there is none for this operation")];
const OF_A_BODY: [Refusal; 5] = [
    (400, "The body is not well formed"),
    (408, "The body did not arrive in time"),
    (413, "The body is too large"),
    (415, "The body is of another media type"),
    (422, "Fields are wrong: `errors` names each"),
];
const OF_A_KEY: [Refusal; 3] = [
    (400, "The `Idempotency-Key` is missing or not well formed"),
    (
        409,
        "In conflict with what is there, the id is used, or a twin of the request is in flight: the `code` says which",
    ),
    (422, "The `Idempotency-Key` came before with another request"),
];
const OF_A_VERSION: [Refusal; 2] =
    [(412, "Changed since it was read; the current version is told"), (428, "`If-Match` is missing")];
const OF_A_WRITE: [Refusal; 1] = [(507, "No space is left; nothing was saved")];

/// Completes every operation of a document.
pub(super) fn fill_in(document: &mut Value) {
    let with_id = bodies_with_an_id(document);
    for (path, method, operation) in operations_mut(document) {
        let carries_id = body_of(operation).is_some_and(|body| with_id.contains(body));
        if carries_id {
            spare_the_key(operation);
        }
        let mut refusals: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for (status, reason) in refusals_of(path, method, operation) {
            refusals.entry(status).or_default().push(reason);
        }
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        for (status, reasons) in refusals {
            let response = || json!({ "description": reasons.join(". ") });
            responses.entry(status.to_string()).or_insert_with(response);
        }
        for (status, response) in responses {
            if let Some(response) = response.as_object_mut().filter(|_| status.as_str() >= "400") {
                response.insert("content".to_owned(), problem());
            }
        }
    }
}

/// What may be refused because of what an operation takes: a status as often as there are reasons for it.
fn refusals_of(path: &str, method: &str, operation: &Value) -> impl Iterator<Item = Refusal> {
    let signed_in = operation.get("security").is_none();
    let takes = [
        (signed_in, OF_A_SIGN_IN.as_slice()),
        (signed_in && path.contains('{'), &OF_AN_ADDRESS),
        (signed_in && path.contains("/handbooks/{handbook}"), &OF_A_HANDBOOK),
        (operation.get("requestBody").is_some(), &OF_A_BODY),
        (parameter(operation, IDEMPOTENCY_KEY).is_some(), &OF_A_KEY),
        (path.starts_with("/api/") || has_query(operation), &OF_A_QUERY),
        (parameter(operation, IF_MATCH).is_some(), &OF_A_VERSION),
        (method != "get", &OF_A_WRITE),
    ];
    takes.into_iter().filter(|(takes_it, _)| *takes_it).flat_map(|(_, refusals)| refusals).copied()
}

/// The id of the body stands in for the key.
fn spare_the_key(operation: &mut Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
    for key in parameters.filter(|parameter| parameter["name"] == IDEMPOTENCY_KEY) {
        key["required"] = json!(false);
    }
}

fn problem() -> Value {
    json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } })
}

pub(super) fn operations_mut(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object_mut().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// References to the schemas whose objects carry an id.
fn bodies_with_an_id(document: &Value) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    schemas
        .filter(|(_, schema)| schema.pointer("/properties/id").is_some())
        .map(|(name, _)| format!("#/components/schemas/{name}"))
        .collect()
}

fn body_of(operation: &Value) -> Option<&str> {
    operation.pointer("/requestBody/content/application~1json/schema/$ref")?.as_str()
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters.filter_map(Value::as_object)
}

fn parameter<'a>(operation: &'a Value, name: &str) -> Option<&'a Map<String, Value>> {
    parameters(operation).find(|parameter| parameter.get("name").is_some_and(|own| own == name))
}

fn has_query(operation: &Value) -> bool {
    parameters(operation).any(|parameter| parameter.get("in").is_some_and(|place| place == "query"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::openapi::OPERATIONS;
    use crate::problem::Code;

    /// Writes that may come twice and still act as if once, or that must act each time: neither key nor version.
    const WITHOUT_KEY_OR_VERSION: [&str; 20] = [
        // They keep nothing but who is signed in; WeChat's code, a one-time code and a password are each used anew.
        "post /api/v1/sign-in/wechat",
        "post /api/v1/sign-in/staff",
        "post /api/v1/sign-out",
        "delete /api/v1/sessions/{session}",
        "post /api/v1/staff/me/password",
        "post /api/v1/staff/me/totp",
        "post /api/v1/staff/me/totp/confirm",
        "delete /api/v1/staff/me/totp",
        // It reads: names and numbers stand in no address.
        "post /api/v1/handbooks/find",
        // They answer what they are told, and keep nothing.
        "post /api/v1/tools/birth-size",
        "post /api/v1/tools/growth-assessment",
        "post /api/v1/tools/immunization-plan",
        "post /api/v1/tools/pregnancy-dates",
        "post /api/v1/tools/visit-plan",
        // They end what a second request finds ended.
        "delete /api/v1/handbooks/{handbook}/delegations/{delegation}",
        "delete /api/v1/handbooks/{handbook}/invitations/{invitation}",
        "delete /api/v1/handbooks/{handbook}/members/{member}",
        "delete /api/v1/handbooks/{handbook}/photos/{photo}",
        "post /api/v1/me/closing",
        // It says what shall stand: said twice, it stands.
        "put /api/v1/handbooks/{handbook}/consents/{purpose}",
    ];

    fn operations() -> impl Iterator<Item = (String, &'static Value)> {
        let paths = OPERATIONS["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
    }

    #[test]
    fn a_write_takes_a_key_or_a_version_or_is_named_here() {
        for (name, operation) in operations().filter(|(name, _)| !name.starts_with("get ")) {
            let takes_one =
                [IDEMPOTENCY_KEY, IF_MATCH].iter().any(|header| parameter(operation, header).is_some());
            assert_ne!(takes_one, WITHOUT_KEY_OR_VERSION.contains(&name.as_str()), "{name}");
        }
        for name in WITHOUT_KEY_OR_VERSION {
            assert!(operations().any(|(operation, _)| operation == name), "{name}");
        }
    }

    #[test]
    fn a_version_is_asked_for_exactly_where_a_request_without_it_is_refused() {
        for (name, operation) in operations() {
            let version = parameter(operation, IF_MATCH);
            assert_eq!(version.is_some(), operation["responses"].get("428").is_some(), "{name}");
            assert!(version.is_none_or(|version| version["required"] == true), "{name}");
        }
    }

    #[test]
    fn a_key_is_needed_unless_the_body_carries_an_id() {
        let needed = |wanted: &str| {
            let (_, operation) = operations().find(|(name, _)| name == wanted).unwrap();
            parameter(operation, IDEMPOTENCY_KEY).unwrap()["required"] == true
        };
        assert!(needed("post /api/v1/claims"));
        assert!(needed("post /api/v1/handbooks/{handbook}/code"));
        assert!(!needed("post /api/v1/handbooks/{handbook}/entries"));
        assert!(!needed("post /api/v1/handbooks"));
    }

    /// A word in backticks is a code of that status, unless it is a header or a member of the problem.
    #[test]
    fn the_codes_of_a_refusal_are_codes_of_its_status() {
        for (name, operation) in operations() {
            let responses = operation["responses"].as_object().unwrap().iter();
            for (status, response) in responses.filter(|(status, _)| status.as_str() >= "400") {
                for word in response["description"].as_str().unwrap().split('`').skip(1).step_by(2) {
                    let known =
                        Code::ALL.iter().any(|code| code.word() == word && code.status().as_str() == status);
                    let is_of_the_answer = word.contains('-') || ["code", "errors"].contains(&word);
                    assert!(known || is_of_the_answer, "{name} {status}: {word}");
                }
            }
        }
    }

    #[test]
    fn every_refusal_is_a_problem_and_says_why() {
        for (name, operation) in operations() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
                let is_problem = response["content"].get("application/problem+json").is_some();
                assert_eq!(is_problem, status.as_str() >= "400", "{name} {status}");
            }
        }
    }
}
