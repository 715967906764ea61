//! Opens a few values of every place: the proof that the keys which are here are those that the database needs.

use serde::Serialize;

use super::{Ground, store};
use crate::keys::Place;
use crate::keys::places::{COLUMNS, PHOTO_FILE};

/// What a sample of one place showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sampled {
    /// The column, as `table.column`, or the photos.
    pub place: String,
    /// Values that were tried.
    pub tried: u64,
    /// Those of them that do not open, or whose file is gone.
    pub unopened: u64,
}

/// Opens up to `limit` values of every place, chosen at random.
pub async fn sample(ground: &Ground, limit: u32) -> anyhow::Result<Vec<Sampled>> {
    let mut all = Vec::new();
    for column in &COLUMNS {
        let found = store::random(ground.db.read(), column, limit).await?;
        let mut sampled = Sampled { place: column.to_string(), tried: 0, unopened: 0 };
        for store::Found { place, sealed, .. } in found {
            let opens = sealed
                .zip(place)
                .is_some_and(|(sealed, place)| ground.keys.open_bytes(place, &sealed).is_ok());
            sampled.count(opens);
        }
        all.push(sampled);
    }
    all.push(photos(ground, limit).await?);
    Ok(all)
}

impl Sampled {
    fn count(&mut self, opens: bool) {
        self.tried += 1;
        self.unopened += u64::from(!opens);
    }
}

async fn photos(ground: &Ground, limit: u32) -> anyhow::Result<Sampled> {
    let mut sampled = Sampled { place: PHOTO_FILE.as_str().to_owned(), tried: 0, unopened: 0 };
    for id in store::random_photos(ground.db.read(), limit).await? {
        let name = id.to_string();
        let opens = match ground.photos.head(&name).await? {
            Some(_) => {
                let sealed = ground.photos.get(&name).await?;
                ground.keys.open_bytes(Place::new(PHOTO_FILE, id.0), &sealed).is_ok()
            }
            None => false,
        };
        sampled.count(opens);
    }
    Ok(sampled)
}
