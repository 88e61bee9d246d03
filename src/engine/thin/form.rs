//! What is sent: the archive that a store loads, without the layers that it has.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Saved;
use crate::fleet::layers::Store;

/// A part of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes of the saved archive.
    Saved {
        /// Where they begin.
        offset: u64,
        /// How many.
        size: u64,
    },
}

const BLOCK: u64 = 512;

/// The archive that makes `image` present under `name`, without the layers that are `held`.
pub fn thin(image: &Saved, name: &str, store: Store, held: &[bool]) -> Vec<Piece> {
    let mut archive = Thin::default();
    match store {
        Store::Graph => docker_archive(&mut archive, image, name, held),
        Store::Containerd => oci_layout(&mut archive, image, name, held),
    }
    archive.pad(2 * BLOCK);
    archive.pieces
}

fn docker_archive(archive: &mut Thin, image: &Saved, name: &str, held: &[bool]) {
    let path = |diff_id: &str| format!("{}/layer.tar", hex_of(diff_id));
    let config = format!("{}.json", hex::encode(Sha256::digest(&image.config)));
    let layers: Vec<_> = image.layers.iter().map(|layer| path(&layer.diff_id)).collect();
    archive.json("manifest.json", &json!([{ "Config": config, "RepoTags": [name], "Layers": layers }]));
    archive.file(&config, &image.config);
    archive.layers(image, held, |layer| path(&layer.diff_id));
}

fn oci_layout(archive: &mut Thin, image: &Saved, name: &str, held: &[bool]) {
    let layers = image
        .layers
        .iter()
        .map(|layer| json!({ "mediaType": layer.media_type, "digest": layer.digest, "size": layer.size }));
    let layers: Vec<_> = layers.collect();
    let config = digest_of(&image.config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": image.config.len(),
        },
        "layers": layers,
    });
    let manifest = bytes_of(&manifest);
    let digest = digest_of(&manifest);
    let tag = name.rsplit_once(':').map_or(name, |(_, tag)| tag);
    archive.json("oci-layout", &json!({ "imageLayoutVersion": "1.0.0" }));
    let entry = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.len(),
        "annotations": {
            "io.containerd.image.name": format!("docker.io/{name}"), "org.opencontainers.image.ref.name": tag,
        },
    });
    archive.json("index.json", &json!({ "schemaVersion": 2, "manifests": [entry] }));
    archive.file(&blob(&digest), &manifest);
    archive.file(&blob(&config), &image.config);
    archive.layers(image, held, |layer| blob(&layer.digest));
}

fn blob(digest: &str) -> String {
    format!("blobs/sha256/{}", hex_of(digest))
}

fn hex_of(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn bytes_of(json: &Value) -> Vec<u8> {
    json.to_string().into_bytes()
}

/// An archive that is being put together.
#[derive(Default)]
struct Thin {
    pieces: Vec<Piece>,
}

impl Thin {
    fn json(&mut self, name: &str, json: &Value) {
        self.file(name, &bytes_of(json));
    }

    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.header(name, bytes.len() as u64);
        let size = bytes.len() as u64;
        self.bytes(bytes);
        self.pad(size.next_multiple_of(BLOCK) - size);
    }

    /// Each missing layer once, also if it occurs twice.
    fn layers(&mut self, image: &Saved, held: &[bool], path: impl Fn(&super::Layer) -> String) {
        let mut written = Vec::new();
        for (layer, held) in image.layers.iter().zip(held) {
            let path = path(layer);
            if *held || written.contains(&path) {
                continue;
            }
            self.header(&path, layer.size);
            self.pieces.push(Piece::Saved { offset: layer.offset, size: layer.size });
            self.pad(layer.size.next_multiple_of(BLOCK) - layer.size);
            written.push(path);
        }
    }

    fn header(&mut self, name: &str, size: u64) {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_path(name).unwrap_or_else(|error| unreachable!("{name} is short: {error}"));
        header.set_cksum();
        self.bytes(header.as_bytes());
    }

    fn pad(&mut self, bytes: u64) {
        if bytes > 0 {
            self.bytes(&vec![0; usize::try_from(bytes).unwrap_or_default()]);
        }
    }

    /// What is between two layers is one piece.
    fn bytes(&mut self, more: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Bytes(bytes)) => bytes.extend_from_slice(more),
            _ => self.pieces.push(Piece::Bytes(more.to_vec())),
        }
    }
}
