//! Photos of entries: where they are kept. How they are checked and drawn anew is [`draw`].

pub mod add;
pub mod draw;
pub mod show;
pub mod store;

use std::path::Path;
use std::sync::Arc;

use actix_web::web::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use crate::config::Config;

/// A folder or an S3-compatible bucket; what is put there is sealed.
#[derive(Debug, Clone)]
pub struct Shelf {
    store: Arc<dyn ObjectStore>,
    /// One photo is decoded at a time, so that memory stays bounded.
    pub decoder: Arc<Semaphore>,
    /// Few uploads are held in memory at a time; the others wait at the network.
    pub intake: Arc<Semaphore>,
}

/// Uploads held in memory at a time, 10 MB each.
const HELD_AT_ONCE: usize = 4;

impl Shelf {
    /// The shelf that settings name.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        match &config.photos {
            Some(url) => Self::bucket(url),
            None => Self::folder(&config.data.join("photos")),
        }
    }

    /// A folder, made when missing.
    pub fn folder(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self::new(Arc::new(LocalFileSystem::new_with_prefix(path)?)))
    }

    /// A bucket `s3://NAME`, with endpoint, region and credentials from the usual `AWS_*` variables.
    pub fn bucket(url: &str) -> anyhow::Result<Self> {
        Ok(Self::new(Arc::new(AmazonS3Builder::from_env().with_url(url).build()?)))
    }

    fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, decoder: Arc::new(Semaphore::new(1)), intake: Arc::new(Semaphore::new(HELD_AT_ONCE)) }
    }

    /// Keeps bytes under a name made by us.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.store.put(&Key::from(name), bytes.into()).await?;
        Ok(())
    }

    /// What is kept under a name.
    pub async fn get(&self, name: &str) -> anyhow::Result<Bytes> {
        Ok(self.store.get(&Key::from(name)).await?.bytes().await?)
    }

    /// What is kept under a name, if anything is. That the shelf cannot be reached or read does not mean that nothing is there.
    pub async fn find(&self, name: &str) -> anyhow::Result<Option<Bytes>> {
        match self.store.get(&Key::from(name)).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// The first bytes of what is kept under a name, if anything is: enough to see which key sealed it.
    pub async fn head(&self, name: &str) -> anyhow::Result<Option<Bytes>> {
        match self.store.get_range(&Key::from(name), 0..2).await {
            Ok(head) => Ok(Some(head)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// Drops what is kept under a name; dropping twice does no harm.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        match self.store.delete(&Key::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(err) => Err(err.into()),
        }
    }
}
