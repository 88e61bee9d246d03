//! What may pass for an image manifest. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::image::digest::Digest;

/// Media types of single images and of indexes over several platforms, which a digest may stand for.
pub(super) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// The most bytes a manifest may have; registries have the same limit.
const MAX_BYTES: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: Option<u32>,
    media_type: Option<String>,
    manifests: Option<Vec<Entry>>,
    layers: Option<Vec<Entry>>,
    config: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: Option<String>,
    urls: Option<Vec<String>>,
}

impl Entry {
    fn digest(&self) -> Option<Digest> {
        self.digest.as_ref()?.parse().ok()
    }
}

/// Whether these bytes are one image or one index, and not both (CVE-2021-41190), and all of it is in the registry
/// (CVE-2020-15157). The error says what they are instead.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("a manifest of {} bytes", bytes.len()));
    }
    let shape: Shape = serde_json::from_slice(bytes).map_err(|_| "the manifest is not a JSON object".to_owned())?;
    if shape.schema_version != Some(2) {
        return Err("a manifest of another schema version than 2".to_owned());
    }
    if let Some(other) = shape.media_type.as_deref().filter(|media_type| !MEDIA_TYPES.contains(media_type)) {
        return Err(format!("not an image but {:?}", crate::image::printable::printable(other)));
    }
    let layers = shape.layers.iter().flatten().chain(&shape.config);
    if layers.flat_map(|entry| &entry.urls).any(|urls| !urls.is_empty()) {
        return Err("a manifest whose layers are to be fetched elsewhere".to_owned());
    }
    match (shape.manifests, shape.layers, shape.config) {
        (Some(_), None, None) | (None, Some(_), Some(_)) => Ok(()),
        _ => Err("a manifest that is neither one image nor one index".to_owned()),
    }
}

/// The media type that a manifest is stored under: what it says of itself, or what its form is.
pub(super) fn media_type(bytes: &[u8]) -> Option<String> {
    let shape: Shape = serde_json::from_slice(bytes).ok()?;
    let own = if shape.manifests.is_some() { MEDIA_TYPES[0] } else { MEDIA_TYPES[1] };
    Some(shape.media_type.unwrap_or_else(|| own.to_owned()))
}

/// Whether a manifest may be stored under this media type.
pub(super) fn is_called(bytes: &[u8], name: &str) -> bool {
    let Ok(shape) = serde_json::from_slice::<Shape>(bytes) else { return false };
    let is_index = |name: &str| name == MEDIA_TYPES[0] || name == MEDIA_TYPES[2];
    let fits = MEDIA_TYPES.contains(&name) && is_index(name) == shape.manifests.is_some();
    fits && shape.media_type.is_none_or(|own| own == name)
}

/// The first image of an index; `None` if it is none.
pub(super) fn first(bytes: &[u8]) -> Option<Digest> {
    let shape: Shape = serde_json::from_slice(bytes).ok()?;
    shape.manifests?.first()?.digest()
}

/// The configuration of one image; `None` of an index.
pub(super) fn config(bytes: &[u8]) -> Option<Digest> {
    let shape: Shape = serde_json::from_slice(bytes).ok()?;
    shape.config?.digest()
}

#[derive(Deserialize)]
struct Image {
    config: Option<Settings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    labels: Option<BTreeMap<String, String>>,
}

/// The labels in an image's configuration. The error says why it is none.
pub(super) fn labels(config: &str) -> Result<BTreeMap<String, String>, String> {
    let image: Image =
        serde_json::from_str(config).map_err(|_| "the configuration of an image is not one".to_owned())?;
    Ok(image.config.and_then(|config| config.labels).unwrap_or_default())
}
