//! The images that a host holds, and what it takes to keep them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// All images of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// By id.
    pub images: BTreeMap<String, StockedImage>,
    /// Names of the markers that are on it, of all environments.
    pub markers: BTreeSet<String>,
}

/// An image of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockedImage {
    /// Names that somebody gave it: `repository:tag`.
    pub tags: BTreeSet<String>,
    /// Names by content: `repository@sha256:…`.
    pub digests: BTreeSet<String>,
    /// When it was made, by the clock of whoever made it.
    pub created: Option<Timestamp>,
    /// From the lowest up.
    pub layers: Vec<Layer>,
    /// Containers that were made from it, whoever made them, and whether they run or not.
    pub users: BTreeSet<String>,
}

/// A layer of an image on the disk of a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// Names it with all that are below it, as engines keep it: the chain id of the OCI image specification.
    pub chain: String,
    /// What it takes.
    pub bytes: u64,
}

impl StockedImage {
    /// All its names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.digests.iter().chain(&self.tags)
    }
}

impl Stock {
    /// What removing these images gives back.
    pub fn bytes_of(&self, ids: &BTreeSet<&str>) -> u64 {
        let (gone, left): (Vec<_>, Vec<_>) = self.images.iter().partition(|(id, _)| ids.contains(id.as_str()));
        let kept: BTreeSet<_> =
            left.into_iter().flat_map(|(_, image)| &image.layers).map(|layer| &layer.chain).collect();
        let layers: BTreeSet<_> = gone.into_iter().flat_map(|(_, image)| &image.layers).collect();
        layers.into_iter().filter(|layer| !kept.contains(&layer.chain)).map(|layer| layer.bytes).sum()
    }
}

/// The layers of an image, from the digests of their contents, lowest first, and from what its history says that each step
/// took, also lowest first. Steps that made no layer took nothing; where they cannot be told from layers that are empty, the
/// sizes are those of the last layers, in order: the sum is right, and none is taken for more than the image has.
pub fn layers(diffs: &[String], steps: &[u64]) -> Vec<Layer> {
    let mut sizes: Vec<u64> = steps.iter().copied().filter(|bytes| *bytes > 0).collect();
    while sizes.len() < diffs.len() {
        sizes.insert(0, 0);
    }
    let mut chain = String::new();
    let layer = |(diff, bytes): (&String, u64)| {
        chain = if chain.is_empty() {
            diff.clone()
        } else {
            format!("sha256:{}", hex::encode(Sha256::digest(format!("{chain} {diff}"))))
        };
        Layer { chain: chain.clone(), bytes }
    };
    diffs.iter().zip(sizes).map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an image of busybox with a file above it, as an engine names them on its disk.
    const DIFFS: [&str; 2] = [
        "sha256:6a749002dd6a65988a6696ca4d0c4cbe87145df74e3bf6feae4025ab28f420f2",
        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    ];

    fn diffs() -> Vec<String> {
        DIFFS.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_layer_is_named_with_what_is_below_it() {
        let layers = layers(&diffs(), &[4_000, 0, 12, 0]);
        assert_eq!(layers[0], Layer { chain: DIFFS[0].to_owned(), bytes: 4_000 });
        let joined = format!("{} {}", DIFFS[0], DIFFS[1]);
        assert_eq!(layers[1].chain, format!("sha256:{}", hex::encode(Sha256::digest(joined))));
        assert_eq!(layers[1].bytes, 12);
    }

    #[test]
    fn empty_layers_take_nothing_from_others() {
        let bytes = |steps: &[u64]| layers(&diffs(), steps).iter().map(|layer| layer.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(&[0, 7]), [0, 7]);
        assert_eq!(bytes(&[]), [0, 0]);
    }

    #[test]
    fn what_others_share_is_not_freed() {
        let image = |count: usize| StockedImage {
            layers: layers(&diffs()[..count], &[4_000, 12][..count]),
            ..StockedImage::default()
        };
        let images = BTreeMap::from([("base".to_owned(), image(1)), ("app".to_owned(), image(2))]);
        let stock = Stock { images, markers: BTreeSet::new() };
        assert_eq!(stock.bytes_of(&["app"].into()), 12);
        assert_eq!(stock.bytes_of(&["base"].into()), 0);
        assert_eq!(stock.bytes_of(&["app", "base"].into()), 4_012);
    }
}
