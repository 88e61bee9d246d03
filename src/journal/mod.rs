//! The operator's own record of a run: one JSON line per event, written and synced before each effect.
//!
//! It is evidence and history, never the truth about a host: that is on the host (labels and ledger).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::environment::Scope;
use crate::event::{Event, Record};
use crate::fleet::ledger::Kind;
use crate::redact::Redactor;
use crate::release::ReleaseId;
use crate::rollout::report::Outcome;

pub mod hand;
pub mod shelf;
pub mod story;

/// Keeps records, as a door.
pub trait Journal: Send {
    /// Appends one; if `sync`, it is on disk when this returns.
    fn append(&mut self, record: &Record, sync: bool) -> std::io::Result<()>;
}

/// A journal in a file, `.shipctl/<environment>/<rollout>.jsonl` beneath the project.
#[derive(Debug)]
pub struct FileJournal {
    file: File,
    redactor: Redactor,
}

/// Where the journals of an environment are.
pub fn directory(root: &Path, scope: &Scope) -> PathBuf {
    shelf::directory(root, &scope.environment)
}

/// A rollout that brought its release into force, as its journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The release.
    pub release: ReleaseId,
    /// What was asked for.
    pub kind: Kind,
    /// `user@machine`.
    pub by: String,
    /// When it was done, by the operator's clock.
    pub at: Timestamp,
}

/// Those of the last so many rollouts from this checkout that were completed, the latest first. What cannot be read is passed
/// over: it is only for who looks for a name.
pub fn completed(root: &Path, scope: &Scope, last: usize) -> Vec<Completed> {
    let files = shelf::files(root, &scope.environment);
    files.iter().take(last).filter_map(|path| ending(&std::fs::read_to_string(path).ok()?)).collect()
}

fn ending(journal: &str) -> Option<Completed> {
    let record = |line: &str| serde_json::from_str::<Record>(line).ok();
    let Record { event: Event::RolloutStarted { by, plan, .. }, .. } = record(journal.lines().next()?)? else {
        return None;
    };
    let last = journal.lines().rev().filter_map(record).find(|record| matches!(record.event, Event::Finished(_)))?;
    let Event::Finished(report) = last.event else { return None };
    let is_in_force = report.outcome == Outcome::Completed && !plan.partial && plan.act.is_none();
    is_in_force.then_some(Completed { release: report.release, kind: plan.kind, by, at: last.at })
}

/// Makes it, for the operator only. It ignores itself in git.
pub fn make_directory(root: &Path, scope: &Scope) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let directory = directory(root, scope);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let ignore = root.join(".shipctl/.gitignore");
    if !ignore.exists() {
        std::fs::write(ignore, "*\n")?;
    }
    Ok(directory)
}

impl FileJournal {
    /// Creates the journal of a rollout; readable by the operator only, and without what `redactor` knows.
    pub fn create(root: &Path, scope: &Scope, rollout: &str, redactor: Redactor) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let directory = make_directory(root, scope)?;
        let path = directory.join(format!("{rollout}.jsonl"));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        // The file's name must survive a power cut too, not only its lines.
        File::open(&directory)?.sync_all()?;
        Ok(Self { file, redactor })
    }
}

impl Journal for FileJournal {
    fn append(&mut self, record: &Record, sync: bool) -> std::io::Result<()> {
        let mut record = serde_json::to_value(record).map_err(std::io::Error::other)?;
        self.redactor.value(&mut record);
        let mut line = serde_json::to_vec(&record).map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        if sync { self.file.sync_data() } else { Ok(()) }
    }
}
