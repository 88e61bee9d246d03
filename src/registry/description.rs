//! What a registry says of an image. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::digest::Digest;
use crate::image::printable::printable;

/// An image or an index as it is in its registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Of its manifest.
    pub digest: Digest,
    /// What it is.
    pub content: Content,
}

/// What stands behind a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Images for several platforms.
    Index(Vec<Part>),
    /// One image.
    Image(Box<Image>),
}

/// An image of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Of its manifest.
    pub digest: String,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// When it was built, as it says itself.
    pub created: Option<String>,
    /// Digests and sizes in bytes, compressed, in the order in which they lie on each other.
    pub layers: Vec<Layer>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whom it runs as; empty is root.
    pub user: String,
    /// Entrypoint and command.
    pub command: Vec<String>,
    /// Ports that it says to listen at.
    pub ports: Vec<String>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Its digest.
    pub digest: String,
    /// Its size as it is sent, in bytes.
    pub size: u64,
    /// The digest of what is in it; empty where the image does not say it.
    #[serde(skip)]
    pub diff_id: String,
}

impl Image {
    /// Bytes that a host without any of it has to fetch.
    pub fn size(&self) -> u64 {
        self.layers.iter().fold(0, |size, layer| size.saturating_add(layer.size))
    }
}

#[derive(Deserialize)]
struct Manifest {
    manifests: Option<Vec<Entry>>,
    #[serde(default)]
    layers: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<Platform>,
}

#[derive(Default, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

#[derive(Deserialize)]
struct Configuration {
    created: Option<String>,
    #[serde(flatten)]
    platform: Platform,
    #[serde(default)]
    config: Option<Settings>,
    #[serde(default)]
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    labels: Option<BTreeMap<String, String>>,
}

impl Platform {
    fn text(&self) -> String {
        let parts = [&self.os, &self.architecture, &self.variant];
        printable(&parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/"))
    }
}

/// What an index holds; `None` if it is none.
pub(super) fn index(manifest: &[u8], digest: &Digest) -> Option<Description> {
    let manifest: Manifest = serde_json::from_slice(manifest).ok()?;
    let part =
        |entry: Entry| Part { platform: entry.platform.unwrap_or_default().text(), digest: printable(&entry.digest) };
    let parts = manifest.manifests?.into_iter().map(part).collect();
    Some(Description { digest: digest.clone(), content: Content::Index(parts) })
}

/// What an image is, by its manifest and its configuration. The error says why it is none.
pub(super) fn image(manifest: &[u8], config: &str, digest: &Digest) -> Result<Description, String> {
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|_| "the manifest of an image is not one".to_owned())?;
    let config: Configuration =
        serde_json::from_str(config).map_err(|_| "the configuration of an image is not one".to_owned())?;
    let clean = |words: Vec<String>| words.iter().map(|word| printable(word)).collect::<Vec<_>>();
    let settings = config.config.unwrap_or_default();
    let command = [settings.entrypoint, settings.cmd].into_iter().flatten().flatten().collect();
    let ports = settings.exposed_ports.unwrap_or_default().into_keys().collect();
    let labels = settings.labels.unwrap_or_default();
    let mut diffs = config.rootfs.diff_ids.iter().map(|diff_id| printable(diff_id));
    let mut layer = |entry: &Entry| Layer {
        digest: printable(&entry.digest),
        size: entry.size,
        diff_id: diffs.next().unwrap_or_default(),
    };
    let image = Image {
        platform: config.platform.text(),
        created: config.created.as_deref().map(printable),
        layers: manifest.layers.iter().map(&mut layer).collect(),
        labels: labels.iter().map(|(name, value)| (printable(name), printable(value))).collect(),
        user: printable(&settings.user.unwrap_or_default()),
        command: clean(command),
        ports: clean(ports),
    };
    Ok(Description { digest: digest.clone(), content: Content::Image(Box::new(image)) })
}
