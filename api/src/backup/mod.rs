//! Backups: taken while others serve, sealed with a key of their own, read back before they count, restored into an
//! empty place, and tried. What is revoked stays revoked.

pub mod archive;
pub mod drill;
pub mod files;
mod postgres;
pub mod restore;
pub mod revoke;
mod store;
pub mod stream;
pub mod take;
pub mod tombstones;

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use zeroize::Zeroizing;

use archive::{End, Manifest, Receiver, unpack};
use stream::{Content, Opener};

/// Key of backups.
pub type Key = Zeroizing<[u8; 32]>;

/// Reads a backup from its first byte to its last.
pub fn read(path: &Path, key: &Key, to: &mut impl Receiver) -> anyhow::Result<(Manifest, End)> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let reading = || unpack(Opener::begin(file, key, Content::Backup)?, to);
    reading().with_context(|| format!("{} is not used", path.display()))
}

/// Reads a backup to see that it is whole.
pub fn verify(path: &Path, key: &Key) -> anyhow::Result<(Manifest, End)> {
    read(path, key, &mut Nobody)
}

/// Who looks at nothing: opening it is the proof.
struct Nobody;

impl Receiver for Nobody {
    fn manifest(&mut self, _: &Manifest) -> anyhow::Result<()> {
        Ok(())
    }

    fn database(&mut self, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }

    fn photo(&mut self, _: domain::id::PhotoId, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }
}
