//! `images:`.

use super::nested;
use crate::environment::{Mirror, Registry, Transfer};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::quoted;

/// The words of `transfer`.
pub(super) const TRANSFER: [(&str, Transfer); 2] = [("registry", Transfer::Registry), ("direct", Transfer::Direct)];

/// How images come to hosts, and the mirrors of Docker Hub.
pub(super) fn decode(
    top: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    registry: Option<&Registry>,
) -> (Transfer, Vec<Mirror>) {
    let Some(mut fields) = nested(top, "images", decoder) else { return Default::default() };
    let transfer = fields.get("transfer").and_then(|node| decoder.word(node, &TRANSFER));
    let mirrors = fields.get("mirrors").map(|node| decoder.list(node)).unwrap_or_default();
    let mut known: Vec<Mirror> = Vec::new();
    for node in mirrors {
        let Some(text) = decoder.text(node) else { continue };
        match text.parse::<Mirror>() {
            Ok(mirror) if known.iter().any(|one| one.host == mirror.host) => {
                decoder.problem(node.span, "this mirror stands here twice");
            }
            Ok(mirror) if registry.is_some_and(|own| own.host == mirror.host && own.insecure != mirror.insecure) => {
                decoder.problem(node.span, "`registry` is this host, and says otherwise whether it has TLS");
            }
            Ok(mirror) => known.push(mirror),
            Err(error) => {
                // Somebody may have put a password before the host.
                let shown =
                    text.rsplit_once('@').map_or_else(|| quoted(text), |(_, host)| quoted(&format!("…@{host}")));
                let message = format!("{shown} is not the address of a mirror: {error}");
                let help = "write `https://host[:port]`, as in `registry-mirrors` of an engine's settings";
                decoder.problem_with_help(node.span, message, help);
            }
        }
    }
    fields.finish(decoder);
    (transfer.unwrap_or_default(), known)
}
