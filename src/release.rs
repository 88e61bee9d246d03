//! A release: what every host of an environment is to run. Immutable; identified by its content.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::container::{ContainerSpec, PinnedImage, SpecDigest};
use crate::delivery::Delivery;
use crate::environment::Environment;
use crate::fleet::key::{FingerprintKey, KeyId};
use crate::fleet::ledger::Placements;
use crate::name::{HostName, JobName, ServiceName};
use crate::template::rendered::RenderedFile;

/// Files of every container, by host and service.
pub type Files = BTreeMap<(HostName, ServiceName), Vec<RenderedFile>>;

/// What every host is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Images by service.
    pub images: BTreeMap<ServiceName, PinnedImage>,
    /// Containers by host and service.
    pub containers: BTreeMap<(HostName, ServiceName), ContainerSpec>,
    /// Digests of what it publishes, by store.
    pub published: BTreeMap<String, String>,
    /// The key of its secrets' fingerprints; `None` if it has no secrets.
    pub key: Option<KeyId>,
}

impl Release {
    /// Puts a release together. `images` must hold every service of the environment; `files` every
    /// (host, service) with files. Secrets are compared by fingerprints made with `key`, which must be there
    /// if there are secrets.
    pub fn assemble(
        environment: &Environment,
        images: BTreeMap<ServiceName, PinnedImage>,
        files: &Files,
        key: Option<&FingerprintKey>,
    ) -> Self {
        let mut containers = BTreeMap::new();
        for service in environment.services.values() {
            let Some(image) = images.get(&service.name) else { continue };
            for host in environment.placed(service) {
                let service = environment.on(&host.name, service);
                let place = (host.name.clone(), service.name.clone());
                // What is baked is in the image, and named by its digest.
                let apart = |file: &&RenderedFile| file.deliver != Delivery::Image;
                let stamps =
                    files.get(&place).map(|files| files.iter().filter(apart).map(|file| file.stamp(key)).collect());
                let spec = ContainerSpec {
                    scope: environment.scope(),
                    host: host.name.clone(),
                    service: service.name.clone(),
                    image: image.clone(),
                    runtime: service.runtime.clone(),
                    files: stamps.unwrap_or_default(),
                    health: service.health.clone(),
                    published: BTreeMap::new(),
                    job: None,
                };
                containers.insert(place, spec);
            }
        }
        Self { images, containers, published: BTreeMap::new(), key: key.map(FingerprintKey::id) }
    }

    /// The same release, with these images in the place of those that its files are baked into.
    #[must_use]
    pub fn baked(mut self, images: BTreeMap<(HostName, ServiceName), PinnedImage>) -> Self {
        for (key, image) in images {
            if let Some(spec) = self.containers.get_mut(&key) {
                spec.image = image;
            }
        }
        self
    }

    /// The same release, which publishes values with these digests. A service that reads them is another one when they
    /// change.
    #[must_use]
    pub fn publishing(mut self, environment: &Environment, digests: BTreeMap<String, String>) -> Self {
        for ((_, service), spec) in &mut self.containers {
            let is_read = |store: &String| environment.publish.get(store).is_some_and(|it| it.is_read_by(service));
            let read = digests.iter().filter(|(store, _)| is_read(store));
            spec.published = read.map(|(store, digest)| (store.clone(), digest.clone())).collect();
        }
        self.published = digests;
        self
    }

    /// Which spec each host is to run.
    pub fn placements(&self) -> Placements {
        let mut placements = Placements::new();
        for ((host, service), spec) in &self.containers {
            placements.entry(host.clone()).or_default().insert(service.clone(), spec.digest());
        }
        placements
    }
}

/// Whether a secret is among the files.
pub fn has_secrets(files: &Files) -> bool {
    files.values().flatten().any(RenderedFile::is_secret)
}

/// Digest of what every host runs, and of what runs once: equal for equal content, on every machine.
pub fn content_digest(placements: &Placements, jobs: &BTreeMap<JobName, SpecDigest>) -> String {
    let plain = |error: serde_json::Error| unreachable!("placements are plain data: {error}");
    let mut json = serde_json::to_vec(placements).unwrap_or_else(plain);
    if !jobs.is_empty() {
        json.extend(serde_json::to_vec(jobs).unwrap_or_else(plain));
    }
    hex::encode(&Sha256::digest(json)[..6])
}

/// Names a release: a number that rises, and a digest of the content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReleaseId {
    /// Given out once per environment, rising.
    pub number: u64,
    /// [`content_digest`].
    pub digest: String,
}

impl ReleaseId {
    /// Whether an operator's `12`, `r12`, `r12-3fa9c1` or `3fa9c1` means this release. Digits alone are a number, never the
    /// beginning of another release's digest.
    pub fn matches(&self, text: &str) -> bool {
        if let Ok(number) = text.strip_prefix('r').unwrap_or(text).parse::<u64>() {
            return number == self.number;
        }
        self.to_string() == text || (text.len() >= 4 && self.digest.starts_with(text))
    }
}

impl ReleaseId {
    /// Whether a text can name a release at all: see [`matches`](Self::matches).
    pub fn is_name(text: &str) -> bool {
        let is_hex = |text: &str| text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_full = |rest: &str| rest.split_once('-').is_some_and(|(number, hex)| is_number(number) && is_hex(hex));
        let numbered = text.strip_prefix('r').is_some_and(|rest| is_number(rest) || is_full(rest));
        numbered || is_number(text) || is_hex(text)
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}-{}", self.number, self.digest.get(..6).unwrap_or(&self.digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_name_a_release_is_known_without_a_list_of_them() {
        for name in ["12", "r12", "r12-3fa9c1", "3fa9c1", "deadbeef"] {
            assert!(ReleaseId::is_name(name), "{name}");
        }
        for name in ["", "r", "../x", "r12-", "r12-x", "3fa", "v12", "r-3fa9c1", "12 "] {
            assert!(!ReleaseId::is_name(name), "{name}");
        }
    }
}
