//! Secrets: from the environment or the files that it names, and those of the demo.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Misconfigured;
use crate::keys::{Secrets, random};

/// The environment, as an argument so that tests bring their own.
#[derive(Clone)]
pub struct Environment(pub(super) BTreeMap<String, String>);

impl Environment {
    /// The environment of the process.
    pub fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// An environment of one's own.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A secret that may be left out, from `NAME` or from the file that `NAME_FILE` names.
    pub fn optional_secret(&self, name: &str) -> Result<Option<Zeroizing<String>>, Misconfigured> {
        let mut wrong = Vec::new();
        let found = self.secret(name, &mut wrong);
        if wrong.is_empty() { Ok(found) } else { Err(Misconfigured(wrong)) }
    }

    /// A secret from `NAME` or from the file that `NAME_FILE` names.
    pub(super) fn secret(&self, name: &str, wrong: &mut Vec<String>) -> Option<Zeroizing<String>> {
        let file_name = format!("{name}_FILE");
        match (self.0.get(name), self.0.get(&file_name)) {
            (Some(_), Some(_)) => {
                wrong.push(format!("{name} and {file_name}: give one of them, not both"));
                None
            }
            (Some(value), None) => Some(Zeroizing::new(value.clone())),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())),
                Err(_) => {
                    wrong.push(format!("{file_name}: the file cannot be read"));
                    None
                }
            },
            (None, None) => None,
        }
        .filter(|value| !value.is_empty())
    }

    /// The keys of a process that serves.
    pub fn secrets(&self, wrong: &mut Vec<String>) -> Secrets {
        Secrets {
            data: self.keys("MUZI_DATA_KEYS", wrong),
            index: self.key("MUZI_INDEX_KEY", wrong),
            print: self.keys("MUZI_PRINT_KEYS", wrong),
            token: self.keys("MUZI_TOKEN_KEYS", wrong),
            backup: self.backup_key(wrong),
            audit: self.keys("MUZI_AUDIT_KEYS", wrong),
        }
    }

    /// The key of backups, where there is one.
    pub fn backup_key(&self, wrong: &mut Vec<String>) -> Option<Zeroizing<[u8; 32]>> {
        let text = self.secret(BACKUP_KEY, wrong)?;
        let key = decode_key(&text);
        if key.is_none() {
            wrong.push(not_a_key(BACKUP_KEY));
        }
        key
    }

    /// The URL of the database, where one is named.
    pub fn database_url(&self, wrong: &mut Vec<String>) -> Option<Zeroizing<String>> {
        self.secret("DATABASE_URL", wrong)
    }

    /// The data keys, where there are any.
    pub fn data_keys(&self, wrong: &mut Vec<String>) -> Option<BTreeMap<u8, Zeroizing<[u8; 32]>>> {
        let is_given =
            ["MUZI_DATA_KEYS", "MUZI_DATA_KEYS_FILE"].iter().any(|name| self.0.contains_key(*name));
        is_given.then(|| self.keys("MUZI_DATA_KEYS", wrong))
    }

    fn key(&self, name: &str, wrong: &mut Vec<String>) -> Zeroizing<[u8; 32]> {
        let decoded = self.secret(name, wrong).and_then(|text| decode_key(&text));
        decoded.unwrap_or_else(|| {
            wrong.push(not_a_key(name));
            Zeroizing::new(random())
        })
    }

    fn keys(&self, name: &str, wrong: &mut Vec<String>) -> BTreeMap<u8, Zeroizing<[u8; 32]>> {
        let text = self.secret(name, wrong).unwrap_or_default();
        let read = |entry: &str| {
            let (id, key) = entry.trim().split_once(':')?;
            Some((id.parse::<u8>().ok().filter(|id| *id > 0)?, decode_key(key)?))
        };
        let keys: Option<BTreeMap<_, _>> = text.split(',').map(read).collect();
        keys.filter(|keys| keys.len() == text.split(',').count()).unwrap_or_else(|| {
            let form = "must be ID:KEY pairs separated by commas, ID 1 to 255, KEY 32 random bytes in base64";
            wrong.push(format!("{name}: {form}; make one with `muzi keys new`"));
            BTreeMap::new()
        })
    }
}

/// The variable of the key that seals backups.
pub const BACKUP_KEY: &str = "MUZI_BACKUP_KEY";

fn not_a_key(name: &str) -> String {
    format!("{name}: must be 32 random bytes in base64; make one with `muzi keys new`")
}

fn decode_key(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Zeroizing::new)
}

/// A fresh key as text, for `muzi keys new`.
pub fn new_key() -> String {
    STANDARD.encode(random::<32>())
}

/// The secrets of the demo and of tests. They are public: production refuses them.
pub(super) fn development_key(purpose: u8) -> Zeroizing<[u8; 32]> {
    let mut key = *b"muzi development key, never use.";
    key[31] = purpose;
    Zeroizing::new(key)
}

/// The keys of the demo and of tests.
pub fn development_secrets() -> Secrets {
    let one = |purpose| BTreeMap::from([(1, development_key(purpose))]);
    Secrets {
        data: one(1),
        index: development_key(2),
        print: one(3),
        token: one(4),
        backup: Some(development_key(5)),
        audit: one(6),
    }
}
