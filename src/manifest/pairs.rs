//! `environment`, `labels` and their like: maps of text that may be written as lists.

use indexmap::IndexMap;

use super::decode::Decoder;
use super::node::{Entry, Kind, Map, Node, pairs, quoted};
use super::source::Span;

/// A key with text.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Of the key.
    pub(crate) span: Span,
}

impl Decoder<'_> {
    /// A map of text, or a list of `KEY=VALUE`. Numbers and booleans are text as they are written.
    pub(crate) fn pairs(&mut self, node: &Node) -> Vec<Pair> {
        match &node.kind {
            Kind::Map(map) => self.pairs_of(map),
            Kind::List(items) => match pairs(items) {
                Some(map) => self.pairs_of(&map),
                None => self.repeated_pairs(items),
            },
            Kind::Scalar { .. } => {
                if !node.is_null() {
                    self.expected(node, "a map or a list of `KEY=VALUE`");
                }
                Vec::new()
            }
        }
    }

    /// The same, but for keys that hold a map, which is not read here.
    pub(crate) fn pairs_and_maps<'n>(&mut self, node: &'n Node) -> (Vec<Pair>, Vec<(&'n str, &'n Entry)>) {
        let Kind::Map(map) = &node.kind else { return (self.pairs(node), Vec::new()) };
        let is_map = |entry: &Entry| matches!(entry.value.kind, Kind::Map(_));
        let maps = map.iter().filter(|(_, entry)| is_map(entry)).map(|(key, entry)| (&**key, entry)).collect();
        let rest = map.iter().filter(|(_, entry)| !is_map(entry)).map(|(key, entry)| (key.clone(), entry.clone()));
        (self.pairs_of(&rest.collect()), maps)
    }

    fn pairs_of(&mut self, map: &Map) -> Vec<Pair> {
        let mut found = Vec::new();
        for (key, entry) in map {
            if entry.value.is_null() {
                let help = "write `\"\"` for empty text, or `!reset` to remove what an earlier layer set";
                self.problem_with_help(entry.key, format!("{} has no value", quoted(key)), help);
            } else if let Some(value) = self.text(&entry.value) {
                found.push(Pair { key: key.to_string(), value: value.to_owned(), span: entry.key });
            }
        }
        found
    }

    /// Says which items keep a list from being read as pairs.
    fn repeated_pairs(&mut self, items: &[Node]) -> Vec<Pair> {
        let mut first = IndexMap::new();
        for item in items {
            let Some(text) = self.text(item) else { continue };
            let key = text.split_once('=').map_or(text, |(key, _)| key);
            if let Some(earlier) = first.insert(key, item.span) {
                let message = format!("{} is there twice; the first is at {}", quoted(key), self.place(earlier));
                self.problem(item.span, message);
            }
        }
        Vec::new()
    }
}
