//! What a place for files holds, as an archive of it shows.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::live;
use crate::delivery::FileSet;
use crate::template::rendered::RenderedFile;

/// What a place holds. Not owners: an engine that maps users reads other numbers than it wrote, and files with other owners
/// have a place of their own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Mode and bytes, by path.
    files: BTreeMap<String, (u32, Vec<u8>)>,
    /// Where symbolic links lead, by path.
    pub(super) links: BTreeMap<String, String>,
}

impl Held {
    /// What a place of this set is to hold. One of several versions may hold others, too.
    pub(super) fn wanted(set: &FileSet, files: &[RenderedFile]) -> Self {
        let file = |file: &RenderedFile| {
            let path = path(set, file);
            (path, (file.target.mode & 0o7777, file.bytes().to_vec()))
        };
        let links = if set.version.is_some() { live::links(set) } else { BTreeMap::new() };
        Self { files: files.iter().map(file).collect(), links }
    }

    /// Whether a place that holds this has what is wanted of `set`.
    pub(super) fn satisfies(&self, wanted: &Self, set: &FileSet) -> bool {
        if set.version.is_none() {
            return self == wanted;
        }
        let has_files = wanted.files.iter().all(|(path, file)| self.files.get(path) == Some(file));
        has_files && wanted.links.iter().all(|(path, to)| self.links.get(path) == Some(to))
    }

    /// Whether there is a file in this directory.
    pub(super) fn has_directory(&self, name: &str) -> bool {
        self.files.keys().any(|path| path.split_once('/').is_some_and(|(first, _)| first == name))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.links.is_empty()
    }
}

/// Where a file of a set is, within its place.
pub(super) fn path(set: &FileSet, file: &RenderedFile) -> String {
    let inside = set.inside(&file.target.path);
    set.version.as_ref().map_or_else(|| inside.to_owned(), |version| format!("{}/{inside}", live::directory(version)))
}

/// The files of an archive, without the name of the directory that was asked for. Everything that is no plain file counts
/// with its name, so that a place which holds more than files is never taken for one that holds just them.
pub(super) fn unpack(archive: &[u8]) -> io::Result<Held> {
    let mut held = Held::default();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let kind = entry.header().entry_type();
        let inside = path.split_once('/').map_or("", |(_, inside)| inside).trim_end_matches('/').to_owned();
        let is_tombstone = inside.is_empty() && kind.is_file();
        if kind.is_dir() || is_tombstone {
            continue;
        }
        if let (true, Some(to)) = (kind.is_symlink(), entry.link_name()?) {
            held.links.insert(inside, to.to_string_lossy().into_owned());
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        held.files.insert(inside, (entry.header().mode()? & 0o7777, bytes));
    }
    Ok(held)
}
