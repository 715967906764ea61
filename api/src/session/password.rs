//! Password hashing: argon2id, a few at a time, off the threads that answer requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;
use crate::problem::Code;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// 9 MiB and four passes: one of the settings that OWASP names as equal (Password Storage Cheat Sheet). The crate's own takes
/// 19 MiB for two passes, and as much time.
const PARAMS: Params = match Params::new(9 * 1024, 4, 1, None) {
    Ok(params) => params,
    Err(_) => panic!("the settings of the hash are none"),
};

/// Hashes passwords with argon2id.
#[derive(Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
    memory: Memory,
    /// Verified when there is no such user, so that both answers take the same time.
    nobody: Arc<str>,
}

impl Passwords {
    /// A pool that hashes at most `at_once` passwords at a time: each takes 9 MiB.
    pub fn new(at_once: usize) -> anyhow::Result<Self> {
        let memory = Memory::default();
        let nobody = hash("nobody has this password", &memory)?;
        Ok(Self { places: Arc::new(Semaphore::new(at_once)), memory, nobody: nobody.into() })
    }

    /// The PHC string of a password, when there is a place in the pool.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.turn().await?.hash(password).await
    }

    /// Waits for a place in the pool, but not for ever: whoever comes when too many wait is told to come again.
    pub async fn turn(&self) -> Result<Turn<'_>, ApiError> {
        match tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned()).await {
            Ok(place) => Ok(Turn { passwords: self, place: Arc::new(place.map_err(ApiError::internal)?) }),
            Err(_) => Err(ApiError::Wait(Code::TooManyRequests, PATIENCE)),
        }
    }
}

/// A place in the pool. As long as it is held nobody else takes it, so what is decided by a verification can be written
/// down before the next one begins. A hash that is being made holds it too, also when whoever asked has hung up.
#[derive(Debug)]
pub struct Turn<'a> {
    passwords: &'a Passwords,
    place: Arc<OwnedSemaphorePermit>,
}

impl Turn<'_> {
    /// The PHC string of a password.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        let (memory, place) = (self.passwords.memory.clone(), self.place.clone());
        let hashing = tokio::task::spawn_blocking(move || {
            let _place = place;
            hash(&password, &memory)
        });
        let hashed = hashing.await;
        hashed.map_err(ApiError::internal)?.map_err(ApiError::Internal)
    }

    /// Whether the password fits. Without a hash (no such user) it takes as long and says no.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.passwords.nobody.to_string());
        let (memory, place) = (self.passwords.memory.clone(), self.place.clone());
        let fits = tokio::task::spawn_blocking(move || {
            let _place = place;
            fits(&password, &hash, &memory).unwrap_or(false)
        });
        Ok(fits.await.map_err(ApiError::internal)? && known)
    }
}

/// Memory of hashes that are done, for the next: allocators keep what threads gave back, each for itself, so that a
/// fresh 9 MiB each time would add up to hundreds.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

impl Memory {
    /// Hashes into `output`, in memory that was used before where there is some.
    fn hash(&self, params: Params, password: &str, salt: &[u8], output: &mut [u8]) -> argon2::Result<()> {
        let mut blocks = self.kept().pop().unwrap_or_default();
        blocks.resize(params.block_count(), Block::new());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hashed = argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut blocks);
        // What was hashed elsewhere may have taken more.
        if blocks.len() <= PARAMS.block_count() {
            self.kept().push(blocks);
        }
        hashed
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(password: &str, memory: &Memory) -> anyhow::Result<String> {
    let failed = |err: &dyn std::fmt::Display| anyhow::anyhow!("a password could not be hashed: {err}");
    let (params, salt) = (PARAMS, crate::keys::random::<16>());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    memory.hash(params.clone(), password, &salt, &mut output).map_err(|err| failed(&err))?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(u32::from(Version::V0x13)),
        params: (&params).try_into().map_err(|err| failed(&err))?,
        salt: Some(Salt::new(&salt).map_err(|err| failed(&err))?),
        hash: Some(Output::new(&output).map_err(|err| failed(&err))?),
    };
    Ok(hash.to_string())
}

/// Whether a password fits a PHC string of argon2id; nothing when that is none.
fn fits(password: &str, hash: &str, memory: &Memory) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    if hash.algorithm != Algorithm::Argon2id.ident() {
        return None;
    }
    let mut output = vec![0; expected.as_ref().len()];
    memory.hash(Params::try_from(&hash).ok()?, password, salt.as_ref(), &mut output).ok()?;
    // Outputs are compared in constant time.
    Some(Output::new(&output).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_what_others_hashed_is_verified() {
        use argon2::{PasswordHasher, PasswordVerifier};
        let memory = Memory::default();
        let theirs =
            Argon2::default().hash_password_with_salt(b"Chuanshan-2026", &[7; 16]).unwrap().to_string();
        assert_eq!(fits("Chuanshan-2026", &theirs, &memory), Some(true));
        assert_eq!(fits("Chuanshan-2027", &theirs, &memory), Some(false));
        assert_eq!(fits("Chuanshan-2026", "$argon2id$none", &memory), None);
        let ours = PasswordHash::new(&hash("Chuanshan-2026", &memory).unwrap()).unwrap();
        Argon2::default().verify_password(b"Chuanshan-2026", &ours).unwrap();
        assert_eq!(memory.kept().len(), 1);
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(1).unwrap();
        let passwords = passwords.turn().await.unwrap();
        let hash = passwords.hash("Chuanshan-2026".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=9216,t=4,p=1$"), "{hash}");
        assert!(passwords.verify("Chuanshan-2026".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("chuanshan-2026".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".into(), None).await.unwrap());
    }
}
