//! The API document: gathered from the annotations above the handlers, with a schema per kind of record.

use actix_web::App;
use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
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
