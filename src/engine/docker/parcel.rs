//! An image of the builder as hosts get it: saved once, and each layer packed once, when the first host lacks it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::depot::spool;
use crate::engine::EngineError;
use crate::engine::thin::{Packed, Packing, Piece, Saved, packed};

/// Bytes that are read and sent at once.
const CHUNK: u64 = 256 << 10;
/// Layers of an image that are packed at the same time.
const AT_ONCE: usize = 4;

/// A saved image, and what of it is packed.
pub(super) struct Stored {
    /// What was saved.
    pub(super) saved: Arc<Saved>,
    packed: Mutex<BTreeMap<u64, Arc<OnceCell<Arc<Packed>>>>>,
}

/// An archive as it goes over the wire.
pub(super) struct Parcel(Vec<Portion>);

#[derive(Clone)]
enum Portion {
    Bytes(Bytes),
    Packed(Arc<Packed>),
}

impl Stored {
    pub(super) fn new(saved: Saved) -> Self {
        Self { saved: Arc::new(saved), packed: Mutex::default() }
    }

    /// Packs an archive.
    pub(super) async fn parcel(&self, archive: Vec<Piece>) -> Result<Parcel, EngineError> {
        let portions = stream::iter(archive).map(|piece| self.portion(piece)).buffered(AT_ONCE);
        let portions = portions
            .try_collect()
            .await
            .map_err(|error| EngineError::Refused(format!("the image cannot be packed: {error}")));
        portions.map(Parcel)
    }

    async fn portion(&self, piece: Piece) -> io::Result<Portion> {
        let (offset, size) = match piece {
            Piece::Bytes(bytes) => return packed(&bytes).map(|bytes| Portion::Bytes(Bytes::from(bytes))),
            Piece::Saved { offset, size } => (offset, size),
        };
        let once = {
            let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(packed.entry(offset).or_default())
        };
        once.get_or_try_init(|| self.pack(offset, size)).await.cloned().map(Portion::Packed)
    }

    /// In small steps, so that an end that is wished for need not wait for a large layer.
    async fn pack(&self, offset: u64, size: u64) -> io::Result<Arc<Packed>> {
        let source = Arc::clone(&self.saved);
        let begin = move || Ok(Packing::begin(&source, offset, size, spool()?));
        let mut packing = blocking(begin).await?;
        loop {
            let source = Arc::clone(&self.saved);
            let step = move || packing.go_on(&source).map(|is_over| (packing, is_over));
            let (next, is_over) = blocking(step).await?;
            if is_over {
                return blocking(move || next.end()).await.map(Arc::new);
            }
            packing = next;
        }
    }
}

impl Parcel {
    /// How many bytes it is.
    pub(super) fn size(&self) -> u64 {
        let size = |portion: &Portion| match portion {
            Portion::Bytes(bytes) => bytes.len() as u64,
            Portion::Packed(packed) => packed.size(),
        };
        self.0.iter().map(size).sum()
    }

    /// Its bytes; no more than one chunk of a layer is in memory.
    pub(super) fn chunks(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::try_unfold((VecDeque::from(self.0), 0), async |(mut rest, done)| {
            let (bytes, done) = match rest.front().cloned() {
                None => return Ok(None),
                Some(Portion::Bytes(bytes)) => (bytes, 0),
                Some(Portion::Packed(packed)) => {
                    let now = (packed.size() - done).min(CHUNK);
                    let next = if done + now == packed.size() { 0 } else { done + now };
                    let wanted = usize::try_from(now).unwrap_or_default();
                    (Bytes::from(blocking(move || packed.read_at(done, wanted)).await?), next)
                }
            };
            if done == 0 {
                rest.pop_front();
            }
            Ok(Some((bytes, (rest, done))))
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::engine::thin::thin;
    use crate::fleet::layers::Store;

    fn stored() -> Stored {
        let layer = vec![b'x'; 2 << 20];
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
        let config = format!(r#"{{"rootfs":{{"diff_ids":["{digest}"]}}}}"#);
        let manifest = br#"[{"Config":"c.json","Layers":["a/layer.tar"]}]"#;
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        for (name, bytes) in [("a/layer.tar", &layer[..]), ("c.json", config.as_bytes()), ("manifest.json", manifest)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, bytes).unwrap();
        }
        Stored::new(Saved::read(archive.into_inner().unwrap()).unwrap())
    }

    fn layer(parcel: &Parcel) -> &Arc<Packed> {
        let packed = parcel.0.iter().find_map(|portion| match portion {
            Portion::Packed(packed) => Some(packed),
            Portion::Bytes(_) => None,
        });
        packed.unwrap()
    }

    #[tokio::test]
    async fn a_layer_is_packed_once_for_all_hosts_and_kinds_of_store() {
        let stored = stored();
        let of = |store| stored.parcel(thin(&stored.saved, "shipctl/web:c0ffee", store, &[false]));
        let (graph, other, containerd) = tokio::join!(of(Store::Graph), of(Store::Graph), of(Store::Containerd));
        let (graph, other, containerd) = (graph.unwrap(), other.unwrap(), containerd.unwrap());
        assert!(Arc::ptr_eq(layer(&graph), layer(&other)) && Arc::ptr_eq(layer(&graph), layer(&containerd)));
    }

    #[tokio::test]
    async fn what_goes_out_is_the_archive_packed() {
        let stored = stored();
        let parcel = stored.parcel(thin(&stored.saved, "shipctl/web:c0ffee", Store::Graph, &[false])).await.unwrap();
        let size = parcel.size();
        let wire: Vec<Bytes> = parcel.chunks().try_collect().await.unwrap();
        let wire = wire.concat();
        assert!(wire.len() as u64 == size && size < 100_000, "{size}");
        let mut archive = Vec::new();
        flate2::read::MultiGzDecoder::new(&wire[..]).read_to_end(&mut archive).unwrap();
        let mut archive = tar::Archive::new(&archive[..]);
        let sizes: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
        assert_eq!(sizes.last(), Some(&(2 << 20)), "{sizes:?}");
    }
}
