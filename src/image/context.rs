//! A build context: what of a directory is sent to the engine.
//!
//! Regular files, directories and symbolic links go in; links stay links and are never followed. Sockets, pipes and
//! devices stay out.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::dockerignore::{Ignore, InvalidPattern};

/// Above this a context is taken for a mistake: a build directory or a data set that should have been ignored.
pub const MAX_BYTES: u64 = 2 << 30;

/// Why a directory cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The context is no directory beneath the project.
    #[error("build context {} is not a directory beneath {}", path.display(), root.display())]
    Outside {
        /// The context.
        path: PathBuf,
        /// The project root.
        root: PathBuf,
    },
    /// There is no such Dockerfile in the context.
    #[error("there is no {dockerfile} in {}", context.display())]
    NoDockerfile {
        /// As the manifest has it.
        dockerfile: String,
        /// The context.
        context: PathBuf,
    },
    /// The ignore file has a line that is not a pattern.
    #[error("{}: {source}", path.display())]
    Ignore {
        /// The file.
        path: PathBuf,
        /// The line.
        source: InvalidPattern,
    },
    /// There is too much of it.
    #[error("the build context is {} MiB, of which {} MiB are in {largest}; at most {} are sent", bytes >> 20, largest_bytes >> 20, MAX_BYTES >> 20)]
    TooLarge {
        /// Bytes of all files.
        bytes: u64,
        /// The entry of the context's root that holds most of them.
        largest: String,
        /// Its bytes.
        largest_bytes: u64,
    },
    /// A file could not be read, or changed while it was.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ContextError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}

/// What is going to be sent, by name; the files have not been read yet.
#[derive(Debug)]
pub struct Context {
    pub(super) root: PathBuf,
    pub(super) entries: Vec<Entry>,
    /// Bytes of all files.
    pub bytes: u64,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// Relative to the context.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    /// Permission bits.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified: u64,
}

#[derive(Debug)]
pub(super) enum Kind {
    Directory,
    File { size: u64 },
    Link { target: PathBuf },
}

impl Context {
    /// Lists the context of a build. `context` is relative to `root` and must lie beneath it, also behind links.
    pub fn scan(root: &Path, context: &Path, dockerfile: &str) -> Result<Self, ContextError> {
        let outside = || ContextError::Outside { path: context.to_owned(), root: root.to_owned() };
        let root = root.canonicalize().map_err(ContextError::read(root))?;
        let directory = root.join(context).canonicalize().map_err(|_| outside())?;
        if !directory.starts_with(&root) || !directory.is_dir() {
            return Err(outside());
        }
        let dockerfile = find_dockerfile(&directory, dockerfile)?;
        let ignore = read_ignore(&directory, &dockerfile)?;
        let mut scan = Scan { root: &directory, dockerfile: &dockerfile, ignore: &ignore, entries: Vec::new() };
        scan.directory(Path::new(""))?;
        let context =
            Self { bytes: scan.entries.iter().map(Entry::size).sum(), entries: scan.entries, root: directory };
        if context.bytes > MAX_BYTES { Err(context.too_large()) } else { Ok(context) }
    }

    /// How many files, directories and links are sent.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is sent.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn too_large(&self) -> ContextError {
        let top = |entry: &Entry| entry.path.components().next().map(|part| part.as_os_str().to_owned());
        let mut sizes = std::collections::BTreeMap::<Option<OsString>, u64>::new();
        for entry in &self.entries {
            *sizes.entry(top(entry)).or_default() += entry.size();
        }
        let (largest, largest_bytes) = sizes.into_iter().max_by_key(|(_, bytes)| *bytes).unwrap_or_default();
        let largest = largest.unwrap_or_default().to_string_lossy().into_owned();
        ContextError::TooLarge { bytes: self.bytes, largest, largest_bytes }
    }
}

impl Entry {
    fn new(path: PathBuf, kind: Kind, metadata: &Metadata) -> Self {
        let mode = metadata.permissions().mode() & 0o7777;
        Self { path, kind, mode, modified: metadata.mtime().try_into().unwrap_or(0) }
    }

    pub(super) fn size(&self) -> u64 {
        if let Kind::File { size } = self.kind { size } else { 0 }
    }
}

struct Scan<'a> {
    root: &'a Path,
    dockerfile: &'a Path,
    ignore: &'a Ignore,
    entries: Vec<Entry>,
}

impl Scan<'_> {
    fn directory(&mut self, relative: &Path) -> Result<(), ContextError> {
        let directory = self.root.join(relative);
        let list = || fs::read_dir(&directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>();
        let mut names = list().map_err(ContextError::read(&directory))?;
        names.sort();
        for name in names {
            self.entry(relative.join(name))?;
        }
        Ok(())
    }

    fn entry(&mut self, relative: PathBuf) -> Result<(), ContextError> {
        let path = self.root.join(&relative);
        let metadata = fs::symlink_metadata(&path).map_err(ContextError::read(&path))?;
        let wanted = self.wants(&relative);
        if metadata.is_dir() {
            if wanted || self.ignore.has_exceptions() || self.dockerfile.starts_with(&relative) {
                let before = self.entries.len();
                self.entries.push(Entry::new(relative.clone(), Kind::Directory, &metadata));
                self.directory(&relative)?;
                // A directory that is ignored is sent only for what is put back beneath it.
                if !wanted && self.entries.len() == before + 1 {
                    self.entries.pop();
                }
            }
        } else if wanted && metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(ContextError::read(&path))?;
            self.entries.push(Entry::new(relative, Kind::Link { target }, &metadata));
        } else if wanted && metadata.is_file() {
            self.entries.push(Entry::new(relative, Kind::File { size: metadata.len() }, &metadata));
        }
        Ok(())
    }

    /// The engine needs the Dockerfile and reads `.dockerignore` itself, so both are sent whatever the rules say.
    fn wants(&self, relative: &Path) -> bool {
        relative == self.dockerfile
            || relative == Path::new(".dockerignore")
            || !self.ignore.excludes(&relative.to_string_lossy())
    }
}

/// The Dockerfile's path within the context, if it is a file there.
fn find_dockerfile(directory: &Path, dockerfile: &str) -> Result<PathBuf, ContextError> {
    let relative: PathBuf = Path::new(dockerfile).components().filter(|part| *part != Component::CurDir).collect();
    let is_beneath = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let found =
        directory.join(&relative).canonicalize().is_ok_and(|path| path.starts_with(directory) && path.is_file());
    if is_beneath && found {
        Ok(relative)
    } else {
        Err(ContextError::NoDockerfile { dockerfile: dockerfile.to_owned(), context: directory.to_owned() })
    }
}

/// `<dockerfile>.dockerignore` where it exists, otherwise `.dockerignore`, otherwise nothing is ignored.
fn read_ignore(directory: &Path, dockerfile: &Path) -> Result<Ignore, ContextError> {
    let mut own = directory.join(dockerfile).into_os_string();
    own.push(".dockerignore");
    for path in [PathBuf::from(own), directory.join(".dockerignore")] {
        match fs::read_to_string(&path) {
            Ok(text) => return Ignore::parse(&text).map_err(|source| ContextError::Ignore { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ContextError::read(&path)(error)),
        }
    }
    Ok(Ignore::default())
}
