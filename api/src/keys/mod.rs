//! Keys and what they do: sealing columns, blind indexes, signatures of printed codes, hashes of secrets.

pub mod places;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use places::{Label, Place};

/// How a column is sealed: the first byte of every ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    /// AES-256 in GCM with a random 96-bit nonce.
    Aes256Gcm = 1,
}

impl Algorithm {
    fn of(byte: u8) -> Option<Self> {
        (byte == Self::Aes256Gcm as u8).then_some(Self::Aes256Gcm)
    }
}

/// A sealed value that does not open: damaged, moved, or sealed with a key that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value in {0} does not open")]
pub struct DoesNotOpen(&'static str);

/// A value that could not be sealed: the key is not there, or it is longer than 64 GiB. Nothing may be kept in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value in {0} could not be sealed")]
pub struct NotSealed(&'static str);

/// Raw secrets by purpose, each 32 bytes; read once at start.
#[derive(Clone)]
pub struct Secrets {
    /// Keys that seal columns, by id; one of them seals (see [`Keys::seal_with`]), every one opens.
    pub data: BTreeMap<u8, Zeroizing<[u8; 32]>>,
    /// Key of the blind indexes and of the keyed hashes of codes and tokens.
    pub index: Zeroizing<[u8; 32]>,
    /// Keys that sign printed codes, by id; the highest id signs, every one checks for ever.
    pub print: BTreeMap<u8, Zeroizing<[u8; 32]>>,
    /// Seeds of the Ed25519 keys that sign access tokens, by id; the highest id signs.
    pub token: BTreeMap<u8, Zeroizing<[u8; 32]>>,
    /// Seeds of the Ed25519 keys that sign the daily heads of the audit log, by id; the highest id signs.
    pub audit: BTreeMap<u8, Zeroizing<[u8; 32]>>,
    /// Key of backups, which serving does not need. It is kept apart from all others.
    pub backup: Option<Zeroizing<[u8; 32]>>,
}

/// Eight bytes by which a key is known again, and from which nothing can be learned about it.
pub fn mark(key: &[u8; 32]) -> Vec<u8> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"muzi: the mark of a key");
    tag.as_ref().iter().take(8).copied().collect()
}

/// The id of the key that sealed a value; nothing where there is no value of ours.
pub fn sealed_with(sealed: &[u8]) -> Option<u8> {
    let &[algorithm, id, ..] = sealed else { return None };
    Algorithm::of(algorithm).map(|_| id)
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// The keys in the form in which they are used.
pub struct Keys {
    data: BTreeMap<u8, LessSafeKey>,
    /// Id of the data key that seals.
    sealing: AtomicU8,
    /// Another data key seals, which this process was not given.
    is_behind: AtomicBool,
    index: hmac::Key,
    print: BTreeMap<u8, hmac::Key>,
    audit: BTreeMap<u8, Ed25519KeyPair>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl Keys {
    /// Prepares the keys.
    pub fn new(secrets: &Secrets) -> anyhow::Result<Self> {
        anyhow::ensure!(
            !secrets.data.is_empty() && !secrets.print.is_empty() && !secrets.audit.is_empty(),
            "no data key, no print key or no audit key"
        );
        let data: BTreeMap<_, _> = secrets
            .data
            .iter()
            .map(|(id, key)| Ok((*id, LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice())?))))
            .collect::<Result<_, aws_lc_rs::error::Unspecified>>()
            .map_err(|_| anyhow::anyhow!("a data key is not 32 bytes"))?;
        let print = secrets
            .print
            .iter()
            .map(|(id, key)| (*id, hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())))
            .collect();
        let audit = secrets
            .audit
            .iter()
            .map(|(id, seed)| Ok((*id, Ed25519KeyPair::from_seed_unchecked(seed.as_slice())?)))
            .collect::<Result<_, aws_lc_rs::error::KeyRejected>>()
            .map_err(|_| anyhow::anyhow!("an audit key is not 32 bytes"))?;
        let newest = data.last_key_value().map_or(0, |(id, _)| *id);
        Ok(Self {
            data,
            sealing: AtomicU8::new(newest),
            is_behind: AtomicBool::new(false),
            index: hmac::Key::new(hmac::HMAC_SHA256, secrets.index.as_slice()),
            print,
            audit,
        })
    }

    /// The data keys that open, by id.
    pub fn data_ids(&self) -> impl Iterator<Item = u8> {
        self.data.keys().copied()
    }

    /// The data key that seals: the one with the highest id, until told otherwise.
    pub fn sealing(&self) -> u8 {
        self.sealing.load(Ordering::Relaxed)
    }

    /// Seals with this data key from now on; says no when it is not there.
    pub fn seal_with(&self, id: u8) -> bool {
        let is_there = self.data.contains_key(&id);
        self.is_behind.store(!is_there, Ordering::Relaxed);
        if is_there {
            self.sealing.store(id, Ordering::Relaxed);
        }
        is_there
    }

    /// Another data key seals than the one that was given under its id: this process goes on with what it had, and says that
    /// it is behind.
    pub fn fall_behind(&self) {
        self.is_behind.store(true, Ordering::Relaxed);
    }

    /// Whether this process was told to seal with a key that it was not given: it cannot read what others write.
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Seals bytes for a place: algorithm, key id, nonce, ciphertext with tag.
    pub fn seal_bytes(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let refused = NotSealed(place.label.as_str());
        let nonce: [u8; NONCE_LEN] = random();
        let mut body = plain.to_vec();
        let id = self.sealing();
        let key = self.data.get(&id).ok_or(refused)?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place.bytes()),
            &mut body,
        )
        .map_err(|_| refused)?;
        Ok([[Algorithm::Aes256Gcm as u8, id].as_slice(), &nonce, &body].concat())
    }

    /// Opens what was sealed for the same place.
    pub fn open_bytes(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let refused = DoesNotOpen(place.label.as_str());
        let (head, rest) = sealed.split_at_checked(2).ok_or(refused)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(refused)?;
        let &[algorithm, id] = head else { return Err(refused) };
        let Some(Algorithm::Aes256Gcm) = Algorithm::of(algorithm) else { return Err(refused) };
        let key = self.data.get(&id).ok_or(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused)?;
        let mut body = body.to_vec();
        let length =
            key.open_in_place(nonce, Aad::from(place.bytes()), &mut body).map_err(|_| refused)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// Seals a value as JSON.
    pub fn seal<T: Serialize + ?Sized>(&self, place: Place, value: &T) -> anyhow::Result<Vec<u8>> {
        Ok(self.seal_bytes(place, &serde_json::to_vec(value)?)?)
    }

    /// Opens a value that was sealed as JSON.
    pub fn open<T: DeserializeOwned>(&self, place: Place, sealed: &[u8]) -> anyhow::Result<T> {
        Ok(serde_json::from_slice(&self.open_bytes(place, sealed)?)?)
    }

    /// The blind index of a value: equal values of one purpose give equal bytes, and nothing else can be read from it.
    pub fn blind(&self, purpose: &'static str, value: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(purpose.as_bytes());
        context.update(b"\0");
        context.update(value.as_bytes());
        context.sign().as_ref().to_vec()
    }

    /// The id of the key that signs heads of the audit log, and its signature.
    pub fn sign_head(&self, hash: &[u8]) -> (u8, Vec<u8>) {
        match self.audit.last_key_value() {
            Some((id, key)) => (*id, key.sign(&head_message(hash)).as_ref().to_vec()),
            None => (0, Vec::new()),
        }
    }

    /// Whether one of our keys signed a head.
    pub fn check_head(&self, id: u8, hash: &[u8], signature: &[u8]) -> bool {
        let fits = |key: &Ed25519KeyPair| {
            UnparsedPublicKey::new(&ED25519, key.public_key().as_ref()).verify(&head_message(hash), signature)
        };
        self.audit.get(&id).is_some_and(|key| fits(key).is_ok())
    }

    /// The public keys by which anybody can check heads, by id.
    pub fn head_keys(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.audit.iter().map(|(id, key)| (*id, key.public_key().as_ref()))
    }

    /// Signature of a printed code: key id, serial of the print, 13 bytes of HMAC, base64url (20 characters).
    pub fn sign_print(&self, number: &str, serial: i32) -> String {
        match self.print.last_key_value() {
            Some((id, key)) => print_signature(*id, key, number, serial),
            None => String::new(),
        }
    }

    /// The serial of the print if the signature is ours, whichever key made it.
    pub fn check_print(&self, number: &str, signature: &str) -> Option<i32> {
        let bytes = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let &[id, serial, ..] = bytes.as_slice() else { return None };
        let expected = print_signature(id, self.print.get(&id)?, number, i32::from(serial));
        verify_slices_are_equal(expected.as_bytes(), signature.as_bytes()).ok()?;
        Some(i32::from(serial))
    }
}

fn print_signature(id: u8, key: &hmac::Key, number: &str, serial: i32) -> String {
    // A code is reprinted a handful of times at most; the serial is one byte on paper.
    let serial = u8::try_from(serial).unwrap_or(u8::MAX);
    let tag = hmac::sign(key, &[number.as_bytes(), &[0, id, serial]].concat());
    let head = tag.as_ref().get(..13).unwrap_or_default();
    URL_SAFE_NO_PAD.encode([[id, serial].as_slice(), head].concat())
}

/// What is signed of a head: its hash, after a word that no other signature begins with.
fn head_message(hash: &[u8]) -> Vec<u8> {
    [b"muzi audit head ", hash].concat()
}

/// Random bytes from the system.
#[expect(clippy::expect_used, reason = "without randomness no secret may be made, and nothing can go on")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// A secret that opens a door: 128 random bits in base64url.
pub fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// Whether two texts are equal, in a time that tells nothing about where they differ.
pub fn is_same(left: &str, right: &str) -> bool {
    verify_slices_are_equal(&sha256(left.as_bytes()), &sha256(right.as_bytes())).is_ok()
}

/// SHA-256, for what is random already or only compared.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn keys(ids: &[u8]) -> Keys {
        let some =
            |ids: &[u8]| ids.iter().map(|id| (*id, Zeroizing::new([*id; 32]))).collect::<BTreeMap<_, _>>();
        Keys::new(&Secrets {
            data: some(ids),
            index: Zeroizing::new([9; 32]),
            print: some(ids),
            token: some(ids),
            backup: None,
            audit: some(ids),
        })
        .unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place() {
        let (keys, row) = (keys(&[1]), Uuid::now_v7());
        let sealed = keys.seal_bytes(Place::new(places::PERSON_IDENTITY, row), "王芳".as_bytes()).unwrap();
        assert_eq!(
            keys.open_bytes(Place::new(places::PERSON_IDENTITY, row), &sealed).unwrap(),
            "王芳".as_bytes()
        );
        assert!(keys.open_bytes(Place::new(places::STAFF_NAME, row), &sealed).is_err());
        assert!(keys.open_bytes(Place::new(places::PERSON_IDENTITY, Uuid::now_v7()), &sealed).is_err());
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert!(keys.open_bytes(Place::new(places::PERSON_IDENTITY, row), &broken).is_err(), "byte {at}");
            assert!(keys.open_bytes(Place::new(places::PERSON_IDENTITY, row), &sealed[..at]).is_err());
        }
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let place = Place::new(places::PERSON_IDENTITY, Uuid::now_v7());
        let old = keys(&[1]).seal_bytes(place, b"x").unwrap();
        assert_eq!(keys(&[1, 2]).open_bytes(place, &old).unwrap(), b"x");
        assert_eq!(keys(&[1, 2]).seal_bytes(place, b"x").unwrap()[1], 2);
        assert!(keys(&[2]).open_bytes(place, &old).is_err());
        assert_eq!((sealed_with(&old), sealed_with(b""), sealed_with(b"xx")), (Some(1), None, None));
    }

    #[test]
    fn without_its_key_nothing_is_sealed_and_nothing_stands_for_it() {
        let (keys, place) = (keys(&[1]), Place::new(places::PERSON_IDENTITY, Uuid::now_v7()));
        keys.sealing.store(7, Ordering::Relaxed);
        assert_eq!(keys.seal_bytes(place, b"x"), Err(NotSealed("person.identity")));
        assert!(keys.seal(place, "x").is_err());
    }

    #[test]
    fn a_key_that_is_there_already_seals_once_it_is_told_to() {
        let (keys, place) = (keys(&[1, 2]), Place::new(places::PERSON_IDENTITY, Uuid::now_v7()));
        assert!(keys.seal_with(1) && !keys.seal_with(3));
        assert_eq!(keys.seal_bytes(place, b"x").unwrap()[1], 1);
        assert!(keys.seal_with(2));
        assert_eq!(keys.seal_bytes(place, b"x").unwrap()[1], 2);
    }

    #[test]
    fn a_printed_signature_names_its_key_and_serial_and_fits_one_number() {
        let old = keys(&[1]).sign_print("5109032600000174", 3);
        assert_eq!(old.len(), domain::handbook::code::SIGNATURE_LENGTH);
        assert_eq!(keys(&[1, 2]).check_print("5109032600000174", &old), Some(3));
        assert_eq!(keys(&[1, 2]).check_print("5109032600000182", &old), None);
        assert_eq!(keys(&[2]).check_print("5109032600000174", &old), None);
        assert_eq!(keys(&[1]).check_print("5109032600000174", "AAAA"), None);
    }

    #[test]
    fn a_head_is_signed_by_the_newest_key_and_checked_by_the_one_that_signed_it() {
        let (id, signature) = keys(&[1]).sign_head(b"hash");
        assert_eq!(id, 1);
        assert!(keys(&[1, 2]).check_head(1, b"hash", &signature));
        assert!(!keys(&[1, 2]).check_head(2, b"hash", &signature));
        assert!(!keys(&[1]).check_head(1, b"other", &signature));
        assert!(!keys(&[2]).check_head(1, b"hash", &signature));
        assert_eq!(keys(&[1, 2]).sign_head(b"hash").0, 2);
    }

    #[test]
    fn blind_indexes_differ_by_purpose() {
        let keys = keys(&[1]);
        assert_eq!(keys.blind("phone", "13800000000"), keys.blind("phone", "13800000000"));
        assert_ne!(keys.blind("phone", "13800000000"), keys.blind("id_number", "13800000000"));
    }
}
