//! `prune`.

use super::privileges::one_or_more;
use crate::environment::prune::Prune;
use crate::manifest::decode::{Decoder, Fields};

/// What becomes of images that no release needs any more.
pub(super) fn decode(top: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Prune {
    let Some(entry) = top.entry("prune") else { return Prune::default() };
    let mut fields = decoder.map(&entry.value, entry.key);
    let automatic = fields.get("automatic").and_then(|node| decoder.boolean(node));
    let grace = fields.get("grace").and_then(|node| decoder.duration(node));
    let exclude = fields.get("exclude").map(one_or_more).unwrap_or_default();
    let exclude = exclude.iter().filter_map(|item| decoder.parsed(item, "a pattern of names of images")).collect();
    fields.finish(decoder);
    let usual = Prune::default();
    Prune { automatic: automatic.unwrap_or(usual.automatic), grace: grace.unwrap_or(usual.grace), exclude }
}
