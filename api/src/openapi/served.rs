//! The document as bytes, written when it is first asked for and then kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::catalogue::Catalogue;

use super::document;
use crate::keys::sha256;

/// The document, ready to be sent.
#[derive(Debug)]
pub struct Served {
    /// JSON.
    pub bytes: Bytes,
    /// Its `ETag`, quotes included.
    pub etag: String,
}

/// The document with the kinds of a catalogue. All servers of a process that hold the same catalogue share one.
pub fn served(catalogue: &Catalogue) -> Arc<Served> {
    static WRITTEN: Mutex<BTreeMap<String, Arc<Served>>> = Mutex::new(BTreeMap::new());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    written.entry(catalogue.edition().to_owned()).or_insert_with(|| Arc::new(write(catalogue))).clone()
}

fn write(catalogue: &Catalogue) -> Served {
    let bytes = Bytes::from(document(catalogue).to_string());
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(&bytes)));
    Served { bytes, etag }
}
