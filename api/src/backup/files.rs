//! Files that appear whole or not at all, and that nobody else on the machine may read.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

/// A file under another name until it is complete. Dropped before that, it is gone.
#[derive(Debug)]
pub struct Partial {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

impl Partial {
    /// Begins a file that is not there yet.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        ensure!(!path.exists(), "{} exists already, and is not written over", path.display());
        let partial = with_suffix(path, ".partial");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&partial);
        let file = file.with_context(|| format!("{} cannot be written", partial.display()))?;
        lock(&file).with_context(|| format!("{} is being written by somebody else", partial.display()))?;
        // What a run left that was killed.
        file.set_len(0)?;
        Ok(Self { file, partial, path: path.to_owned() })
    }

    /// Where it is written.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its name until it is complete.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Gives it its name; it outlasts a power cut from here on. Somebody else's file of that name stays.
    pub fn complete(self) -> anyhow::Result<()> {
        self.file.sync_all()?;
        fs::hard_link(&self.partial, &self.path)
            .with_context(|| format!("{} cannot be made", self.path.display()))?;
        sync_folder_of(&self.path)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _gone_or_not = fs::remove_file(&self.partial);
    }
}

/// A folder for what must not stay. One at a time: what a killed run left is cleared by the next.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes it.
    pub fn within(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(".backup");
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))?;
        lock(&file).context("another backup of this database is being taken")?;
        let scratch = Self { path, _lock: file };
        scratch.clear()?;
        Ok(scratch)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn clear(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if !path.ends_with("lock") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_or_not = self.clear();
    }
}

/// A folder that comes to be with everything in it. Dropped before that, it is gone; what a killed run left is cleared by the
/// next.
#[derive(Debug)]
pub struct Staging {
    staged: PathBuf,
    path: PathBuf,
    _lock: File,
}

/// What stands in the name of a folder until it is complete, before an id.
const RESTORING: &str = ".restoring-";

impl Staging {
    /// Begins a folder that is not there yet, or is empty.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        if let Ok(mut entries) = fs::read_dir(path) {
            ensure!(
                entries.next().is_none(),
                "{} is not empty: restore into an empty folder",
                path.display()
            );
        } else if path.exists() {
            bail!("{} is no folder", path.display());
        }
        let path = std::path::absolute(path)?;
        let parent = path.parent().context("the folder has no place")?;
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        clear_staged(parent, &path)?;
        let staged = with_suffix(&path, &format!("{RESTORING}{}", uuid::Uuid::now_v7().simple()));
        DirBuilder::new().mode(0o700).create(&staged)?;
        let folder = File::open(&staged)?;
        lock(&folder).with_context(|| format!("{} is being written by somebody else", staged.display()))?;
        Ok(Self { staged, path, _lock: folder })
    }

    /// Where it is made.
    pub fn staged(&self) -> &Path {
        &self.staged
    }

    /// Gives it its name; it and everything in it outlast a power cut from here on.
    pub fn complete(self) -> anyhow::Result<()> {
        sync_whole(&self.staged)?;
        fs::rename(&self.staged, &self.path)
            .with_context(|| format!("{} cannot be made", self.path.display()))?;
        sync_folder_of(&self.path)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _gone_or_not = fs::remove_dir_all(&self.staged);
    }
}

/// Removes what runs left that were killed on the way to a path; what one is at work on is locked.
fn clear_staged(parent: &Path, path: &Path) -> anyhow::Result<()> {
    let begins = with_suffix(path, RESTORING);
    let Some(begins) = begins.file_name() else { return Ok(()) };
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(begins.as_encoded_bytes())
            && entry.file_type()?.is_dir()
            && lock(&File::open(entry.path())?).is_ok()
        {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A new file that only its owner reads.
pub fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn lock(file: &File) -> anyhow::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => bail!("it is locked"),
        Err(TryLockError::Error(err)) => Err(err.into()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Syncs what is in a folder, however deep, before the folder that names it. Files that were all written before that wait for
/// the disk less often than each after its writing.
fn sync_whole(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_whole(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}

fn sync_folder_of(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}
