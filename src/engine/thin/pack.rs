//! What is sent is packed with gzip, around the archive and not within it. Every engine unpacks that as it reads; a store that
//! keeps blobs as they come gets the same blob whoever packed it, so that a layer is known again. The archive is several gzip
//! files in a row, a layer in one of its own, which is so packed once for all hosts and all kinds of archive.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Saved;

/// Bytes that are packed at once.
const CHUNK: u64 = 1 << 20;
/// As hard as pays on most links (on one of 1 Gbit/s and more, what is not packed is there about as soon): one less has fixed codes and takes a fifth more bytes, one more takes half as long again for
/// a twentieth less.
const LEVEL: u32 = 2;

/// A part of a saved image, packed.
#[derive(Debug)]
pub struct Packed {
    file: File,
    size: u64,
}

impl Packed {
    /// How many bytes it is.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads some of them. It is not to be called where nothing may block.
    pub fn read_at(&self, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// A part of a saved image that is being packed.
pub struct Packing {
    encoder: GzEncoder<File>,
    offset: u64,
    left: u64,
}

impl Packing {
    /// Begins to pack so many bytes into an empty file. What is packed already would only take time.
    pub fn begin(saved: &Saved, offset: u64, size: u64, into: File) -> Self {
        let is_packed = saved.layers.iter().any(|layer| layer.offset == offset && layer.is_packed());
        let level = if is_packed { Compression::none() } else { Compression::new(LEVEL) };
        Self { encoder: GzEncoder::new(into, level), offset, left: size }
    }

    /// Packs some more; whether that was the last of it. It is not to be called where nothing may block.
    pub fn go_on(&mut self, saved: &Saved) -> io::Result<bool> {
        let now = self.left.min(CHUNK);
        self.encoder.write_all(&saved.read_at(self.offset, usize::try_from(now).unwrap_or_default())?)?;
        (self.offset, self.left) = (self.offset + now, self.left - now);
        Ok(self.left == 0)
    }

    /// What came of it.
    pub fn end(self) -> io::Result<Packed> {
        let file = self.encoder.finish()?;
        let size = file.metadata()?.len();
        Ok(Packed { file, size })
    }
}

/// A few bytes, packed.
pub fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    encoder.write_all(bytes)?;
    encoder.finish()
}
