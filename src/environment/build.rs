//! How an image is built.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::name::SecretName;

/// `build:` of a service. What it serialises to is all that an image is made from beside the files of its context; values
/// of secrets are no part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Build {
    /// Directory that is sent to the engine, beneath the project root.
    pub context: PathBuf,
    /// Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Stage to build; `None` is the last one.
    pub target: Option<String>,
    /// `os/architecture[/variant]`; `None` is the service's, or the builder's own.
    pub platform: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Secrets that `RUN --mount=type=secret` may read, by the id that it names.
    pub secrets: BTreeMap<String, SecretName>,
    /// SSH agents that `RUN --mount=type=ssh` may ask, by id: their sockets, or the operator's own where none is said.
    pub ssh: BTreeMap<String, Option<PathBuf>>,
    /// Images whose layers may be taken for those of steps that have not changed.
    pub cache_from: Vec<String>,
    /// The network of `RUN`: `none`, `host`, or the engine's own where none is said.
    pub network: Option<String>,
    /// Further names of hosts, as `name:address`.
    pub extra_hosts: Vec<String>,
    /// Bytes of `/dev/shm`.
    pub shm_size: Option<u64>,
    /// Do every step anew.
    pub no_cache: bool,
    /// Look for newer base images.
    pub pull: bool,
}

impl Build {
    /// A build of this directory by its `Dockerfile`, with nothing else said.
    pub fn of(context: PathBuf) -> Self {
        Self { context, dockerfile: "Dockerfile".to_owned(), ..Self::default() }
    }

    /// Whether it may come to another image although nothing of it has changed.
    pub fn looks_elsewhere(&self) -> bool {
        self.no_cache || self.pull
    }

    /// Whether only BuildKit can do it; the name of what is asked for.
    pub fn needs_buildkit(&self) -> Option<&'static str> {
        match self {
            _ if !self.secrets.is_empty() => Some("secrets"),
            _ if !self.ssh.is_empty() => Some("ssh"),
            _ => None,
        }
    }
}
