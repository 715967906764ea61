//! What is in a backup, in its order: a manifest, the database, photos, an end. Nothing in it is a path: a photo is
//! known by its id.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::id::PhotoId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::stream::{Refused, read_exactly};
use crate::keyring::in_use::{InUse, Purpose, State};

/// Version of the form that this program writes.
pub const FORM: u32 = 1;

/// Longest part that is held in memory: a manifest, a block of the database, a photo.
const LONGEST: u32 = 64 * 1024 * 1024;

/// Bytes of a block of the database.
const BLOCK: usize = 64 * 1024;

/// Which database is in a backup, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL dump in the custom format of `pg_dump`.
    Postgres,
}

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the form.
    pub form: u32,
    /// Version of the program that made it.
    pub muzi: String,
    /// Which database.
    pub database: Kind,
    /// The migrations that the database went through.
    pub schema: Vec<String>,
    /// When the snapshot was taken.
    pub taken_at: DateTime<Utc>,
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    /// The keys without which the database cannot be served.
    pub keys: Vec<NeededKey>,
    /// Whether the photos are in it; those in a bucket are not.
    pub has_photos: bool,
    /// The newest link of the audit chain, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<String>,
}

/// A key that a database needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededKey {
    /// What it is for, as in `key_in_use`.
    pub purpose: String,
    /// Its id.
    pub id: u8,
    /// What it does.
    pub state: String,
    /// By what it is known, in base64.
    pub mark: String,
}

impl NeededKey {
    /// A key of a database.
    pub fn of(key: &InUse) -> Self {
        Self {
            purpose: key.purpose.code().to_owned(),
            id: key.id,
            state: key.state.code().to_owned(),
            mark: STANDARD.encode(&key.mark),
        }
    }

    /// The key, unless a newer version wrote it with other words.
    fn in_use(&self, changed_at: DateTime<Utc>) -> Option<InUse> {
        Some(InUse {
            purpose: Purpose::of(&self.purpose)?,
            id: self.id,
            state: State::of(&self.state)?,
            mark: STANDARD.decode(&self.mark).ok()?,
            changed_at,
        })
    }
}

impl Manifest {
    /// The keys that the database was written with. One that a newer version wrote with other words is left out.
    pub fn in_use(&self) -> Vec<InUse> {
        self.keys.iter().filter_map(|key| key.in_use(self.taken_at)).collect()
    }
}

impl End {
    /// The keys that photos need and the manifest does not know, or knows to wait.
    pub fn in_use(&self, changed_at: DateTime<Utc>) -> Vec<InUse> {
        self.keys.iter().filter_map(|key| key.in_use(changed_at)).collect()
    }
}

/// The keys that what is in a backup was written with.
pub fn keys_of(manifest: &Manifest, end: &End) -> Vec<InUse> {
    let of_photos = end.in_use(manifest.taken_at);
    let is_other = |key: &InUse| !of_photos.iter().any(|of| (of.purpose, of.id) == (key.purpose, key.id));
    let mut keys: Vec<_> = manifest.in_use().into_iter().filter(is_other).collect();
    keys.extend(of_photos);
    keys.sort_by_key(|key| (key.purpose, key.id));
    keys
}

/// What came after the photos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Photos.
    pub photos: u64,
    /// Bytes of the photos.
    pub photo_bytes: u64,
    /// Photos that the snapshot names and that were dropped while it was taken.
    pub dropped: Vec<PhotoId>,
    /// Photos that the snapshot names and whose file is gone.
    pub lost: Vec<PhotoId>,
    /// Keys of photos that were sealed anew while the backup was taken, after its snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<NeededKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Manifest = 1,
    Database = 2,
    Photo = 3,
    End = 4,
}

/// Writes the parts of a backup.
#[derive(Debug)]
pub struct Packer<W: Write> {
    to: W,
    end: End,
}

impl<W: Write> Packer<W> {
    /// Begins with the manifest.
    pub fn begin(mut to: W, manifest: &Manifest) -> io::Result<Self> {
        put_json(&mut to, Tag::Manifest, manifest)?;
        Ok(Self { to, end: End::default() })
    }

    /// The database, block by block; `told` hears how many bytes are done.
    pub fn database(&mut self, mut from: impl Read, told: &mut dyn FnMut(u64)) -> io::Result<()> {
        self.to.write_all(&[Tag::Database as u8])?;
        let mut block = vec![0; BLOCK];
        loop {
            let many = from.read(&mut block)?;
            put(&mut self.to, block.get(..many).unwrap_or_default())?;
            if many == 0 {
                return Ok(());
            }
            self.end.database_bytes += many as u64;
            told(self.end.database_bytes);
        }
    }

    /// A photo as it lies on the shelf.
    pub fn photo(&mut self, id: PhotoId, sealed: &[u8]) -> io::Result<()> {
        self.to.write_all(&[Tag::Photo as u8])?;
        self.to.write_all(id.0.as_bytes())?;
        put(&mut self.to, sealed)?;
        self.end.photos += 1;
        self.end.photo_bytes += sealed.len() as u64;
        Ok(())
    }

    /// A photo that the snapshot names and that has no file: it was dropped meanwhile, or it is lost.
    pub fn without_file(&mut self, id: PhotoId, was_dropped: bool) {
        if was_dropped { self.end.dropped.push(id) } else { self.end.lost.push(id) }
    }

    /// Keys that photos need and the manifest does not.
    pub fn need(&mut self, keys: impl IntoIterator<Item = NeededKey>) {
        self.end.keys.extend(keys);
    }

    /// Ends, and gives back what it was written to.
    pub fn finish(mut self) -> io::Result<(W, End)> {
        put_json(&mut self.to, Tag::End, &self.end)?;
        Ok((self.to, self.end))
    }
}

fn put(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a part is too long for a backup"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)
}

fn put_json(to: &mut impl Write, tag: Tag, part: &impl Serialize) -> io::Result<()> {
    to.write_all(&[tag as u8])?;
    put(to, &serde_json::to_vec(part)?)
}

fn get(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    exactly(from, &mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(Refused::Form("a part is too long").into());
    }
    let mut bytes = Vec::new();
    from.by_ref().take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(Refused::Form("a part is cut short").into());
    }
    Ok(bytes)
}

fn get_json<T: DeserializeOwned>(from: &mut impl Read, else_told: &'static str) -> io::Result<T> {
    Ok(serde_json::from_slice(&get(from)?).map_err(|_| Refused::Form(else_told))?)
}

fn exactly(from: &mut impl Read, to: &mut [u8]) -> io::Result<()> {
    read_exactly(from, to, Refused::Form("it ends too early"))
}

/// Who is given the parts of a backup while it is read.
pub trait Receiver {
    /// The manifest, before anything else.
    fn manifest(&mut self, manifest: &Manifest) -> anyhow::Result<()>;
    /// A block of the database.
    fn database(&mut self, block: &[u8]) -> anyhow::Result<()>;
    /// A photo as it lay on the shelf.
    fn photo(&mut self, id: PhotoId, sealed: &[u8]) -> anyhow::Result<()>;
}

/// Reads a backup to its end, which alone says that it is whole.
pub fn unpack(mut from: impl Read, to: &mut impl Receiver) -> anyhow::Result<(Manifest, End)> {
    if tag(&mut from)? != Tag::Manifest {
        return Err(Refused::Form("it does not begin with a manifest").into());
    }
    let manifest: Manifest = get_json(&mut from, "its manifest cannot be read")?;
    if manifest.form != FORM {
        return Err(Refused::Form("another version of Muzi made it").into());
    }
    to.manifest(&manifest)?;
    let mut seen = End::default();
    loop {
        match tag(&mut from)? {
            Tag::Manifest => return Err(Refused::Form("it has two manifests").into()),
            Tag::Database if seen.database_bytes > 0 => {
                return Err(Refused::Form("it has two databases").into());
            }
            Tag::Database => loop {
                let block = get(&mut from)?;
                if block.is_empty() {
                    break;
                }
                seen.database_bytes += block.len() as u64;
                to.database(&block)?;
            },
            Tag::Photo => {
                let mut id = [0; 16];
                exactly(&mut from, &mut id)?;
                let sealed = get(&mut from)?;
                seen.photos += 1;
                seen.photo_bytes += sealed.len() as u64;
                to.photo(PhotoId(Uuid::from_bytes(id)), &sealed)?;
            }
            Tag::End => break,
        }
    }
    let end: End = get_json(&mut from, "its end cannot be read")?;
    let counted = (seen.database_bytes, seen.photos, seen.photo_bytes);
    if counted != (end.database_bytes, end.photos, end.photo_bytes) {
        return Err(Refused::Form("it does not hold what its end counts").into());
    }
    if from.read(&mut [0])? != 0 {
        return Err(Refused::Form("something follows its end").into());
    }
    Ok((manifest, end))
}

fn tag(from: &mut impl Read) -> io::Result<Tag> {
    let mut byte = [0];
    exactly(from, &mut byte)?;
    let tags = [Tag::Manifest, Tag::Database, Tag::Photo, Tag::End];
    let known = tags.into_iter().find(|tag| [*tag as u8] == byte);
    Ok(known.ok_or(Refused::Form("it has a part of an unknown kind"))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backup::Nobody;

    proptest! {
        /// Lengths that promise gigabytes make nobody set them aside.
        #[test]
        fn no_bytes_make_it_panic(tag in 0_u8..6, length: u32, bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let file = [&[tag], length.to_be_bytes().as_slice(), &bytes].concat();
            prop_assert!(unpack(file.as_slice(), &mut Nobody).is_err());
        }
    }
}
