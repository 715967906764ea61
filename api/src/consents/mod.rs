//! Consents: what a family agreed to, purpose by purpose, and what of it stands now. The texts are data of `domain`.

pub mod again;
pub mod answer;
pub mod list;
pub mod store;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::consent::{Purpose, texts};
use domain::privacy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::keys::sha256;

/// A text in both languages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BothLanguages {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<privacy::BothLanguages> for BothLanguages {
    fn from(both: privacy::BothLanguages) -> Self {
        Self { zh: both.zh, en: both.en }
    }
}

/// SHA-256 of the text of a purpose as it is shown, in hexadecimal: of the whole privacy text for the basic service. It
/// stands on every consent, so that nobody can say later that another text was agreed to.
pub fn text_hash(purpose: Purpose) -> Result<String, ApiError> {
    let hashes = HASHES.as_ref().map_err(|cause| ApiError::internal(anyhow::anyhow!("{cause}")))?;
    let hash = hashes.get(&purpose).cloned();
    hash.ok_or_else(|| ApiError::internal(anyhow::anyhow!("{purpose} has no text")))
}

/// The texts are part of the program, so their hashes are made once.
static HASHES: LazyLock<Result<BTreeMap<Purpose, String>, String>> =
    LazyLock::new(|| hashes().map_err(|cause| cause.to_string()));

fn hashes() -> anyhow::Result<BTreeMap<Purpose, String>> {
    let mut hashes = BTreeMap::new();
    for text in texts()? {
        let shown = match text.purpose {
            Purpose::Basic => serde_json::to_vec(&privacy::in_force()?)?,
            Purpose::Child | Purpose::ShareEntries | Purpose::Reminders => serde_json::to_vec(&text)?,
        };
        hashes.insert(text.purpose, hex(&sha256(&shown)));
    }
    Ok(hashes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Whoever changes a text gives it a new version and writes its hash here: families are asked again by the version.
    #[test]
    fn a_text_does_not_change_without_a_new_version() {
        let hashes: Vec<_> = Purpose::ALL
            .iter()
            .map(|purpose| format!("{purpose} {} {}", purpose.version(), text_hash(*purpose).unwrap()))
            .collect();
        assert_eq!(hashes, KNOWN);
    }

    const KNOWN: [&str; 4] = [
        "basic 2026-11 ce5b07b191d7f8e39a6566e9484d114be8eb9e5e394dcfe409cf73300adf5790",
        "child 2026-11 9bcfa1d66dc6c7fcf6729d154cbabea9558a073359b5694d62be3d2acb65d2cf",
        "share_entries 2026-11 f696247f229a91ca26d54c60a311b7c8bfe99a315624a0dca72b2167b35a1362",
        "reminders 2026-11 d996d6072bca2e17d9b050d84192068dcfef01e86b52044fa76b3970a8d3de04",
    ];

    #[test]
    fn what_was_carried_over_by_the_migration_names_the_text_of_that_time() {
        let migration = include_str!("../../../migrations/src/m20261123_000003_consent.sql");
        let of_november = KNOWN[0].strip_prefix("basic 2026-11 ").unwrap();
        assert!(migration.contains(&format!("'{of_november}'")));
    }
}
