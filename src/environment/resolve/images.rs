//! `images:`.

use super::nested;
use crate::environment::Transfer;
use crate::manifest::decode::{Decoder, Fields};

/// The words of `transfer`.
pub(super) const TRANSFER: [(&str, Transfer); 2] = [("registry", Transfer::Registry), ("direct", Transfer::Direct)];

/// How images come to hosts.
pub(super) fn transfer(top: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Transfer {
    let Some(mut fields) = nested(top, "images", decoder) else { return Transfer::default() };
    let transfer = fields.get("transfer").and_then(|node| decoder.word(node, &TRANSFER));
    fields.finish(decoder);
    transfer.unwrap_or_default()
}
