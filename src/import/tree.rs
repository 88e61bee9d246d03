//! Making and changing trees of manifest values.

use std::sync::Arc;

use crate::manifest::node::{Entry, Kind, Map, Node};
use crate::manifest::source::Span;

/// Text, which is quoted where it would read as something else.
pub(super) fn text(at: Span, value: &str) -> Node {
    Node::new(at, Kind::Scalar { text: value.into(), plain: false })
}

/// A word, number or boolean, without quotes.
pub(super) fn word(at: Span, value: &str) -> Node {
    Node::plain(at, value)
}

/// A list.
pub(super) fn list(at: Span, items: impl IntoIterator<Item = Node>) -> Node {
    Node::new(at, Kind::List(items.into_iter().collect()))
}

/// A map.
pub(super) fn map<'k>(at: Span, entries: impl IntoIterator<Item = (&'k str, Node)>) -> Node {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key.into(), Entry { key: value.span, value });
    }
    Node::new(at, Kind::Map(map))
}

/// The entries of a map.
pub(super) fn entries(node: &Node) -> impl Iterator<Item = (&str, &Entry)> {
    let map = match &node.kind {
        Kind::Map(map) => Some(map),
        _ => None,
    };
    map.into_iter().flatten().map(|(key, entry)| (&**key, entry))
}

/// The items of a list.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => &[],
    }
}

/// The value beneath these keys.
pub(super) fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| node.entry(key).map(|entry| &entry.value))
}

/// The map that a value is; something else is replaced by an empty one.
pub(super) fn as_map(node: &mut Node) -> &mut Map {
    if !matches!(node.kind, Kind::Map(_)) {
        node.kind = Kind::Map(Map::new());
    }
    match &mut node.kind {
        Kind::Map(map) => map,
        _ => unreachable!("it was made a map"),
    }
}

/// A place whose value is never taken out.
pub(super) fn nowhere(at: Span) -> Span {
    Span { start: 0, end: 0, ..at }
}

/// Sets the value beneath these keys; maps on the way are made.
pub(super) fn set(node: &mut Node, path: &[&str], value: Node) {
    let Some((key, rest)) = path.split_first() else { return *node = value };
    let span = value.span;
    let make = || Entry { key: span, value: Node::new(span, Kind::Map(Map::new())) };
    let entry = as_map(node).entry(Arc::from(*key)).or_insert_with(make);
    set(&mut entry.value, rest, value);
}

/// Adds an item to the list beneath these keys, which is made if need be.
pub(super) fn push(node: &mut Node, path: &[&str], item: Node) {
    let Some((key, rest)) = path.split_first() else {
        match &mut node.kind {
            Kind::List(items) => items.push(item),
            kind => *kind = Kind::List(vec![item]),
        }
        return;
    };
    let span = item.span;
    let make = || Entry { key: span, value: Node::plain(span, "") };
    let entry = as_map(node).entry(Arc::from(*key)).or_insert_with(make);
    push(&mut entry.value, rest, item);
}

/// Takes an entry out of a map.
pub(super) fn take(node: &mut Node, key: &str) -> Option<Entry> {
    match &mut node.kind {
        Kind::Map(map) => map.shift_remove(key),
        _ => None,
    }
}
