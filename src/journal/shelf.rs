//! The journals of an environment in this checkout: which there are, and what is in one.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::{EVENT_FORMAT, Event, Record};
use crate::name::EnvironmentName;
use crate::release::ReleaseId;

/// What a journal holds.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its file.
    pub path: PathBuf,
    /// Its records, in order.
    pub records: Vec<Record>,
    /// Lines that could not be read. A last line that was cut off, as by a power cut, is not among them.
    pub unreadable: usize,
}

/// Why there is no journal to be read.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// There are none.
    #[error("no rollout of {0} was carried out from this checkout")]
    Empty(EnvironmentName),
    /// None of them is of what was asked for.
    #[error("no journal in this checkout is of {wanted}")]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// The last releases that there are journals of, the latest first.
        known: Vec<ReleaseId>,
    },
    /// One could not be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One was written by a version that this one knows nothing of.
    #[error("{} is in format {format}, and this shipctl reads up to {EVENT_FORMAT}", .path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

/// Releases that are named where the one that was asked for is not there.
const NAMED: usize = 5;

/// Where they are.
pub(super) fn directory(root: &Path, environment: &EnvironmentName) -> PathBuf {
    root.join(".shipctl").join(environment.as_str())
}

/// Whether there is one.
pub fn holds(root: &Path, environment: &EnvironmentName) -> bool {
    !files(root, environment).is_empty()
}

/// Their files, the latest first: names begin with the time.
pub(super) fn files(root: &Path, environment: &EnvironmentName) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory(root, environment)).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
    files.sort();
    files.reverse();
    files
}

/// The journal of a rollout: of the last one, or of the last one of a release (`12`, `r12`, its digest), or of the one with
/// this id.
pub fn find(root: &Path, environment: &EnvironmentName, wanted: Option<&str>) -> Result<Recorded, ShelfError> {
    let files = files(root, environment);
    let Some(wanted) = wanted else {
        return read(files.first().ok_or_else(|| ShelfError::Empty(environment.clone()))?);
    };
    let mut known = Vec::new();
    for path in &files {
        if path.file_stem().is_some_and(|stem| stem == wanted) {
            return read(path);
        }
        let Some(release) = release(path) else { continue };
        if release.matches(wanted) {
            return read(path);
        }
        if known.len() < NAMED && !known.contains(&release) {
            known.push(release);
        }
    }
    if files.is_empty() {
        return Err(ShelfError::Empty(environment.clone()));
    }
    Err(ShelfError::NotFound { wanted: wanted.to_owned(), known })
}

/// The journals of all rollouts of a release, the latest first. What cannot be read is passed over.
pub fn of_release(root: &Path, environment: &EnvironmentName, wanted: &str) -> Vec<Recorded> {
    let files = files(root, environment).into_iter();
    files
        .filter(|path| release(path).is_some_and(|it| it.matches(wanted)))
        .filter_map(|path| read(&path).ok())
        .collect()
}

/// Reads a journal.
pub fn read(path: &Path) -> Result<Recorded, ShelfError> {
    let text = std::fs::read(path).map_err(|source| ShelfError::Unreadable { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&text);
    let (mut records, mut unreadable) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        if let Ok(record) = serde_json::from_str::<Record>(line) {
            records.push(record);
            continue;
        }
        let format = serde_json::from_str::<serde_json::Value>(line).ok().and_then(|it| it["format"].as_u64());
        if let Some(format) = format.and_then(|it| u32::try_from(it).ok()).filter(|it| *it > EVENT_FORMAT) {
            return Err(ShelfError::Newer { path: path.to_owned(), format });
        }
        unreadable += usize::from(line.ends_with('\n'));
    }
    Ok(Recorded { path: path.to_owned(), records, unreadable })
}

/// The release that a journal's rollout was to bring.
fn release(path: &Path) -> Option<ReleaseId> {
    use std::io::BufRead;
    let mut first = String::new();
    io::BufReader::new(std::fs::File::open(path).ok()?).read_line(&mut first).ok()?;
    match serde_json::from_str::<Record>(&first).ok()?.event {
        Event::RolloutStarted { plan, .. } => Some(plan.release),
        _ => None,
    }
}
