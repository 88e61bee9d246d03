//! What a container of ours is: everything that makes it run one release of one service on one host.
//! Two containers with equal specs are interchangeable; that is what "unchanged" means in a plan.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::delivery::Delivery;
use crate::environment::{FileTarget, Health, Runtime, Scope};
use crate::name::{HostName, SecretName, ServiceName};

/// A container, complete: the engine is told nothing that is not in here (or in the contents of `files`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Project and environment.
    pub scope: Scope,
    /// The host it is made for: rendered files and labels may differ from host to host.
    pub host: HostName,
    /// The service it runs.
    pub service: ServiceName,
    /// The image, by content.
    pub image: PinnedImage,
    /// The container's configuration.
    pub runtime: Runtime,
    /// What it is given before the first start: files, but for those in its image, and variables that hold secrets;
    /// contents by digest only.
    pub files: Vec<FileDigest>,
    /// How it proves itself healthy.
    pub health: Health,
    /// Digests of what it reads from stores.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, String>,
}

/// A file of a container, or a variable that holds a secret, by digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileDigest {
    /// Path, owner, mode.
    pub target: FileTarget,
    /// SHA-256 of the contents for configs; the fingerprint for secrets.
    pub digest: String,
    /// Which secret it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
    /// How it gets there.
    #[serde(default, skip_serializing_if = "Delivery::is_default")]
    pub deliver: Delivery,
}

impl ContainerSpec {
    /// Identifies the spec: equal digests mean interchangeable containers. The digest is of the
    /// canonical JSON form (struct order, sorted maps), so it is the same on every machine.
    pub fn digest(&self) -> SpecDigest {
        let json = serde_json::to_vec(self).unwrap_or_else(|error| unreachable!("a spec is plain data: {error}"));
        SpecDigest(hex::encode(Sha256::digest(json)))
    }

    /// Name on the host once the container has proved itself: one per spec (whose digest is given, as it takes a while
    /// to make), so that a repeated create collides instead of making a twin.
    pub fn name(&self, digest: &SpecDigest) -> ContainerName {
        ContainerName(format!("{}-{}-{}", self.scope.prefix(), self.service, digest.short()))
    }
}

/// SHA-256 of a [`ContainerSpec`], in hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecDigest(pub String);

impl SpecDigest {
    /// The first ten characters, for names and for people.
    pub fn short(&self) -> &str {
        &self.0[..self.0.len().min(10)]
    }
}

/// A container's final name. Until it has proved itself healthy a container carries [`ContainerName::unproven`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerName(pub String);

/// Ends the name of a container that has not passed its gate yet.
pub const UNPROVEN_SUFFIX: &str = "-unproven";

impl ContainerName {
    /// The name before the gate is passed.
    pub fn unproven(&self) -> String {
        format!("{}{UNPROVEN_SUFFIX}", self.0)
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The engine's id of a container. Ids are never reused, so a late or repeated call by id cannot hit another container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(pub String);

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0[..self.0.len().min(12)])
    }
}

/// An image by content; a tag never gets further than the resolution of the release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinnedImage {
    /// In a registry: hosts pull `repository@digest`.
    Registry {
        /// `host[:port]/path`, without a tag.
        repository: String,
        /// `sha256:…` of the manifest.
        digest: String,
        /// The tag it was resolved from, for people.
        tag: String,
        /// `os/architecture[/variant]`, where the manifest does not leave it to the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
    },
    /// Only on the engine that built it, by image id (`sha256:…`).
    Local {
        /// Image id.
        id: String,
        /// The name it was built under, for people.
        tag: String,
    },
}

impl PinnedImage {
    /// What the engine is asked for.
    pub fn reference(&self) -> String {
        match self {
            Self::Registry { repository, digest, .. } => format!("{repository}@{digest}"),
            Self::Local { id, .. } => id.clone(),
        }
    }

    /// The platform that is asked for; `None` is the host's own.
    pub fn platform(&self) -> Option<&str> {
        match self {
            Self::Registry { platform, .. } => platform.as_deref(),
            Self::Local { .. } => None,
        }
    }

    /// The digest or id alone.
    pub fn digest(&self) -> &str {
        match self {
            Self::Registry { digest, .. } => digest,
            Self::Local { id, .. } => id,
        }
    }
}

impl fmt::Display for PinnedImage {
    /// `shop/web:1.4 (3fa9c1d2e4b5)`: the name people know and the digest that is deployed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Registry { tag, .. } | Self::Local { tag, .. }) = self;
        let digest = self.digest();
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        write!(f, "{tag} ({})", &hex[..hex.len().min(12)])
    }
}
