//! How configuration and secrets get to a container, and where those are kept that do not lie in the container itself.
//!
//! A set of files is named by its content, so a release refers to exactly what it was rolled out with: another release
//! has another set beside it, and going back means going back to the set that is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::container::{ContainerSpec, FileDigest};
use crate::environment::Scope;
use crate::name::ServiceName;

/// How a configuration file or a secret gets to its container.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Copied into the container before its first start.
    #[default]
    Container,
    /// In a volume of the release, of which the container mounts the file's directory.
    Volume,
    /// In a directory of the host, beneath this one, of which the container mounts the file's directory.
    Host(String),
    /// In a place of its container's own, which holds several versions: the running container is switched from one to
    /// another, and told by a signal.
    Live(Live),
    /// Baked into an image that is built on the application's.
    Image,
    /// Kept in the host's memory and mounted: a secret.
    Memory,
    /// No file: the value of the container's variable of that name: a secret.
    Variable,
}

impl Delivery {
    /// Whether the container mounts the file's directory from a place that a release fills.
    pub fn is_mounted(&self) -> bool {
        matches!(self, Self::Volume | Self::Host(_) | Self::Live(_))
    }

    /// Whether the container can be switched to another content while it runs.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// For a container that ends by itself, and is not switched to other files.
    #[must_use]
    pub fn fixed(self) -> Self {
        match self {
            Self::Live(Live { folder: Some(folder), .. }) => Self::Host(folder),
            Self::Live(_) => Self::Volume,
            other => other,
        }
    }

    /// Whether it is the ordinary one, which digests do not mention.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How files are kept that a running container can be switched to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Live {
    /// The directory of the host that holds the place; `None` is a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// What the container's first process is sent, such as `SIGHUP`.
    pub signal: String,
}

/// The files of a container that it can be switched to while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveFiles {
    /// Where they are kept.
    pub places: Vec<Place>,
    /// What the container's first process is sent.
    pub signal: String,
}

impl LiveFiles {
    /// Those of a container, if it has any.
    pub fn of(spec: &ContainerSpec) -> Option<Self> {
        let signal = spec.files.iter().find_map(|file| match &file.deliver {
            Delivery::Live(live) => Some(live.signal.clone()),
            _ => None,
        })?;
        let sets = FileSet::of(spec).into_iter().filter(|set| set.version.is_some());
        Some(Self { places: sets.map(|set| set.place).collect(), signal })
    }
}

/// Where a set of files is kept on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A volume of the engine.
    Volume(String),
    /// A directory of the host.
    Directory {
        /// The directory that holds all sets of a project's environment.
        folder: String,
        /// The set's own directory in it.
        name: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(name) => write!(f, "volume {name}"),
            Self::Directory { folder, name } => write!(f, "directory {folder}/{name}"),
        }
    }
}

/// Files that a container mounts as one directory, read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    /// Where they are kept.
    pub place: Place,
    /// The directory in the container.
    pub target: String,
    /// The files, all of them beneath `target`.
    pub files: Vec<FileDigest>,
    /// Its name in a place that holds several; `None` where the place holds this one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl FileSet {
    /// The sets of a container, in the order of their directories.
    pub fn of(spec: &ContainerSpec) -> Vec<Self> {
        let is_kept = |file: &&FileDigest| file.deliver.is_mounted();
        let kept = spec.files.iter().filter(is_kept);
        let mut by_delivery = BTreeMap::<&Delivery, Vec<&FileDigest>>::new();
        for file in kept {
            by_delivery.entry(&file.deliver).or_default().push(file);
        }
        let mut sets = Vec::new();
        for (delivery, files) in by_delivery {
            for target in roots(files.iter().map(|file| file.target.path.as_str())) {
                let mut files: Vec<_> =
                    files.iter().filter(|file| is_beneath(&file.target.path, target)).copied().cloned().collect();
                files.sort();
                let (place, version) = match delivery {
                    Delivery::Live(live) => (live_place(spec, live, target), spec.version()),
                    _ => (place(&spec.scope, &spec.service, delivery, target, &files), None),
                };
                sets.push(Self { place, target: target.to_owned(), files, version });
            }
        }
        sets.sort_by(|a, b| a.target.cmp(&b.target));
        sets
    }

    /// The path of a file within the set, without a leading slash.
    pub fn inside<'f>(&self, path: &'f str) -> &'f str {
        path.strip_prefix(&*self.target).unwrap_or(path).trim_start_matches('/')
    }
}

/// The directory of a file; empty for one at the root.
pub fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Whether a path is in a directory, at any depth, or is the directory.
pub fn is_beneath(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The directories of these files without those that lie within another of them.
pub fn roots<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<&'p str> {
    let all: BTreeSet<_> = paths.map(directory).collect();
    all.iter().filter(|one| !all.iter().any(|other| other != *one && is_beneath(one, other))).copied().collect()
}

/// The place of one container: what else shares its name is the same container with other contents.
fn live_place(spec: &ContainerSpec, live: &Live, target: &str) -> Place {
    let digest = hex::encode(&Sha256::digest(format!("{}\0{target}", spec.base()))[..5]);
    let (scope, service) = (&spec.scope, &spec.service);
    match &live.folder {
        Some(folder) => Place::Directory {
            folder: format!("{}/{}", folder.trim_end_matches('/'), scope.prefix()),
            name: format!("{service}-live-{digest}"),
        },
        None => Place::Volume(format!("{}-{service}-live-{digest}", scope.prefix())),
    }
}

/// Scope, directory and files are in the name: nothing else ever has it.
fn place(scope: &Scope, service: &ServiceName, delivery: &Delivery, target: &str, files: &[FileDigest]) -> Place {
    let content = (scope.label(), target, files);
    let json = serde_json::to_vec(&content).unwrap_or_else(|error| unreachable!("files are plain data: {error}"));
    let digest = hex::encode(&Sha256::digest(json)[..5]);
    match delivery {
        Delivery::Host(base) => Place::Directory {
            folder: format!("{}/{}", base.trim_end_matches('/'), scope.prefix()),
            name: format!("{service}-{digest}"),
        },
        _ => Place::Volume(format!("{}-{service}-config-{digest}", scope.prefix())),
    }
}
