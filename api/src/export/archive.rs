//! A ZIP file that leaves while it is made: what was compressed is sent at once, and nothing is kept but the list of files.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use super::Piece;
use super::rooms::Room;

/// Bytes that are gathered before they are sent.
const PIECE: usize = 64 * 1024;

/// What the ZIP writer wrote and nobody sent yet.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn length(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A ZIP file on its way.
pub(super) struct Archive {
    zip: ZipWriter<StreamWriter<Written>>,
    written: Written,
    to: Sender<Piece>,
    /// Where it is made; somebody else's once this is gone.
    room: Room,
    /// How long a piece waits for who reads slowly.
    patience: Duration,
    /// Items written into the list that is open.
    items: u64,
}

impl Archive {
    /// An empty one.
    pub(super) fn new(to: Sender<Piece>, room: Room, patience: Duration) -> Self {
        let written = Written::default();
        Self { zip: ZipWriter::new_stream(written.clone()), written, to, room, patience, items: 0 }
    }

    /// A file with one value.
    pub(super) async fn json(&mut self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        self.zip.start_file(name, compressed())?;
        serde_json::to_writer_pretty(&mut self.zip, value)?;
        self.send(PIECE).await
    }

    /// Begins a file that holds a list.
    pub(super) fn begin_list(&mut self, name: &str) -> anyhow::Result<()> {
        self.zip.start_file(name, compressed())?;
        self.zip.write_all(b"[")?;
        self.items = 0;
        Ok(())
    }

    /// Adds to the list.
    pub(super) async fn add(&mut self, item: &impl Serialize) -> anyhow::Result<()> {
        self.zip.write_all(if self.items == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut self.zip, item)?;
        self.items += 1;
        self.send(PIECE).await
    }

    /// Ends the list and says how many items it holds.
    pub(super) fn end_list(&mut self) -> anyhow::Result<u64> {
        self.zip.write_all(b"\n]\n")?;
        Ok(self.items)
    }

    /// A file as it is; photos are compressed already.
    pub(super) async fn file(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.zip
            .start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        self.zip.write_all(bytes)?;
        self.send(PIECE).await
    }

    /// Writes the list of files, sends the rest, and says that this was all.
    pub(super) async fn finish(&mut self) -> anyhow::Result<()> {
        let empty = ZipWriter::new_stream(Written::default());
        std::mem::replace(&mut self.zip, empty).finish()?;
        self.send(1).await?;
        self.pass_on(None).await
    }

    async fn send(&mut self, at_least: usize) -> anyhow::Result<()> {
        if self.written.length() < at_least {
            return Ok(());
        }
        // A photo goes in pieces too: each is waited for by itself, and a bad network takes a large one in minutes.
        let mut whole = Bytes::from(self.written.take());
        while !whole.is_empty() {
            let piece = whole.split_to(PIECE.min(whole.len()));
            self.pass_on(Some(piece)).await?;
        }
        Ok(())
    }

    async fn pass_on(&mut self, piece: Piece) -> anyhow::Result<()> {
        let (began, length) = (Instant::now(), piece.as_ref().map_or(0, Bytes::len));
        let sent = tokio::time::timeout(self.patience, self.to.send(piece)).await;
        anyhow::ensure!(matches!(sent, Ok(Ok(()))), "whoever asked for the copy does not read it any more");
        self.room.waited_for(length, began.elapsed());
        anyhow::ensure!(
            !self.room.is_to_be_left(),
            "a copy was read slowly while somebody else asked for one"
        );
        Ok(())
    }
}

fn compressed() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

    use super::super::rooms::Rooms;
    use super::*;
    use crate::config::ExportConfig;

    fn room() -> Room {
        Arc::new(Rooms::new(1, ExportConfig::default())).enter().unwrap()
    }

    #[tokio::test]
    async fn what_is_sent_in_pieces_is_a_zip_file_and_little_of_it_waits() {
        let (send, mut receive) = tokio::sync::mpsc::channel(1);
        let writing = tokio::spawn(async move {
            let mut archive = Archive::new(send, room(), Duration::from_secs(60));
            archive.begin_list("list.json").unwrap();
            for number in 0..50_000 {
                archive.add(&format!("{number} {}", number * 7919 % 104_729)).await.unwrap();
            }
            assert_eq!(archive.end_list().unwrap(), 50_000);
            archive.file("photos/a.jpg", &[7; 300_000]).await.unwrap();
            archive.json("last.json", &"end").await.unwrap();
            archive.finish().await.unwrap();
        });
        let (mut whole, mut pieces) = (Vec::new(), 0);
        while let Some(Some(piece)) = receive.recv().await {
            assert!(piece.len() <= PIECE);
            whole.extend_from_slice(&piece);
            pieces += 1;
        }
        writing.await.unwrap();
        assert!(pieces > 3, "{pieces} pieces");
        let mut zip = ZipArchive::new(Cursor::new(whole)).unwrap();
        let mut text = String::new();
        zip.by_name("list.json").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap().len(), 50_000);
        assert_eq!(zip.by_name("photos/a.jpg").unwrap().size(), 300_000);
    }

    #[tokio::test]
    async fn nothing_is_made_for_who_has_hung_up() {
        let (send, receive) = tokio::sync::mpsc::channel(1);
        drop(receive);
        let mut archive = Archive::new(send, room(), Duration::from_secs(60));
        assert!(archive.file("a", &[1; PIECE]).await.is_err());
    }
}
