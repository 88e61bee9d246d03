//! Plain text on disk for as long as an editor needs it: in a folder of its own that only its owner can enter, in memory
//! where the system has such a place. Whatever the editor leaves in that folder is overwritten and removed.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::file::Plain;

/// More than this was not typed.
const MAX_BYTES: u64 = 1 << 20;

/// A file for an editor; gone when this is dropped.
pub struct Scratch {
    folder: TempDir,
    file: PathBuf,
}

impl Scratch {
    /// Writes a text for an editor. `name` is what the editor shows.
    pub fn new(name: &str, plain: &[u8]) -> io::Result<Self> {
        let folder = folder()?;
        let scratch = Self { file: folder.path().join(name), folder };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&scratch.file)?;
        file.write_all(plain)?;
        Ok(scratch)
    }

    /// The file to edit.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// What it holds now.
    pub fn read(&self) -> io::Result<Plain> {
        let file = fs::File::open(&self.file)?;
        let room = file.metadata()?.len().min(MAX_BYTES) + 1;
        let mut plain = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
        file.take(MAX_BYTES).read_to_end(&mut plain)?;
        Ok(plain)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Removal follows in any case; where the text was on a disk, this is all that can be done.
        let _ = wipe(self.folder.path());
    }
}

fn folder() -> io::Result<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let places = [runtime, Some(PathBuf::from("/dev/shm")), Some(std::env::temp_dir())];
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for place in places.into_iter().flatten() {
        let mut builder = tempfile::Builder::new();
        match builder.prefix("shipctl-").permissions(Permissions::from_mode(0o700)).tempdir_in(place) {
            Ok(folder) => return Ok(folder),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Overwrites every file beneath a folder; links are not followed.
fn wipe(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            wipe(&entry.path())?;
        } else if kind.is_file() {
            let mut file = OpenOptions::new().write(true).open(entry.path())?;
            let length = file.metadata()?.len();
            io::copy(&mut io::repeat(0).take(length), &mut file)?;
            file.sync_all()?;
        }
    }
    Ok(())
}
