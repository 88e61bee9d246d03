//! The archive that a build context is sent as.
//!
//! Order, owner and modes are the same on every machine. Modification times are kept: web servers derive `Last-Modified`
//! and `ETag` from them, and the engine's build cache ignores them.

use std::fs::File;
use std::io::{self, Read, Take, Write};
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::context::{Context, ContextError, Entry, Kind};

impl Context {
    /// Writes the archive. Blocks.
    pub fn write(&self, to: impl Write) -> Result<(), ContextError> {
        let mut archive = Builder::new(to);
        for entry in &self.entries {
            let path = self.root.join(&entry.path);
            append(entry, &path, &mut archive).map_err(ContextError::read(&path))?;
        }
        archive.into_inner().and_then(|mut to| to.flush()).map_err(ContextError::read(&self.root))
    }
}

fn append(entry: &Entry, path: &Path, archive: &mut Builder<impl Write>) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_mtime(entry.modified);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(entry.size());
    match &entry.kind {
        Kind::Directory => {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, &entry.path, io::empty())
        }
        Kind::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, &entry.path, target)
        }
        Kind::File { size } => {
            header.set_entry_type(EntryType::Regular);
            archive.append_data(&mut header, &entry.path, Exactly(File::open(path)?.take(*size)))
        }
    }
}

/// Reads as many bytes as the header has announced: more would spoil the archive, fewer are an error.
struct Exactly(Take<File>);

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if read == 0 && self.0.limit() > 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        Ok(read)
    }
}
