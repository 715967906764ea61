//! The API document: gathered from the annotations above the handlers, with a schema per kind of record.

use std::collections::BTreeMap;

use actix_web::App;
use actix_web::dev::ResourceDef;
use actix_web::http::{Method, StatusCode};
use serde_json::{Value, json};
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
        ($($name:ident = $status:literal $description:literal;)+) => {$(
            #[doc = $description]
            #[derive(Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    BTreeMap::from([($status.to_owned(), problem($description))])
                }
            }
        )+};
    }

    refusals! {
        BadRequest = "400" "The query, the JSON or the `Idempotency-Key` is wrong";
        NotSignedIn = "401" "Not signed in";
        Forbidden = "403" "The caller may not do this";
        NotFound = "404" "It does not exist, or the caller may not know that it does";
        Conflict = "409" "It conflicts with what is there: the `code` says how";
        Invalid = "422" "Fields are wrong: `errors` names each; or the `Idempotency-Key` came before with another body";
        TooMany = "429" "Too often; `Retry-After` says when to try again";
        Unavailable = "503" "The database does not answer; nothing was saved";
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

/// The document as JSON.
pub fn document() -> anyhow::Result<Value> {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .configure(routes::configure)
        .split_for_parts();
    let mut document = serde_json::to_value(document)?;
    sign_in_by_default(&mut document);
    Ok(document)
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
