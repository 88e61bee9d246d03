//! `images:`.

use super::nested;
use crate::environment::{Mirror, Transfer};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::quoted;

/// The words of `transfer`.
pub(super) const TRANSFER: [(&str, Transfer); 2] = [("registry", Transfer::Registry), ("direct", Transfer::Direct)];

/// How images come to hosts, and the mirrors of Docker Hub.
pub(super) fn decode(top: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> (Transfer, Vec<Mirror>) {
    let Some(mut fields) = nested(top, "images", decoder) else { return Default::default() };
    let transfer = fields.get("transfer").and_then(|node| decoder.word(node, &TRANSFER));
    let mirrors = fields.get("mirrors").map(|node| decoder.list(node)).unwrap_or_default();
    let mut known: Vec<Mirror> = Vec::new();
    for node in mirrors {
        let Some(text) = decoder.text(node) else { continue };
        match text.parse() {
            Ok(mirror) if known.contains(&mirror) => decoder.problem(node.span, "this mirror stands here twice"),
            Ok(mirror) => known.push(mirror),
            Err(error) => {
                let message = format!("{} is not the address of a mirror: {error}", quoted(text));
                let help = "write `https://host[:port]`, as in `registry-mirrors` of an engine's settings";
                decoder.problem_with_help(node.span, message, help);
            }
        }
    }
    fields.finish(decoder);
    (transfer.unwrap_or_default(), known)
}
