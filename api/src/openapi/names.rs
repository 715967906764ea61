//! What the document calls the operation of an address, for the audit log.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::OPERATIONS;

/// Names of operations by address and method.
#[derive(Debug)]
pub struct Names(HashMap<&'static str, Vec<(String, &'static str)>>);

impl Names {
    /// Those of this program.
    pub fn known() -> &'static Self {
        static KNOWN: LazyLock<Names> = LazyLock::new(|| Names::read(&OPERATIONS));
        &KNOWN
    }

    fn read(document: &'static Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let named = |operations: &'static Value| {
            let operations = operations.as_object().into_iter().flatten();
            operations
                .filter_map(|(method, of)| Some((method.to_ascii_uppercase(), of["operationId"].as_str()?)))
                .collect()
        };
        Self(paths.map(|(path, operations)| (path.as_str(), named(operations))).collect())
    }

    /// The name; none of what is not in the document.
    pub fn of(&self, method: &str, address: &str) -> Option<&'static str> {
        self.0.get(address)?.iter().find(|(known, _)| known == method).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_known_by_its_name_in_the_document() {
        let name = |method, address| Names::known().of(method, address);
        assert_eq!(name("POST", "/api/v1/handbooks/{handbook}/entries"), Some("entries_add"));
        assert_eq!(name("DELETE", "/api/v1/handbooks/{handbook}/entries"), None);
        assert_eq!(name("GET", "/api/v1/nowhere"), None);
    }
}
