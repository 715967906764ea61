//! Which methods an address takes, for an honest 405.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use serde_json::Value;

use super::OPERATIONS;

/// Addresses of the document with their methods.
#[derive(Debug)]
pub struct Methods(Vec<(ResourceDef, Vec<Method>)>);

impl Methods {
    /// Those of this program.
    pub fn known() -> &'static Self {
        static KNOWN: LazyLock<Methods> = LazyLock::new(|| Methods::of(&OPERATIONS));
        &KNOWN
    }

    fn of(document: &Value) -> Self {
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
