//! Brings a backup back: everything is verified before anything stands where a server would find it, and what was
//! revoked is revoked again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use domain::id::PhotoId;

use super::archive::{End, Kind, Manifest, Receiver, keys_of};
use super::files::{Staging, private};
use super::revoke::{Revoked, Told, revoke};
use super::{Key, Nobody, postgres, read, store};
use crate::db::Db;
use crate::keyring::in_use;
use crate::photos::Shelf;
use crate::start;

/// Name of the folder of photos within the data.
const PHOTOS: &str = "photos";

/// Where a backup is brought to.
#[derive(Debug)]
pub struct Target<'a> {
    /// The folder of the embedded database and photos; it must not be there, or be empty.
    pub data: &'a Path,
    /// The PostgreSQL to which the backup of one goes; it must be empty.
    pub database_url: Option<&'a str>,
}

/// A backup that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What it says about itself.
    pub manifest: Manifest,
    /// What was in it.
    pub end: End,
    /// What was revoked.
    pub revoked: Revoked,
}

/// Restores a backup and tells it what it does not know: `told` needs neither the instant of the backup nor its dropped photos.
/// Of one that is refused nothing is left behind; one that is broken off is begun again.
pub async fn restore(
    from: &Path,
    key: &Key,
    target: &Target<'_>,
    told: Told<'_>,
    now: DateTime<Utc>,
) -> anyhow::Result<Restored> {
    let staging = Staging::begin(target.data)?;
    let mut unpacker = Unpacker::into(staging.staged());
    let (manifest, end) = read(from, key, &mut unpacker)?;
    unpacker.finish()?;
    let told = Told { taken_at: Some(manifest.taken_at), dropped: &end.dropped, ..told };
    told.check(&keys_of(&manifest, &end))?;
    let shelf = Shelf::folder(&staging.staged().join(PHOTOS))?;
    let url = match manifest.database {
        Kind::Sqlite => Db::embedded(staging.staged()),
        Kind::Postgres => {
            let url = target.database_url.context(
                "this is the backup of a PostgreSQL: DATABASE_URL must name an empty database for it",
            )?;
            fill_postgres(from, key, url).await?;
            url.to_owned()
        }
    };
    let db = Db::patient(&url).await?;
    let finished = finish(&db, &shelf, (&manifest, &end), told, now).await;
    db.close().await?;
    let revoked = match manifest.database {
        Kind::Sqlite => finished?,
        Kind::Postgres => finished.context("the database was filled and is not fit to serve: drop it")?,
    };
    let is_bare = manifest.database == Kind::Postgres && !manifest.has_photos;
    if !is_bare {
        staging.complete()?;
    }
    Ok(Restored { manifest, end, revoked })
}

async fn finish(
    db: &Db,
    shelf: &Shelf,
    (manifest, end): (&Manifest, &End),
    told: Told<'_>,
    now: DateTime<Utc>,
) -> anyhow::Result<Revoked> {
    let damage = store::damage(db).await?;
    ensure!(damage.is_empty(), "the database of the backup is damaged: {}", damage.join("; "));
    let counted = store::count_tables(db.read()).await?;
    ensure!(counted == manifest.tables, "the database does not hold the rows that the manifest counts");
    // What revokes knows the schema of this program.
    start::migrate(db).await?;
    in_use::need(db, &end.in_use(now)).await?;
    revoke(db, shelf, told, now).await
}

/// Unpacks into a folder. Every name in it is made here.
struct Unpacker {
    folder: PathBuf,
    database: Option<File>,
    kind: Option<Kind>,
}

impl Unpacker {
    fn into(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), database: None, kind: None }
    }

    fn finish(self) -> anyhow::Result<()> {
        match (self.kind, self.database) {
            (Some(Kind::Sqlite), None) => bail!("there is no database in the backup"),
            _ => Ok(()),
        }
    }
}

impl Receiver for Unpacker {
    fn manifest(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        self.kind = Some(manifest.database);
        fs::create_dir(self.folder.join(PHOTOS))?;
        Ok(())
    }

    fn database(&mut self, block: &[u8]) -> anyhow::Result<()> {
        if self.kind != Some(Kind::Sqlite) {
            return Ok(());
        }
        let file = match &mut self.database {
            Some(file) => file,
            none => none.insert(private(&self.folder.join("muzi.db"))?),
        };
        Ok(file.write_all(block)?)
    }

    fn photo(&mut self, id: PhotoId, sealed: &[u8]) -> anyhow::Result<()> {
        let mut file = private(&self.folder.join(PHOTOS).join(id.to_string()))?;
        Ok(file.write_all(sealed)?)
    }
}

/// Fills an empty PostgreSQL, all or nothing.
async fn fill_postgres(from: &Path, key: &Key, url: &str) -> anyhow::Result<()> {
    ensure!(!url.starts_with("sqlite:"), "this is the backup of a PostgreSQL, and DATABASE_URL names none");
    let db = Db::patient(url).await?;
    let tables = store::tables(db.read()).await;
    db.close().await?;
    ensure!(tables?.is_empty(), "the database is not empty: restore into an empty one");
    let mut restoring = postgres::restore(url)?;
    let to = restoring.stdin.take().context("pg_restore has no input")?;
    let mut pipe = Pipe { to: Some(to) };
    match read(from, key, &mut pipe) {
        Ok(_) => {
            drop(pipe);
            postgres::end(restoring, "pg_restore")
        }
        // It is not told that its input ended before it is gone, and commits nothing.
        Err(err) => Err(postgres::give_up(restoring, "pg_restore", err)),
    }
}

/// Passes the database on.
struct Pipe {
    to: Option<ChildStdin>,
}

impl Receiver for Pipe {
    fn manifest(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        Nobody.manifest(manifest)
    }

    fn database(&mut self, block: &[u8]) -> anyhow::Result<()> {
        match &mut self.to {
            Some(to) => Ok(to.write_all(block)?),
            None => Ok(()),
        }
    }

    fn photo(&mut self, _: PhotoId, _: &[u8]) -> anyhow::Result<()> {
        // The database is before the photos, and has been passed on.
        self.to = None;
        Ok(())
    }
}
