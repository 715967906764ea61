//! The calls that the stand-in received, without any secret in them.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::Fault;

/// Older calls are dropped, so that a demo that runs for weeks does not grow.
const MOST_ENTRIES: usize = 10_000;

/// One call received. Values that are not needed to tell calls apart are `***`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When it came, on the stand-in's clock.
    pub at: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// The query.
    pub query: BTreeMap<String, String>,
    /// The body, null if there was none.
    pub body: Value,
    /// The fault that it met.
    pub fault: Option<Fault>,
    /// What WeChat answered, 0 for success; none if the call did not reach it.
    pub errcode: Option<i64>,
}

/// The latest calls, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal(VecDeque<Entry>);

impl Journal {
    pub(super) fn write(&mut self, entry: Entry) {
        if self.0.len() == MOST_ENTRIES {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_latest_calls_only() {
        let mut journal = Journal::default();
        for number in 0..=MOST_ENTRIES {
            journal.write(Entry {
                at: DateTime::UNIX_EPOCH,
                method: "GET".to_owned(),
                path: format!("/{number}"),
                query: BTreeMap::new(),
                body: Value::Null,
                fault: None,
                errcode: Some(0),
            });
        }
        let entries = journal.entries();
        assert_eq!(entries.len(), MOST_ENTRIES);
        assert_eq!((entries[0].path.as_str(), entries[MOST_ENTRIES - 1].path.as_str()), ("/1", "/10000"));
    }
}
