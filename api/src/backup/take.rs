//! Takes a backup while others serve: a snapshot of the database, the photos that it names, sealed, read back, and only
//! then given its name.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};

use super::archive::{End, FORM, Kind, Manifest, NeededKey, Packer};
use super::files::{Partial, Scratch};
use super::stream::{Content, Sealer};
use super::{Key, postgres, store, verify};
use crate::config::{Config, Misconfigured};
use crate::db::Db;
use crate::keyring::in_use;
use crate::photos::Shelf;
use crate::start;

/// How far a backup came.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// The database is being copied aside.
    Snapshot,
    /// So many bytes of the database are sealed, of so many where that is known.
    Database(u64, Option<u64>),
    /// So many photos are sealed.
    Photos(u64),
    /// The file is being read back.
    Verify,
}

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    /// What it says about itself.
    pub manifest: Manifest,
    /// What is in it.
    pub end: End,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Takes a backup of the database and the photos that settings name.
pub async fn take(
    config: &Config,
    key: &Key,
    to: &Path,
    now: DateTime<Utc>,
    told: &mut dyn FnMut(Step),
) -> anyhow::Result<Taken> {
    let partial = Partial::begin(to)?;
    let db = Db::patient(&config.database_url).await?;
    let pending = start::pending_migrations(&db).await?;
    if pending > 0 {
        return Err(Misconfigured(vec![start::pending(pending)]).into());
    }
    // Photos in a bucket are kept by whoever keeps the bucket.
    let shelf = if config.photos.is_none() { Some(Shelf::of(config)?) } else { None };
    let sealer = Sealer::begin(BufWriter::new(partial.file()), key, Content::Backup)?;
    let (sealer, manifest, end) = match db.backend() {
        DbBackend::Postgres => of_postgres(config, &db, shelf.as_ref(), sealer, now, told).await?,
        _ => of_sqlite(config, &db, shelf.as_ref(), sealer, now, told).await?,
    };
    sealer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    db.close().await?;
    told(Step::Verify);
    let read = verify(partial.partial(), key).context("what was written does not read back")?;
    anyhow::ensure!(read == (manifest.clone(), end.clone()), "what was written reads back as something else");
    let bytes = partial.file().metadata()?.len();
    partial.complete()?;
    Ok(Taken { manifest, end, bytes })
}

/// `VACUUM INTO` copies what was committed at one moment, while others write.
async fn of_sqlite<W: Write>(
    config: &Config,
    db: &Db,
    shelf: Option<&Shelf>,
    sealer: Sealer<W>,
    now: DateTime<Utc>,
    told: &mut dyn FnMut(Step),
) -> anyhow::Result<(Sealer<W>, Manifest, End)> {
    let scratch = Scratch::within(&config.data)?;
    let path = scratch.file("snapshot.db");
    told(Step::Snapshot);
    store::copy_into(db, &path).await?;
    let copy = Db::patient(&format!("sqlite://{}", path.display())).await?;
    let manifest = manifest(copy.read(), Kind::Sqlite, shelf, now).await?;
    // Its journal becomes part of it when the last connection closes.
    copy.close().await?;
    let mut packer = Packer::begin(sealer, &manifest)?;
    let file = std::fs::File::open(&path)?;
    let length = file.metadata()?.len();
    packer.database(file, &mut |bytes| told(Step::Database(bytes, Some(length))))?;
    let copy = Db::patient(&format!("sqlite://{}", path.display())).await?;
    pack_photos(copy.read(), db, shelf, &mut packer, told).await?;
    copy.close().await?;
    let (sealer, end) = packer.finish()?;
    Ok((sealer, manifest, end))
}

/// `pg_dump` sees the snapshot in which the rows are counted and the photos are listed.
async fn of_postgres<W: Write>(
    config: &Config,
    db: &Db,
    shelf: Option<&Shelf>,
    sealer: Sealer<W>,
    now: DateTime<Utc>,
    told: &mut dyn FnMut(Step),
) -> anyhow::Result<(Sealer<W>, Manifest, End)> {
    told(Step::Snapshot);
    let txn: DatabaseTransaction = db.snapshot().await?;
    let snapshot = store::export_snapshot(&txn).await?;
    let manifest = manifest(&txn, Kind::Postgres, shelf, now).await?;
    let mut packer = Packer::begin(sealer, &manifest)?;
    let mut dump = postgres::dump(&config.database_url, &snapshot)?;
    let from = dump.stdout.take().context("pg_dump has no output")?;
    packer.database(from, &mut |bytes| told(Step::Database(bytes, None)))?;
    postgres::end(dump, "pg_dump")?;
    pack_photos(&txn, db, shelf, &mut packer, told).await?;
    let (sealer, end) = packer.finish()?;
    Ok((sealer, manifest, end))
}

async fn manifest(
    db: &impl ConnectionTrait,
    database: Kind,
    shelf: Option<&Shelf>,
    taken_at: DateTime<Utc>,
) -> anyhow::Result<Manifest> {
    let in_use = in_use::read(db).await?;
    let keys = in_use.into_iter().map(|key| NeededKey {
        purpose: key.purpose.code().to_owned(),
        id: key.id,
        state: key.state.code().to_owned(),
        mark: STANDARD.encode(&key.mark),
    });
    Ok(Manifest {
        form: FORM,
        muzi: env!("CARGO_PKG_VERSION").to_owned(),
        database,
        schema: store::schema(db).await?,
        taken_at,
        tables: store::count_tables(db).await?,
        keys: keys.collect(),
        has_photos: shelf.is_some(),
        audit_head: super::drill::audit_head(db).await?,
    })
}

/// Packs every photo that the snapshot names. One that was dropped since then has no file, and no row any more.
async fn pack_photos<W: Write>(
    snapshot: &impl ConnectionTrait,
    db: &Db,
    shelf: Option<&Shelf>,
    packer: &mut Packer<Sealer<W>>,
    told: &mut dyn FnMut(Step),
) -> anyhow::Result<()> {
    let Some(shelf) = shelf else { return Ok(()) };
    let (mut after, mut done) = (None, 0);
    loop {
        let ids = store::photos(snapshot, after).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        for id in ids {
            let name = id.to_string();
            match shelf.head(&name).await? {
                Some(_) => packer.photo(id, &shelf.get(&name).await?)?,
                None => packer.without_file(id, !store::has_photo(db.read(), id).await?),
            }
            done += 1;
            told(Step::Photos(done));
        }
    }
}
