//! A sealed stream of bytes: what is written chunk by chunk is opened chunk by chunk, in bounded memory, and only whole.
//!
//! A file begins with a head (what it is, the mark of the key, a random salt). Each chunk is sealed with AES-256-GCM under
//! a key of this file alone (HKDF of the backup key and the salt); the head, the number of the chunk and whether it is the
//! last are associated data. So a changed byte, a missing end, chunks in another order and chunks of another file are all
//! found.

use std::io::{self, Read, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::keys::{mark, random};

/// Plain bytes of a chunk.
const CHUNK: usize = 64 * 1024;

/// Bytes that sealing adds to a chunk.
const TAG: usize = 16;

/// What a file of ours begins with; the last byte is the version of the form.
const MAGIC: [u8; 9] = *b"MUZI-BAK\x01";

const SALT: usize = 32;

const MARK: usize = 8;

/// Magic, content, mark of the key, salt.
const HEAD: usize = MAGIC.len() + 1 + MARK + SALT;

/// What is in a sealed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A backup.
    Backup,
    /// What was taken back since a backup.
    Tombstones,
}

impl Content {
    fn byte(self) -> u8 {
        match self {
            Self::Backup => b'B',
            Self::Tombstones => b'T',
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Backup => "a backup",
            Self::Tombstones => "a file of tombstones",
        }
    }
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Something else.
    #[error("this is no file that `muzi backup` made")]
    NotOurs,
    /// Sealed by somebody else, or by us before the key changed.
    #[error("it was sealed with another MUZI_BACKUP_KEY than the one that is given")]
    OtherKey,
    /// The other kind of file.
    #[error("this is not {0}")]
    OtherContent(&'static str),
    /// Not what was written.
    #[error("it is damaged or cut short: part {0} is not what was written")]
    Damaged(u64),
    /// Sealed right, and still not what a backup says.
    #[error("its content does not follow the form: {0}")]
    Form(&'static str),
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        Self::new(io::ErrorKind::InvalidData, refused)
    }
}

/// Copies as much as fits.
fn fill(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, byte)| *to = *byte);
}

/// Fills `to`; who ends before that is refused.
pub(super) fn read_exactly(from: &mut impl Read, to: &mut [u8], too_short: Refused) -> io::Result<()> {
    from.read_exact(to).map_err(|err| match err.kind() {
        io::ErrorKind::UnexpectedEof => too_short.into(),
        _ => err,
    })
}

/// Seals and opens the chunks of one file.
struct Chunks {
    key: LessSafeKey,
    head: [u8; HEAD],
    next: u64,
}

impl Chunks {
    fn new(key: &[u8; 32], head: [u8; HEAD]) -> io::Result<Self> {
        let salt = head.get(HEAD - SALT..).unwrap_or_default();
        let prk = Salt::new(HKDF_SHA256, salt).extract(key);
        let okm = prk.expand(&[b"muzi backup, one file"], &AES_256_GCM);
        let key = okm.map_err(|_| io::Error::other("no key can be derived"))?;
        Ok(Self { key: LessSafeKey::new(UnboundKey::from(key)), head, next: 0 })
    }

    /// The nonce is the number of the chunk and whether it is the last: no two chunks of a file share one.
    fn place(&self, is_last: bool) -> (Nonce, Aad<Vec<u8>>) {
        let mut nonce = [0; NONCE_LEN];
        let zeros = [0; NONCE_LEN - 9];
        fill(&mut nonce, &[zeros.as_slice(), &self.next.to_be_bytes(), &[u8::from(is_last)]].concat());
        let aad = [self.head.as_slice(), &nonce].concat();
        (Nonce::assume_unique_for_key(nonce), Aad::from(aad))
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> io::Result<()> {
        let (nonce, aad) = self.place(is_last);
        let sealed = self.key.seal_in_place_append_tag(nonce, aad, chunk);
        sealed.map_err(|_| io::Error::other("a chunk cannot be sealed"))?;
        self.next += 1;
        Ok(())
    }

    fn open(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> Result<(), Refused> {
        let (nonce, aad) = self.place(is_last);
        let opened = self.key.open_in_place(nonce, aad, chunk).map_err(|_| Refused::Damaged(self.next))?;
        let length = opened.len();
        chunk.truncate(length);
        self.next += 1;
        Ok(())
    }
}

/// Seals what is written to it. It is whole only after [`finish`](Self::finish).
pub struct Sealer<W: Write> {
    to: W,
    chunks: Chunks,
    chunk: Vec<u8>,
}

impl<W: Write> std::fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl<W: Write> Sealer<W> {
    /// Begins a file.
    pub fn begin(mut to: W, key: &Zeroizing<[u8; 32]>, content: Content) -> io::Result<Self> {
        let mut head = [0; HEAD];
        let parts = [MAGIC.as_slice(), &[content.byte()], &mark(key), &random::<SALT>()].concat();
        fill(&mut head, &parts);
        to.write_all(&head)?;
        Ok(Self { to, chunks: Chunks::new(key, head)?, chunk: Vec::with_capacity(CHUNK + TAG) })
    }

    /// Ends the file and gives back what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn put(&mut self, is_last: bool) -> io::Result<()> {
        self.chunks.seal(&mut self.chunk, is_last)?;
        self.to.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for the next byte: only then is it known not to be the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.put(false)?;
        }
        let (now, _) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
        self.chunk.extend_from_slice(now);
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what a [`Sealer`] wrote. Its end is reached only when the last chunk was opened and nothing follows.
pub struct Opener<R: Read> {
    from: R,
    chunks: Chunks,
    /// What was opened and not read.
    chunk: Vec<u8>,
    read: usize,
    /// The next chunk as it stands in the file, read ahead to see whether another follows.
    ahead: Vec<u8>,
    is_over: bool,
}

impl<R: Read> std::fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener")
    }
}

impl<R: Read> Opener<R> {
    /// Reads the head of a file.
    pub fn begin(mut from: R, key: &Zeroizing<[u8; 32]>, content: Content) -> io::Result<Self> {
        let mut head = [0; HEAD];
        read_exactly(&mut from, &mut head, Refused::NotOurs)?;
        let rest = head.strip_prefix(&MAGIC).ok_or(Refused::NotOurs)?;
        let (of_content, rest) = rest.split_first().ok_or(Refused::NotOurs)?;
        if *of_content != content.byte() {
            return Err(Refused::OtherContent(content.name()).into());
        }
        if !rest.starts_with(&mark(key)) {
            return Err(Refused::OtherKey.into());
        }
        let mut opener = Self {
            from,
            chunks: Chunks::new(key, head)?,
            chunk: Vec::new(),
            read: 0,
            ahead: Vec::new(),
            is_over: false,
        };
        opener.ahead = opener.fetch()?;
        Ok(opener)
    }

    fn fetch(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        self.from.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
        Ok(chunk)
    }

    fn next(&mut self) -> io::Result<()> {
        let following = if self.ahead.len() == CHUNK + TAG { self.fetch()? } else { Vec::new() };
        let is_last = following.is_empty();
        self.chunk = std::mem::replace(&mut self.ahead, following);
        self.read = 0;
        self.chunks.open(&mut self.chunk, is_last)?;
        self.is_over = is_last;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.read == self.chunk.len() {
            if self.is_over {
                return Ok(0);
            }
            self.next()?;
        }
        let left = self.chunk.get(self.read..).unwrap_or_default();
        let many = left.len().min(to.len());
        fill(to, left);
        self.read += many;
        Ok(many)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> Zeroizing<[u8; 32]> {
        Zeroizing::new([byte; 32])
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::begin(Vec::new(), &key(1), Content::Backup).unwrap();
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(file: &[u8], byte: u8) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opener::begin(file, &key(byte), Content::Backup)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn what_is_sealed_opens_whatever_its_length() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
            assert_eq!(opened(&sealed(&plain(length)), 1).unwrap(), plain(length), "{length}");
        }
    }

    #[test]
    fn a_flipped_byte_anywhere_is_found() {
        let file = sealed(&plain(CHUNK + 100));
        let places = (0..HEAD + 40).chain((HEAD + CHUNK - 3)..(HEAD + CHUNK + 40)).chain([file.len() - 1]);
        for at in places {
            let mut broken = file.clone();
            broken[at] ^= 1;
            assert!(opened(&broken, 1).is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_end_that_is_missing_or_added_is_found() {
        let file = sealed(&plain(2 * CHUNK + 5));
        for length in [0, 5, HEAD, HEAD + 1, HEAD + CHUNK + TAG, HEAD + 2 * (CHUNK + TAG), file.len() - 1] {
            assert!(opened(&file[..length], 1).is_err(), "{length}");
        }
        let mut longer = file;
        longer.push(0);
        assert!(opened(&longer, 1).is_err());
        let mut twice = sealed(&plain(CHUNK));
        let chunk = twice[HEAD..].to_vec();
        twice.extend(chunk);
        assert!(opened(&twice, 1).is_err());
    }

    #[test]
    fn chunks_in_another_order_or_of_another_file_are_found() {
        let file = sealed(&plain(3 * CHUNK));
        let chunk =
            |of: &[u8], at: usize| of[HEAD + at * (CHUNK + TAG)..HEAD + (at + 1) * (CHUNK + TAG)].to_vec();
        let swapped = [file[..HEAD].to_vec(), chunk(&file, 1), chunk(&file, 0), chunk(&file, 2)].concat();
        assert!(opened(&swapped, 1).unwrap_err().to_string().contains("part 0"));
        let other = sealed(&plain(3 * CHUNK));
        let mixed = [file[..HEAD].to_vec(), chunk(&file, 0), chunk(&other, 1), chunk(&file, 2)].concat();
        assert!(opened(&mixed, 1).unwrap_err().to_string().contains("part 1"));
    }

    #[test]
    fn another_key_another_content_and_another_kind_of_file_are_told_apart() {
        let file = sealed(b"x");
        assert!(opened(&file, 2).unwrap_err().to_string().contains("another MUZI_BACKUP_KEY"));
        assert!(opened(&plain(500), 1).unwrap_err().to_string().contains("no file that"));
        let err = Opener::begin(file.as_slice(), &key(1), Content::Tombstones).unwrap_err();
        assert!(err.to_string().contains("not a file of tombstones"), "{err}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn no_bytes_are_a_backup_and_no_turned_bit_goes_unseen(
            bytes in prop::collection::vec(any::<u8>(), 0..200), begins_right: bool,
            at in any::<prop::sample::Index>(), bit in 0_u8..8,
        ) {
            let bytes = if begins_right { [MAGIC.as_slice(), b"B", &mark(&key(1)), &bytes].concat() } else { bytes };
            prop_assert!(opened(&bytes, 1).is_err());
            let mut file = sealed(&plain(300));
            *at.get_mut(&mut file) ^= 1 << bit;
            prop_assert!(opened(&file, 1).is_err());
        }
    }
}
