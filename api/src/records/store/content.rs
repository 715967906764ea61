//! The content of a record, and how a row keeps it: what is sensitive, free text or identity is encrypted.

use domain::catalogue::{Checked, Payload, Warning};
use domain::id::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::db::entities::{record, record_version};
use crate::keys::{Keys, Place, places};

/// What of a record is encrypted: sensitive fields, free text, identity, and warnings that speak of a sensitive field.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sealed {
    #[serde(default)]
    fields: Map<String, Json>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

impl Sealed {
    fn open(keys: &Keys, id: RecordId, sealed: Option<&[u8]>) -> anyhow::Result<Self> {
        Ok(sealed.map(|sealed| keys.open(sealed_place(id), sealed)).transpose()?.unwrap_or_default())
    }
}

/// What was written, without what there was to tell about it.
pub(super) fn payload(
    keys: &Keys,
    id: RecordId,
    plain: Map<String, Json>,
    sealed: Option<&[u8]>,
) -> anyhow::Result<Payload> {
    Ok(Payload::stored(plain, Sealed::open(keys, id, sealed)?.fields))
}

/// The content of a record: what was written, and what there was to tell about it.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The payload.
    pub payload: Payload,
    /// The warnings.
    pub warnings: Vec<Warning>,
}

impl Content {
    /// What was accepted.
    pub fn of(checked: &Checked) -> Self {
        Self { payload: checked.payload.clone(), warnings: checked.warnings.clone() }
    }

    /// Puts together again what [`Content::put`] took apart.
    pub fn open(
        keys: &Keys,
        id: RecordId,
        plain: Map<String, Json>,
        mut warnings: Vec<Warning>,
        sealed: Option<&[u8]>,
    ) -> anyhow::Result<Self> {
        let sealed = Sealed::open(keys, id, sealed)?;
        warnings.extend(sealed.warnings);
        gravest_first(&mut warnings);
        Ok(Self { payload: Payload::stored(plain, sealed.fields), warnings })
    }

    /// Reads back the content of a row.
    pub fn of_row(keys: &Keys, row: &record::Model) -> anyhow::Result<Self> {
        Self::read(keys, row.id, &row.payload, &row.warnings, row.sealed.as_deref())
    }

    /// Reads back the content of an earlier version of a record.
    pub fn of_version(keys: &Keys, row: &record_version::Model) -> anyhow::Result<Self> {
        Self::read(keys, row.record_id, &row.payload, &row.warnings, row.sealed.as_deref())
    }

    fn read(
        keys: &Keys,
        id: RecordId,
        plain: &Json,
        warnings: &Json,
        sealed: Option<&[u8]>,
    ) -> anyhow::Result<Self> {
        Self::open(keys, id, Map::deserialize(plain)?, Vec::deserialize(warnings)?, sealed)
    }

    /// Fills in what the server learns later: who somebody is, so it is encrypted.
    pub fn fill_sealed(&mut self, key: &str, value: &str) {
        let mut sealed = self.payload.sealed().clone();
        sealed.insert(key.to_owned(), Json::from(value));
        self.payload = Payload::stored(self.payload.plain().clone(), sealed);
    }

    /// Puts the content into a row.
    pub fn put(&self, keys: &Keys, row: &mut record::Model) -> anyhow::Result<()> {
        let (sensitive, plain): (Vec<_>, Vec<_>) =
            self.warnings.iter().cloned().partition(|warning| warning.sensitive);
        let sealed = Sealed { fields: self.payload.sealed().clone(), warnings: sensitive };
        let is_empty = sealed.fields.is_empty() && sealed.warnings.is_empty();
        row.payload = Json::Object(self.payload.plain().clone());
        row.warnings = serde_json::to_value(plain)?;
        row.sealed = if is_empty { None } else { Some(keys.seal(sealed_place(row.id), &sealed)?) };
        Ok(())
    }
}

/// Puts warnings into the order in which they are told.
pub fn gravest_first(warnings: &mut [Warning]) {
    warnings.sort_by_key(|warning| std::cmp::Reverse(warning.level));
}

fn sealed_place(id: RecordId) -> Place {
    Place::new(places::RECORD_SEALED, id.0)
}
