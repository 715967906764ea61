//! Password hashing: argon2id, a few at a time, off the threads that answer requests.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;
use crate::problem::Code;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes passwords with the crate's defaults (argon2id, 19 MiB, two passes), which are those of OWASP.
#[derive(Debug)]
pub struct Passwords {
    places: Semaphore,
    /// Verified when there is no such user, so that both answers take the same time.
    nobody: Arc<str>,
}

impl Passwords {
    /// A pool that hashes at most `at_once` passwords at a time: each takes 19 MiB.
    pub fn new(at_once: usize) -> anyhow::Result<Self> {
        let nobody = hash("nobody has this password")?;
        Ok(Self { places: Semaphore::new(at_once), nobody: nobody.into() })
    }

    /// The PHC string of a password, when there is a place in the pool.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.turn().await?.hash(password).await
    }

    /// Waits for a place in the pool, but not for ever: whoever comes when too many wait is told to come again.
    pub async fn turn(&self) -> Result<Turn<'_>, ApiError> {
        match tokio::time::timeout(PATIENCE, self.places.acquire()).await {
            Ok(place) => Ok(Turn { passwords: self, _place: place.map_err(ApiError::internal)? }),
            Err(_) => Err(ApiError::Wait(Code::TooManyRequests, PATIENCE)),
        }
    }
}

/// A place in the pool. As long as it is held nobody else takes it, so what is decided by a verification can be written
/// down before the next one begins.
#[derive(Debug)]
pub struct Turn<'a> {
    passwords: &'a Passwords,
    _place: SemaphorePermit<'a>,
}

impl Turn<'_> {
    /// The PHC string of a password.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        let hashed = tokio::task::spawn_blocking(move || hash(&password)).await;
        hashed.map_err(ApiError::internal)?.map_err(ApiError::Internal)
    }

    /// Whether the password fits. Without a hash (no such user) it takes as long and says no.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.passwords.nobody.to_string());
        let fits = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(fits.await.map_err(ApiError::internal)? && known)
    }
}

fn hash(password: &str) -> anyhow::Result<String> {
    let salt: [u8; 16] = crate::keys::random();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|err| anyhow::anyhow!("a password could not be hashed: {err}"))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(1).unwrap();
        let passwords = passwords.turn().await.unwrap();
        let hash = passwords.hash("Chuanshan-2026".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("Chuanshan-2026".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("chuanshan-2026".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".into(), None).await.unwrap());
    }
}
