//! Which query parameters an operation takes. Another one is refused: who misspells a filter, or `dry_run`, must not get
//! what was not meant.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::OPERATIONS;
use crate::error::ApiError;
use crate::query;

/// Names of query parameters by method and address.
#[derive(Debug)]
pub struct Queries(HashMap<String, Vec<String>>);

impl Queries {
    /// Those of this program.
    pub fn known() -> &'static Self {
        static KNOWN: LazyLock<Queries> = LazyLock::new(|| Queries::of(&OPERATIONS));
        &KNOWN
    }

    fn of(document: &Value) -> Self {
        let mut known = HashMap::new();
        let paths = document["paths"].as_object().into_iter().flatten();
        // Elsewhere others append what they like: WeChat to the link of a QR code.
        for (path, operations) in paths.filter(|(path, _)| path.starts_with("/api/")) {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let of_query = parameters.filter(|parameter| parameter["in"] == "query");
                let names = of_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
                known.insert(format!("{method} {path}"), names.collect());
            }
        }
        Self(known)
    }

    /// What is wrong where one of the given names is none that the operation takes; an address that is not in the
    /// document takes anything.
    pub fn refuse(
        &self,
        method: &str,
        address: &str,
        mut given: impl Iterator<Item = impl AsRef<str>>,
    ) -> Option<ApiError> {
        let known = self.0.get(&format!("{} {address}", method.to_ascii_lowercase()))?;
        let name = given.find(|name| known.iter().all(|known| known != name.as_ref()))?;
        Some(query::strange(name.as_ref(), known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_takes_its_own_parameters_only() {
        let refuse = |given: &'static str| {
            let queries = Queries::known();
            queries
                .refuse("GET", "/api/v1/regions", given.split(',').filter(|name| !name.is_empty()))
                .is_some()
        };
        assert!(!refuse("") && !refuse("limit,cursor"));
        assert!(refuse("limit,parnt"));
    }
}
