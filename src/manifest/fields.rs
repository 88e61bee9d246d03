//! The entries of one map on their way to typed values.

use std::sync::Arc;

use super::decode::Decoder;
use super::node::{Entry, Map, Node, quoted};
use super::source::Span;
use super::suggest;

/// The entries of a map while they are read. Each key asked for is a known one; [`Fields::finish`]
/// refuses the others.
pub(crate) struct Fields<'n> {
    /// The key that the map stands under.
    pub(crate) at: Span,
    map: Option<&'n Map>,
    /// False after an error: what is missing then is not missed once more.
    readable: bool,
    seen: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Entries to be read; `None` where nothing is written.
    pub(crate) fn new(at: Span, map: Option<&'n Map>) -> Self {
        Self { at, map, readable: true, seen: Vec::new() }
    }

    /// No entries, because what stands there is no map.
    pub(crate) fn unreadable(at: Span) -> Self {
        Self { at, map: None, readable: false, seen: Vec::new() }
    }

    /// The value under a key, where there is one.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Value and key of an entry.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        if !self.seen.contains(&key) {
            self.seen.push(key);
        }
        self.map?.get(key)
    }

    /// All entries of a map whose keys are the operator's own names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'n str, &'n Entry)> + use<'n> {
        self.map.into_iter().flatten().map(|(key, entry)| (&**key, entry))
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() && self.readable {
            decoder.problem(self.at, format!("`{key}` is missing"));
        }
        found
    }

    /// Notes that something is missing from this map, which no one key stands for.
    pub(crate) fn lack(&self, decoder: &mut Decoder<'_>, message: impl Into<String>, help: &str) {
        if self.readable {
            decoder.problem_with_help(self.at, message, help);
        }
    }

    /// Refuses every key that was not asked for; `x-…` keys are left alone.
    pub(crate) fn finish(self, decoder: &mut Decoder<'_>) {
        self.finish_compose(decoder, &[]);
    }

    /// As [`Fields::finish`], but words of the Compose Specification that are not supported get an answer of their own.
    pub(crate) fn finish_compose(self, decoder: &mut Decoder<'_>, unsupported: &[&str]) {
        self.finish_answered(decoder, unsupported, &[]);
    }

    /// As [`Fields::finish_compose`]; `answers` says for some keys what is wrong with them, and what to write instead.
    pub(crate) fn finish_answered(
        self,
        decoder: &mut Decoder<'_>,
        unsupported: &[&str],
        answers: &[(&str, &str, &str)],
    ) {
        let extension = |key: &str| key.starts_with("x-");
        let kept: Map;
        if let Some(map) = self.map.filter(|map| map.keys().any(|key| extension(key))) {
            kept = map.iter().filter(|(key, _)| !extension(key)).map(|(k, v)| (Arc::clone(k), v.clone())).collect();
            return Fields { map: Some(&kept), ..self }.refuse(decoder, unsupported, answers);
        }
        self.refuse(decoder, unsupported, answers);
    }

    fn refuse(self, decoder: &mut Decoder<'_>, unsupported: &[&str], answers: &[(&str, &str, &str)]) {
        let unknown = self.map.into_iter().flatten().filter(|(key, _)| !self.seen.contains(&&***key));
        for (key, entry) in unknown {
            if let Some((_, message, help)) = answers.iter().find(|(known, ..)| *known == &**key) {
                decoder.problem_with_help(entry.key, format!("{} {message}", quoted(key)), *help);
            } else if unsupported.contains(&&**key) {
                let message = format!("{} is not supported", quoted(key));
                decoder.problem_with_help(entry.key, message, "remove it; it is never ignored");
            } else {
                let hint = suggest::hint(key, self.seen.iter().copied());
                decoder.problem_with_help(entry.key, format!("unknown key {}", quoted(key)), hint);
            }
        }
    }
}
