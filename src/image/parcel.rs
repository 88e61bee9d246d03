//! What is pushed of an image: blobs, each known by its digest before the first byte is sent, and the manifest over them. An
//! image gives the same parcel each time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use futures_util::{StreamExt, TryStreamExt, stream};
use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor,
    OciImageManifest,
};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use crate::engine::thin::{Layer, Saved};

/// The media type of a manifest.
pub const MANIFEST: &str = OCI_IMAGE_MEDIA_TYPE;
/// Layers that are packed at a time.
const AT_ONCE: usize = 2;
/// Bytes that are read at once.
const CHUNK: u64 = 256 << 10;

/// Something that a registry keeps.
#[derive(Debug)]
pub struct Blob {
    /// Of its bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    media_type: &'static str,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Bytes(Bytes),
    /// A layer that is packed as it was saved.
    Saved(Arc<Saved>, u64),
    /// A file of its own.
    File(File),
}

impl Blob {
    /// Reads so many bytes. It is not to be called where nothing may block.
    pub fn read_at(&self, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        match &self.source {
            Source::Bytes(bytes) => {
                let from = usize::try_from(offset).map_err(io::Error::other)?;
                let part = bytes.get(from..from + size).ok_or(io::ErrorKind::UnexpectedEof)?;
                Ok(part.to_vec())
            }
            Source::Saved(saved, begin) => saved.read_at(begin + offset, size),
            Source::File(file) => {
                let mut bytes = vec![0; size];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes)
            }
        }
    }

    fn descriptor(&self) -> OciDescriptor {
        OciDescriptor {
            media_type: self.media_type.to_owned(),
            digest: self.digest.to_string(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        }
    }
}

/// An image, ready to be pushed.
#[derive(Debug)]
pub struct Parcel {
    /// Its layers, each once, and its configuration.
    pub blobs: Vec<Arc<Blob>>,
    /// Its manifest.
    pub manifest: Bytes,
    /// Of the manifest.
    pub digest: Digest,
}

impl Parcel {
    /// Packs the layers that are not, each into a file that `spool` makes; none of them is ever whole in memory.
    ///
    /// All of them, before a registry is asked what it lacks: a registry knows a layer by its packed bytes, whose digest and size
    /// the manifest names as well, and only packing gives them. What an engine keeps packed is not packed again.
    pub async fn pack(
        saved: &Arc<Saved>,
        spool: impl Fn() -> io::Result<File> + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let mut once: Vec<Layer> = Vec::new();
        for layer in &saved.layers {
            if !once.iter().any(|other| other.digest == layer.digest) {
                once.push(layer.clone());
            }
        }
        let packed = stream::iter(once.iter().cloned()).map(|layer| {
            let (saved, spool) = (Arc::clone(saved), spool.clone());
            async move {
                let packed = tokio::task::spawn_blocking(move || pack(saved, &layer, spool)).await;
                packed.map_err(io::Error::other)?.map(Arc::new)
            }
        });
        let mut blobs: Vec<Arc<Blob>> = packed.buffered(AT_ONCE).try_collect().await?;
        let config = Bytes::copy_from_slice(&saved.config);
        let config = Blob {
            digest: Digest::of(&config),
            size: config.len() as u64,
            media_type: IMAGE_CONFIG_MEDIA_TYPE,
            source: Source::Bytes(config),
        };
        let place = |layer: &Layer| once.iter().position(|other| other.digest == layer.digest).unwrap_or_default();
        let layers: Vec<_> = saved.layers.iter().map(|layer| blobs[place(layer)].descriptor()).collect();
        let manifest = OciImageManifest {
            media_type: Some(MANIFEST.to_owned()),
            config: config.descriptor(),
            layers,
            ..OciImageManifest::default()
        };
        let manifest = Bytes::from(serde_json::to_vec(&manifest).map_err(io::Error::other)?);
        blobs.push(Arc::new(config));
        Ok(Self { digest: Digest::of(&manifest), blobs, manifest })
    }
}

/// A layer as it is pushed: what is packed stays as it is, so that whoever has it knows it again.
fn pack(saved: Arc<Saved>, layer: &Layer, spool: impl Fn() -> io::Result<File>) -> io::Result<Blob> {
    if layer.media_type != IMAGE_LAYER_MEDIA_TYPE {
        let digest = layer.digest.parse().map_err(io::Error::other)?;
        let source = Source::Saved(saved, layer.offset);
        return Ok(Blob { digest, size: layer.size, media_type: layer.media_type, source });
    }
    // No name and no time in its head: the same layer is the same blob, as far as the packer gives the same on any processor.
    let out = Hashed { to: BufWriter::new(spool()?), hash: Sha256::new(), size: 0 };
    let mut packer = GzBuilder::new().mtime(0).write(out, Compression::default());
    let (mut at, mut hash) = (0, Sha256::new());
    while at < layer.size {
        let size = (layer.size - at).min(CHUNK);
        let bytes = saved.read_at(layer.offset + at, usize::try_from(size).map_err(io::Error::other)?)?;
        hash.update(&bytes);
        packer.write_all(&bytes)?;
        at += size;
    }
    let content = Digest::from_hash(&hash.finalize());
    if content.as_str() != layer.diff_id {
        return Err(io::Error::other(format!("the builder gives {content} as its layer {}", layer.diff_id)));
    }
    let Hashed { to, hash, size } = packer.finish()?;
    let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
    let digest = Digest::from_hash(&hash.finalize());
    Ok(Blob { digest, size, media_type: IMAGE_LAYER_GZIP_MEDIA_TYPE, source: Source::File(file) })
}

/// Counts and hashes what is written.
struct Hashed<W> {
    to: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
