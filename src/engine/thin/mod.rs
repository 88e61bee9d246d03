//! Thin archives: an image as an engine saves it, and what another engine has to be sent of it. Pure but for reading the
//! saved archive.
//!
//! Engines with graph drivers look for each layer by its chain before they open its file, so what they have may be missing
//! from a docker-archive. The containerd store looks for blobs, and wants those named as in an OCI layout.

use std::collections::BTreeSet;

mod form;
mod saved;

pub use form::{Piece, Store, thin};
pub use saved::{Layer, OddArchive, Saved};

/// What an engine holds of other images.
#[derive(Debug, Default)]
pub struct Stock {
    /// Layers of each image, lowest first.
    pub images: Vec<Vec<String>>,
}

impl Stock {
    /// Which of an image's layers (the digests of what is in them, lowest first) a store has no need of: a graph driver knows
    /// a layer only by all that is below it, the other store each blob by itself.
    pub fn of(&self, layers: &[String], store: Store) -> Vec<bool> {
        match store {
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

#[cfg(test)]
mod tests;
