//! What was done in containers, on hosts and in a registry by hand, from this checkout: who, when, where, what and why. Written before it is done.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::environment::Scope;
use crate::name::{HostName, ServiceName};
use crate::redact::Redactor;

use super::{directory, make_directory};

/// Version of [`Record`]'s form.
const FORMAT: u32 = 1;
/// The file beneath the environment's journals; its name is none of a rollout's.
const FILE: &str = "by-hand.log";

/// A line of the file: what is about to be done, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub format: u32,
    /// What begins and ends together.
    pub id: String,
    /// By the operator's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is about to be done.
    Begun(Deed),
    /// It is over: the exit code, or why there is none, for each place.
    Ended(Vec<Ending>),
}

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// `exec`, `run`, `cp` or `host exec`; `pull`, `prune`, `tag` or `registry rm`.
    pub verb: String,
    /// `user@machine`.
    pub by: String,
    /// Where.
    pub places: Vec<Place>,
    /// The words of the command, or the two ends of a copy.
    pub command: Vec<String>,
    /// Why, if they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A container that something is done in, or a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The host.
    pub host: HostName,
    /// Of which service; `None` for the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The container's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl Place {
    /// A host itself.
    pub fn host(host: &HostName) -> Self {
        Self { host: host.clone(), service: None, container: None }
    }
}

/// How it ended in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The host; `None` for a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// Of which service; `None` for the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The program's exit code, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What went wrong, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Ending {
    /// On a host: well, or why not.
    pub fn of_host(host: &HostName, error: Option<String>) -> Self {
        Self { host: Some(host.clone()), ..Self::in_registry(error) }
    }

    /// Where that was.
    pub fn place(&self) -> &str {
        self.host.as_ref().map_or("the registry", HostName::as_str)
    }

    /// In a registry: well, or why not.
    pub fn in_registry(error: Option<String>) -> Self {
        Self { host: None, service: None, code: error.is_none().then_some(0), error }
    }
}

/// Writes the record of one deed.
#[derive(Debug)]
pub struct Writer {
    file: File,
    redactor: Redactor,
    id: String,
}

impl Writer {
    /// Opens the file, which only the operator can read.
    pub fn open(root: &Path, scope: &Scope, id: String, redactor: Redactor) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        make_directory(root, scope)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path(root, scope))?;
        Ok(Self { file, redactor, id })
    }

    /// Adds a line without values of secrets. It is on disk when this returns.
    pub fn append(&mut self, at: Timestamp, what: What) -> std::io::Result<()> {
        let record = Record { format: FORMAT, id: self.id.clone(), at, what };
        let mut record = serde_json::to_value(record).map_err(std::io::Error::other)?;
        self.redactor.value(&mut record);
        let mut line = serde_json::to_vec(&record).map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()
    }
}

/// A deed and how it ended, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When it was begun.
    pub at: Timestamp,
    /// What was done.
    #[serde(flatten)]
    pub deed: Deed,
    /// How it ended; `None` if nobody wrote that down.
    pub endings: Option<Vec<Ending>>,
}

/// The last so many deeds, the latest first. Lines that cannot be read are passed over.
pub fn read(root: &Path, scope: &Scope, last: usize) -> std::io::Result<Vec<Entry>> {
    let text = match std::fs::read_to_string(path(root, scope)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let mut entries: Vec<(String, Entry)> = Vec::new();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    for Record { id, at, what, .. } in records.filter(|record| record.format == FORMAT) {
        match what {
            What::Begun(deed) => entries.push((id, Entry { at, deed, endings: None })),
            What::Ended(endings) => {
                if let Some((_, entry)) = entries.iter_mut().rev().find(|(other, _)| *other == id) {
                    entry.endings = Some(endings);
                }
            }
        }
    }
    Ok(entries.into_iter().rev().map(|(_, entry)| entry).take(last).collect())
}

fn path(root: &Path, scope: &Scope) -> PathBuf {
    directory(root, scope).join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Secret;

    #[test]
    fn what_was_done_is_read_back_without_secrets_and_for_the_operator_alone() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let scope = Scope { project: "shop".parse().unwrap(), environment: "prod".parse().unwrap() };
        let redactor = Redactor::default();
        redactor.learn([("db", &Secret::new("hunter2!".to_owned()))]);
        let at: Timestamp = "2026-05-07T21:09:36Z".parse().unwrap();
        let deed = |word: &str| Deed {
            verb: "exec".to_owned(),
            by: "ann@desk".to_owned(),
            places: Vec::new(),
            command: vec!["psql".to_owned(), word.to_owned()],
            reason: Some("ticket 7".to_owned()),
        };
        assert_eq!(read(root.path(), &scope, 9).unwrap(), []);
        let ending = Ending {
            host: Some("h1".parse().unwrap()),
            service: Some("web".parse().unwrap()),
            code: Some(3),
            error: None,
        };
        for (id, word) in [("a", "--password=hunter2!"), ("b", "-l")] {
            let mut writer = Writer::open(root.path(), &scope, id.to_owned(), redactor.clone()).unwrap();
            writer.append(at, What::Begun(deed(word))).unwrap();
            if id == "a" {
                writer.append(at, What::Ended(vec![ending.clone()])).unwrap();
            }
        }
        let found = read(root.path(), &scope, 9).unwrap();
        let expected = [
            Entry { at, deed: deed("-l"), endings: None },
            Entry { at, deed: deed("--password=[secret db]"), endings: Some(vec![ending]) },
        ];
        assert_eq!(found, expected);
        assert_eq!(read(root.path(), &scope, 1).unwrap(), expected[..1]);
        let mode = std::fs::metadata(path(root.path(), &scope)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
