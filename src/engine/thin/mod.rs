//! Thin archives: an image as an engine saves it, and what another engine has to be sent of it. Pure but for the
//! files of the saved archive and of what is packed.
//!
//! Engines with graph drivers look for each layer by its chain before they open its file, so what they have may be missing
//! from a docker-archive. The containerd store looks for blobs, and wants those named as in an OCI layout.

mod form;
mod pack;
mod saved;

pub use form::{Piece, thin};
pub use pack::{Packed, Packing, packed};
pub use saved::{Layer, OddArchive, Saved};

#[cfg(test)]
mod tests;
