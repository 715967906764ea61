//! Takes a backup while others serve: a snapshot of the database, the photos that it names, sealed, read back, and only
//! then given its name.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};

use super::archive::{End, FORM, Kind, Manifest, NeededKey, Packer};
use super::files::{Partial, Scratch};
use super::stream::{Content, Sealer};
use super::{Key, postgres, store, verify};
use crate::audit::store as audit;
use crate::audit::{Event, machine_user};
use crate::config::{Config, Misconfigured};
use crate::db::Db;
use crate::keyring::in_use::{self, InUse, Purpose, State};
use crate::keys::sealed_with;
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
    // As a read: the log says so before anything leaves, and where it cannot, nothing does.
    let copied = Event::by_command(&machine_user(), domain::audit::Kind::Read, "backup");
    audit::write(db.write(), [copied], now).await.context("the audit log cannot be written")?;
    // Photos in a bucket are kept by whoever keeps the bucket.
    let shelf = if config.photos.is_none() { Some(Shelf::of(config)?) } else { None };
    let sealer = Sealer::begin(BufWriter::new(partial.file()), key, Content::Backup)?;
    let taking = Taking { config, db: &db, shelf, now };
    let (sealer, manifest, end) = match db.backend() {
        DbBackend::Postgres => taking.of_postgres(sealer, told).await?,
        _ => taking.of_sqlite(sealer, told).await?,
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

/// What is copied.
struct Taking<'a> {
    config: &'a Config,
    db: &'a Db,
    shelf: Option<Shelf>,
    now: DateTime<Utc>,
}

impl Taking<'_> {
    /// `VACUUM INTO` copies what was committed at one moment, while others write.
    async fn of_sqlite<W: Write>(
        &self,
        sealer: Sealer<W>,
        told: &mut dyn FnMut(Step),
    ) -> anyhow::Result<(Sealer<W>, Manifest, End)> {
        let scratch = Scratch::within(&self.config.data)?;
        let path = scratch.file("snapshot.db");
        told(Step::Snapshot);
        store::copy_into(self.db, &path).await?;
        let url = format!("sqlite://{}", path.display());
        let copy = Db::patient(&url).await?;
        let (mut packer, manifest) = self.begin(copy.read(), Kind::Sqlite, sealer).await?;
        // Its journal becomes part of it when the last connection closes.
        copy.close().await?;
        let file = std::fs::File::open(&path)?;
        let length = file.metadata()?.len();
        packer.database(file, &mut |bytes| told(Step::Database(bytes, Some(length))))?;
        let copy = Db::patient(&url).await?;
        self.pack_photos(copy.read(), &manifest, &mut packer, told).await?;
        copy.close().await?;
        let (sealer, end) = packer.finish()?;
        Ok((sealer, manifest, end))
    }

    /// `pg_dump` sees the snapshot in which the rows are counted and the photos are listed.
    async fn of_postgres<W: Write>(
        &self,
        sealer: Sealer<W>,
        told: &mut dyn FnMut(Step),
    ) -> anyhow::Result<(Sealer<W>, Manifest, End)> {
        told(Step::Snapshot);
        let txn: DatabaseTransaction = self.db.snapshot().await?;
        let snapshot = store::export_snapshot(&txn).await?;
        let (mut packer, manifest) = self.begin(&txn, Kind::Postgres, sealer).await?;
        let mut dump = postgres::dump(&self.config.database_url, &snapshot)?;
        let from = dump.stdout.take().context("pg_dump has no output")?;
        packer.database(from, &mut |bytes| told(Step::Database(bytes, None)))?;
        postgres::end(dump, "pg_dump")?;
        self.pack_photos(&txn, &manifest, &mut packer, told).await?;
        let (sealer, end) = packer.finish()?;
        Ok((sealer, manifest, end))
    }

    /// Describes a snapshot, which is the beginning of its backup.
    async fn begin<W: Write>(
        &self,
        snapshot: &impl ConnectionTrait,
        database: Kind,
        sealer: Sealer<W>,
    ) -> anyhow::Result<(Packer<Sealer<W>>, Manifest)> {
        let in_use = in_use::read(snapshot).await?;
        let manifest = Manifest {
            form: FORM,
            muzi: env!("CARGO_PKG_VERSION").to_owned(),
            database,
            schema: store::schema(snapshot).await?,
            taken_at: self.now,
            tables: store::count_tables(snapshot).await?,
            keys: in_use.iter().map(NeededKey::of).collect(),
            has_photos: self.shelf.is_some(),
            audit_head: super::drill::audit_head(snapshot).await?,
        };
        Ok((Packer::begin(sealer, &manifest)?, manifest))
    }

    /// Packs every photo that the snapshot names. One that was dropped since then has no file, and no row any more.
    async fn pack_photos<W: Write>(
        &self,
        snapshot: &impl ConnectionTrait,
        manifest: &Manifest,
        packer: &mut Packer<Sealer<W>>,
        told: &mut dyn FnMut(Step),
    ) -> anyhow::Result<()> {
        let Some(shelf) = &self.shelf else { return Ok(()) };
        let (mut after, mut done, mut sealed_by) = (None, 0, BTreeSet::new());
        loop {
            let ids = store::photos(snapshot, after).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                let name = id.to_string();
                match shelf.head(&name).await? {
                    Some(_) => {
                        let sealed = shelf.get(&name).await?;
                        sealed_by.extend(sealed_with(&sealed));
                        packer.photo(id, &sealed)?;
                    }
                    None => packer.without_file(id, !store::has_photo(self.db.read(), id).await?),
                }
                done += 1;
                told(Step::Photos(done));
            }
        }
        packer.need(self.keys_unknown_to(manifest, &sealed_by).await?);
        Ok(())
    }

    /// The keys of photos that were sealed anew since the snapshot, which does not know that they are needed.
    async fn keys_unknown_to(
        &self,
        manifest: &Manifest,
        sealed_by: &BTreeSet<u8>,
    ) -> anyhow::Result<Vec<NeededKey>> {
        let known: BTreeSet<_> =
            manifest.in_use().into_iter().filter(InUse::is_needed).map(of_data).collect();
        let of_today = in_use::read(self.db.read()).await?.into_iter();
        let unknown = of_today.filter(|key| {
            key.purpose == Purpose::Data && sealed_by.contains(&key.id) && !known.contains(&Some(key.id))
        });
        Ok(unknown.map(|key| NeededKey::of(&InUse { state: State::DecryptOnly, ..key })).collect())
    }
}

fn of_data(key: InUse) -> Option<u8> {
    (key.purpose == Purpose::Data).then_some(key.id)
}
