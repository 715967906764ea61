//! How many values each key seals. This reads every sealed column and the head of every photo.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{Ground, store};
use crate::keys::places::{COLUMNS, PHOTO_FILE};
use crate::keys::sealed_with;

/// Photos whose heads are read at a time.
const HEADS_AT_ONCE: usize = 16;

/// Photos of one question.
const BATCH: u64 = 1000;

/// The values of one column, or the photos, by the key that sealed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// The column, as `table.column`.
    pub place: String,
    /// How many by the id of the key; 0 where there is nothing that a key of ours sealed.
    pub by_key: BTreeMap<u8, u64>,
    /// Photos whose file is gone.
    #[serde(skip_serializing_if = "is_none")]
    pub missing: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(many: &u64) -> bool {
    *many == 0
}

/// Counts everything.
pub async fn count(ground: &Ground) -> anyhow::Result<Vec<Sealed>> {
    let mut counted = Vec::new();
    for column in &COLUMNS {
        let by_key = store::count(ground.db.read(), column).await?;
        counted.push(Sealed { place: column.to_string(), by_key, missing: 0 });
    }
    counted.push(photos(ground).await?);
    Ok(counted)
}

/// How many values a key seals.
pub fn sealed_by(counted: &[Sealed], id: u8) -> u64 {
    counted.iter().filter_map(|place| place.by_key.get(&id)).sum()
}

async fn photos(ground: &Ground) -> anyhow::Result<Sealed> {
    let mut sealed = Sealed { place: PHOTO_FILE.as_str().to_owned(), by_key: BTreeMap::new(), missing: 0 };
    let mut after = None;
    loop {
        let ids = store::photos(ground.db.read(), after, BATCH).await?;
        let Some(last) = ids.last() else { return Ok(sealed) };
        after = Some(*last);
        let heads = stream::iter(ids).map(|id| async move { ground.photos.head(&id.to_string()).await });
        let heads: Vec<_> = heads.buffer_unordered(HEADS_AT_ONCE).try_collect().await?;
        for head in heads {
            match head {
                Some(head) => *sealed.by_key.entry(sealed_with(&head).unwrap_or(0)).or_default() += 1,
                None => sealed.missing += 1,
            }
        }
    }
}
