//! What images of the builder consist of, and what of it hosts have already.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::container::PinnedImage;
use crate::name::HostName;
use crate::size;

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of what is in it, unpacked.
    pub content: String,
    /// What the builder says that it takes, unpacked.
    pub bytes: u64,
}

/// How an engine keeps images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Layers unpacked, by a graph driver such as overlay2.
    Graph,
    /// Blobs as they came, in containerd.
    Containerd,
}

/// What an engine has of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// How it keeps them.
    pub store: Store,
    /// Layers of each image, lowest first.
    pub images: Vec<Vec<String>>,
}

impl Holding {
    /// Which of an image's layers (the digests of what is in them, lowest first) it has no need of: a graph driver knows a
    /// layer only by all that is below it, the other store each blob by itself.
    pub fn has(&self, layers: &[String]) -> Vec<bool> {
        match self.store {
            Store::Graph => {
                let common = |image: &Vec<String>| image.iter().zip(layers).take_while(|(a, b)| a == b).count();
                let held = self.images.iter().map(common).max().unwrap_or_default();
                (0..layers.len()).map(|number| number < held).collect()
            }
            Store::Containerd => {
                let all: BTreeSet<_> = self.images.iter().flatten().collect();
                layers.iter().map(|layer| all.contains(layer)).collect()
            }
        }
    }
}

/// What is to be sent of an image, as far as it can be told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// How many layers.
    pub layers: usize,
    /// Of how many.
    pub of: usize,
    /// What they take, unpacked and by the builder's account.
    pub bytes: u64,
    /// What the whole image takes.
    pub all: u64,
}

impl Display for Load {
    /// `1 of 5 layers (about 2.40 MB of 61.00 MB unpacked)`
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { layers, of, bytes, all } = self;
        write!(f, "{layers} of {of} layer{}", if *of == 1 { "" } else { "s" })?;
        if *layers == 0 {
            return Ok(());
        }
        write!(f, " (about {} of {} unpacked)", size::display(*bytes), size::display(*all))
    }
}

/// What is known of the images of a plan. Nothing, where hosts pull them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layers {
    /// Layers of each image by its content, lowest first.
    pub images: BTreeMap<String, Vec<Layer>>,
    /// What each host has.
    pub held: BTreeMap<HostName, Holding>,
}

impl Layers {
    /// What a host is to be sent of these images, one after the other, by their content.
    pub fn loads(&self, host: &HostName, images: &[PinnedImage]) -> BTreeMap<String, Load> {
        let mut loads = BTreeMap::new();
        let Some(mut held) = self.held.get(host).cloned() else { return loads };
        for image in images.iter().filter(|image| image.is_sent()) {
            let Some(layers) = self.images.get(image.digest()) else { continue };
            let contents: Vec<_> = layers.iter().map(|layer| layer.content.clone()).collect();
            let has = held.has(&contents);
            let missing = || layers.iter().zip(&has).filter(|(_, has)| !**has).map(|(layer, _)| layer);
            let load =
                Load { layers: missing().count(), of: layers.len(), bytes: once(missing()), all: once(layers.iter()) };
            loads.insert(image.digest().to_owned(), load);
            held.images.push(contents);
        }
        loads
    }
}

/// Bytes of layers, of which one that occurs twice is sent once.
fn once<'l>(layers: impl Iterator<Item = &'l Layer>) -> u64 {
    let distinct: BTreeMap<_, _> = layers.map(|layer| (&layer.content, layer.bytes)).collect();
    distinct.values().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_driver_holds_a_layer_only_on_all_below_it() {
        let layers = ["a", "b", "c", "d"].map(str::to_owned);
        let image = |layers: &[&str]| layers.iter().map(|&layer| layer.to_owned()).collect::<Vec<_>>();
        let images = vec![image(&["a", "b", "x", "d"]), image(&["c"]), image(&[])];
        let held = |store| Holding { store, images: images.clone() };
        assert_eq!(held(Store::Graph).has(&layers), [true, true, false, false]);
        assert_eq!(held(Store::Containerd).has(&layers), [true, true, true, true]);
        assert_eq!(Holding { store: Store::Containerd, images: Vec::new() }.has(&layers), [false; 4]);
    }
}
