//! The labels we put on every container. They are the truth about what a host runs: any operator on any
//! machine reads the same from them, with no state of our own needed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerSpec, FileDigest, PinnedImage, SpecDigest};
use crate::delivery::{FileSet, Place};
use crate::environment::{Health, RestartPolicy, Scope};
use crate::name::{SecretName, ServiceName};

/// Label that every object of ours carries: [`Scope::label`].
pub const SCOPE_LABEL: &str = "shipctl.scope";
/// Label that holds the [`Stamp`] as JSON.
pub const STAMP_LABEL: &str = "shipctl.stamp";
/// Labels for people who look with `docker ps --format` or `docker inspect`.
pub const SERVICE_LABEL: &str = "shipctl.service";
/// Number of the release that created the container.
pub const RELEASE_LABEL: &str = "shipctl.release";

/// What a container of ours says about itself. Written once, at creation; labels cannot be changed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Version of this form; a newer one is reported, not half-read.
    pub format: u32,
    /// The service.
    pub service: ServiceName,
    /// Number of the release that created it.
    pub release: u64,
    /// Digest of its spec.
    pub spec: SpecDigest,
    /// The image it runs.
    pub image: PinnedImage,
    /// How it is gated when it is started again.
    pub health: Health,
    /// Policy it is given once it has proved itself.
    pub restart: RestartPolicy,
    /// From the stop signal to SIGKILL.
    #[serde(with = "crate::duration::text")]
    pub grace: Duration,
    /// Where the files are kept that it mounts; they stay as long as it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounted: Vec<Place>,
    /// Fingerprints of its secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, String>,
}

/// The current [`Stamp::format`].
pub const STAMP_FORMAT: u32 = 1;

impl Stamp {
    /// The stamp of a container that release number `release` creates from `spec`, whose digest is `digest`.
    pub fn of(spec: &ContainerSpec, digest: SpecDigest, release: u64) -> Self {
        let secret = |file: &FileDigest| Some((file.secret.clone()?, file.digest.clone()));
        Self {
            format: STAMP_FORMAT,
            service: spec.service.clone(),
            release,
            spec: digest,
            image: spec.image.clone(),
            health: spec.health.clone(),
            restart: spec.runtime.restart.clone(),
            grace: spec.runtime.stop_grace_period,
            mounted: FileSet::of(spec).into_iter().map(|set| set.place).collect(),
            secrets: spec.files.iter().filter_map(secret).collect(),
        }
    }

    /// The labels, beside the user's own.
    pub fn labels(&self, scope: &Scope) -> BTreeMap<String, String> {
        let json = serde_json::to_string(self).unwrap_or_else(|error| unreachable!("a stamp is plain data: {error}"));
        BTreeMap::from([
            (SCOPE_LABEL.to_owned(), scope.label()),
            (SERVICE_LABEL.to_owned(), self.service.to_string()),
            (RELEASE_LABEL.to_owned(), self.release.to_string()),
            (STAMP_LABEL.to_owned(), json),
        ])
    }

    /// Reads a stamp back; `None` for containers without one, or with one of another format.
    pub fn read(labels: &BTreeMap<String, String>) -> Option<Self> {
        let stamp: Self = serde_json::from_str(labels.get(STAMP_LABEL)?).ok()?;
        (stamp.format == STAMP_FORMAT).then_some(stamp)
    }
}
