//! Whether a host has room for an image, before any of it is fetched: a disk that runs full takes what runs there down with it.
//!
//! Only what is certain not to fit is refused. What is in a layer takes at least as much as the layer does on its way, and
//! both are on the disk until it is unpacked; how much more it takes, nobody says beforehand.

use std::time::Duration;

use tokio::time::timeout;

use super::DockerEngine;
use super::nature::Nature;
use crate::container::PinnedImage;
use crate::engine::EngineError;
use crate::fleet::layers::Store;
use crate::size;

/// For the host to say what is free.
const ASK: Duration = Duration::from_secs(10);

/// What is free on a host.
struct Free {
    bytes: u64,
    /// Where images are kept.
    place: String,
    store: Store,
}

/// A layer of an image as its registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedLayer {
    /// Digest of what is in it, unpacked.
    pub diff_id: String,
    /// Its size as it is sent, in bytes.
    pub bytes: u64,
}

impl DockerEngine {
    /// Refuses a pull that is certain to fill the disk. Where the registry does not tell sizes, or nobody can ask the host what
    /// is free (a bare engine's API), every pull passes.
    pub(super) async fn has_room_to_pull(&self, image: &PinnedImage) -> Result<(), EngineError> {
        let Some(sizes) = &self.supply.sizes else { return Ok(()) };
        let version = self.client.version();
        let own = format!("{}/{}", version.os, version.architecture);
        let platform = image.platform().unwrap_or(&own).to_owned();
        let (layers, free) = tokio::join!(sizes(image.clone(), platform), self.free());
        let (Some(layers), Some(Free { bytes: free, place, store })) = (layers, free) else { return Ok(()) };
        if 2 * sum(&layers) <= free {
            return Ok(());
        }
        // Layers that are there already are not fetched; asking for them is worth it only now.
        let names: Vec<_> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let held = self.holding(store, |_| true).await?.has(&names);
        let missing: Vec<_> = layers.into_iter().zip(held).filter(|(_, held)| !held).map(|(layer, _)| layer).collect();
        // The other store keeps layers as they came beside what is in them.
        let needs = match store {
            Store::Graph => needed(&missing),
            Store::Containerd => 2 * sum(&missing),
        };
        fits(needs, free, &place)
    }

    /// The same for an archive of so many bytes, which an engine takes apart before it unpacks what is in it.
    pub(super) async fn has_room_to_load(&self, bytes: u64) -> Result<(), EngineError> {
        let Some(Free { bytes: free, place, .. }) = self.free().await else { return Ok(()) };
        fits(2 * bytes, free, &place)
    }

    /// `None` where the host cannot be asked.
    async fn free(&self) -> Option<Free> {
        let Nature { place, store, .. } = self.nature().await.ok()?;
        let (place, store) = (place.clone()?, *store);
        let words = ["df", "-Pk", "--", &place].map(str::to_owned);
        let asked = async { Some(self.transport.start(&words).await?.ok()?.answer(&[]).await) };
        let answer = timeout(ASK, asked).await.ok()??;
        if answer.code != Some(0) {
            return None;
        }
        let free: u64 = answer.output.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
        Some(Free { bytes: free.saturating_mul(1024), place, store })
    }
}

/// What a pull takes at the very least: every layer unpacked, and the largest as it came.
fn needed(layers: &[PackedLayer]) -> u64 {
    let largest = layers.iter().map(|layer| layer.bytes).max().unwrap_or_default();
    sum(layers).saturating_add(largest)
}

fn sum(layers: &[PackedLayer]) -> u64 {
    layers.iter().map(|layer| layer.bytes).sum()
}

fn fits(needs: u64, free: u64, place: &str) -> Result<(), EngineError> {
    if needs <= free {
        return Ok(());
    }
    let (needs, free) = (size::display(needs), size::display(free));
    Err(EngineError::Refused(format!("it needs at least {needs} in {place}, where {free} are free")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certain_not_to_fit_is_refused_with_numbers() {
        let layer = |bytes| PackedLayer { diff_id: "sha256:1".to_owned(), bytes };
        assert_eq!(needed(&[layer(10), layer(30), layer(20)]), 90);
        assert_eq!(needed(&[]), 0);
        assert_eq!(fits(90, 90, "/var/lib/docker"), Ok(()));
        let refused = fits(62_000_000, 1_500_000, "/var/lib/docker").expect_err("no room").to_string();
        assert_eq!(refused, "it needs at least 62.00 MB in /var/lib/docker, where 1.50 MB are free");
    }
}
