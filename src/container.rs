//! What a container of ours is: everything that makes it run one release of one service on one host.
//! Two containers with equal specs are interchangeable; that is what "unchanged" means in a plan.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::delivery::Delivery;
use crate::environment::{FileTarget, Health, Runtime, Scope};
use crate::name::{HostName, JobName, SecretName, ServiceName};

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
    /// Which job it is, if it does not run the service but something once for a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobName>,
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
        let base = self.base();
        SpecDigest(self.version().map(|version| format!("{base}.{version}")).unwrap_or(base))
    }

    /// The part of the digest that a container keeps for life: without the contents of files that it can be switched to.
    pub fn base(&self) -> String {
        if !self.files.iter().any(|file| file.deliver.is_live()) {
            return digest_of(self);
        }
        let mut bare = self.clone();
        bare.files.iter_mut().filter(|file| file.deliver.is_live()).for_each(|file| file.digest.clear());
        digest_of(&bare)
    }

    /// Names the contents of the files that the container can be switched to; `None` if it has none.
    pub fn version(&self) -> Option<String> {
        let live: Vec<_> = self.files.iter().filter(|file| file.deliver.is_live()).collect();
        (!live.is_empty()).then(|| digest_of(&live)[..SHORT].to_owned())
    }

    /// Name on the host once the container has proved itself: one per spec (whose digest is given, as it takes a while
    /// to make), so that a repeated create collides instead of making a twin.
    pub fn name(&self, digest: &SpecDigest) -> ContainerName {
        ContainerName(format!("{}-{}-{}", self.scope.prefix(), self.service, digest.short()))
    }
}

fn digest_of(what: &impl Serialize) -> String {
    let json = serde_json::to_vec(what).unwrap_or_else(|error| unreachable!("a spec is plain data: {error}"));
    hex::encode(Sha256::digest(json))
}

/// Characters of a digest that names and people get to see.
const SHORT: usize = 10;

/// SHA-256 of a [`ContainerSpec`], in hex; a dot and the version of its live files behind it, if it has any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecDigest(pub String);

impl SpecDigest {
    /// The first ten characters of each part, for names and for people.
    pub fn short(&self) -> String {
        let base = self.base();
        let base = &base[..base.len().min(SHORT)];
        self.version().map_or_else(|| base.to_owned(), |version| format!("{base}-{version}"))
    }

    /// What a container of this spec keeps for life.
    pub fn base(&self) -> &str {
        self.0.split_once('.').map_or(&*self.0, |(base, _)| base)
    }

    /// What a container of this spec can be switched to and from.
    pub fn version(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, version)| version)
    }

    /// Whether one container can be both, one after the other.
    pub fn same_container(&self, other: &Self) -> bool {
        self.base() == other.base() && self.version().is_some() == other.version().is_some()
    }

    /// The digest that a container of this one has by its [`final_name`]: the version that it has proved itself with is
    /// written there, because labels cannot be changed. `None` if it is not a name of such a container.
    pub fn named(&self, name: &str) -> Option<Self> {
        if self.version().is_none() {
            return Some(self.clone());
        }
        let (front, version) = name.rsplit_once('-')?;
        let base = &self.base()[..self.base().len().min(SHORT)];
        let is_version = version.len() == SHORT && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_version && front.ends_with(base)).then(|| Self(format!("{}.{version}", self.base())))
    }
}

/// A container's final name. Until it has proved itself healthy a container carries [`ContainerName::unproven`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerName(pub String);

/// The final name that a container of this final name has once it has proved itself with other live files.
pub fn renamed(name: &str, version: &str) -> String {
    format!("{}-{version}", name.rsplit_once('-').map_or(name, |(front, _)| front))
}

/// A container's final name, whether it has proved itself or not.
pub fn final_name(name: &str) -> &str {
    name.strip_suffix(UNPROVEN_SUFFIX).or_else(|| name.strip_suffix(SWITCHING_SUFFIX)).unwrap_or(name)
}

/// Ends the name of a container that has proved itself with the live files that its name says, while it is switched to
/// others: it is what its name says again once it is switched back.
pub const SWITCHING_SUFFIX: &str = "-switching";

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

/// Begins the repositories that images are kept in which no registry gave.
pub const OWN_REPOSITORIES: &str = "shipctl/";

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
    /// Sent by the builder to each host, and named there by what it consists of: ids differ from one engine's store to
    /// another's.
    Direct {
        /// The repository of shipctl's own that it is kept in on every engine.
        repository: String,
        /// `sha256:…` of layers and configuration; the tag there is its hexadecimal part.
        content: String,
        /// The name it was built or found under, for people.
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
            Self::Direct { repository, .. } => format!("{repository}:{}", self.hex()),
            Self::Local { id, .. } => id.clone(),
        }
    }

    /// The name that an image of a registry has on hosts that got it from another host: an engine knows a digest only of what
    /// it has pulled itself.
    pub fn passed_on(&self) -> Option<String> {
        match self {
            Self::Registry { repository, .. } => {
                let path = repository.split_once('/').map_or(repository.as_str(), |(_, path)| path);
                Some(format!("{OWN_REPOSITORIES}{path}:sha256-{}", self.hex()))
            }
            Self::Direct { .. } | Self::Local { .. } => None,
        }
    }

    /// The platform that is asked for; `None` is the host's own.
    pub fn platform(&self) -> Option<&str> {
        match self {
            Self::Registry { platform, .. } | Self::Direct { platform, .. } => platform.as_deref(),
            Self::Local { .. } => None,
        }
    }

    /// The name people know it by.
    pub fn tag(&self) -> &str {
        match self {
            Self::Registry { tag, .. } | Self::Direct { tag, .. } | Self::Local { tag, .. } => tag,
        }
    }

    /// Whether the builder sends it to hosts.
    pub fn is_sent(&self) -> bool {
        matches!(self, Self::Direct { .. })
    }

    /// The digest or id alone.
    pub fn digest(&self) -> &str {
        match self {
            Self::Registry { digest, .. } => digest,
            Self::Direct { content, .. } => content,
            Self::Local { id, .. } => id,
        }
    }

    /// What people get to see of a digest: its first twelve hexadecimal digits.
    pub fn short(digest: &str) -> &str {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        &hex[..hex.len().min(12)]
    }

    fn hex(&self) -> &str {
        let digest = self.digest();
        digest.strip_prefix("sha256:").unwrap_or(digest)
    }
}

impl fmt::Display for PinnedImage {
    /// `shop/web:1.4 (3fa9c1d2e4b5)`: the name people know and the digest that is deployed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.tag(), Self::short(self.digest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_container_says_which_live_files_it_has() {
        let (base, spec) = ("a".repeat(64), |version: &str| SpecDigest(format!("{}.{version}", "a".repeat(64))));
        let (created, switched) = (spec("0123456789"), spec("fedcba9876"));
        assert_eq!(created.short(), "aaaaaaaaaa-0123456789");
        assert!(created.same_container(&switched) && !created.same_container(&SpecDigest(base.clone())));
        let name = "shop-prod-web-aaaaaaaaaa-0123456789";
        assert_eq!(final_name(&format!("{name}-unproven")), final_name(&format!("{name}-switching")));
        assert_eq!(renamed(name, "fedcba9876"), "shop-prod-web-aaaaaaaaaa-fedcba9876");
        assert_eq!(created.named("shop-prod-web-aaaaaaaaaa-fedcba9876"), Some(switched));
        for strange in ["renamed", "shop-prod-web-aaaaaaaaaa", "shop-prod-web-bbbbbbbbbb-fedcba9876", "a-b-"] {
            assert_eq!(created.named(strange), None, "{strange}");
        }
        assert_eq!(SpecDigest(base.clone()).named("renamed"), Some(SpecDigest(base)), "labels tell it all");
    }
}
