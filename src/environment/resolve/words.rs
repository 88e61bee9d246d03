//! Values of one key that many keys share: a text, some texts, one of a few words, pairs.

use std::collections::BTreeMap;

use super::privileges::one_or_more;
use crate::manifest::decode::{Decoder, Fields};

/// The text under a key.
pub(super) fn text(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> Option<String> {
    fields.get(key).and_then(|node| decoder.text(node)).map(str::to_owned)
}

/// A list of text under a key, which may be written as one text.
pub(super) fn texts(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> Vec<String> {
    let items = fields.get(key).map(one_or_more).unwrap_or_default();
    items.iter().filter_map(|item| decoder.text(item).map(str::to_owned)).collect()
}

/// One of a few words under a key.
pub(super) fn word(
    fields: &mut Fields<'_>,
    key: &'static str,
    words: &[&'static str],
    decoder: &mut Decoder<'_>,
) -> Option<String> {
    let words: Vec<_> = words.iter().map(|word| (*word, *word)).collect();
    fields.get(key).and_then(|node| decoder.word(node, &words)).map(str::to_owned)
}

/// A map of text, or a list of `KEY=VALUE`, under a key.
pub(super) fn pairs(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> BTreeMap<String, String> {
    let pairs = fields.get(key).map(|node| decoder.pairs(node)).unwrap_or_default();
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}
