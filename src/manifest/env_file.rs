//! `env_file` and `label_file` of services: what the files hold is put beneath what the service says itself, each value with
//! its place in its file.

use std::path::Path;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::interpolate::{Unset, Variables};
use super::load::text;
use super::node::{Entry, Kind, Map, Node, pairs, quoted};
use super::source::{MAX_FILES, Source, Sources, Span};
use super::{dotenv, suggest};

/// Reads the files of all services. Their paths are relative to the project's root.
pub(super) struct Files<'f> {
    pub(super) root: &'f Path,
    pub(super) variables: &'f Variables,
    pub(super) unset: Unset,
}

/// A file that a service names.
struct Named {
    path: String,
    is_required: bool,
    is_raw: bool,
    at: Span,
}

impl Files<'_> {
    /// Puts the files' variables into `services`.
    pub(super) fn put(&self, services: &mut Node, sources: &mut Sources, problems: &mut Vec<Diagnostic>) {
        let Kind::Map(services) = &mut services.kind else { return };
        for entry in services.values_mut() {
            let Kind::Map(service) = &mut entry.value.kind else { continue };
            for (files, key) in [("env_file", "environment"), ("label_file", "labels")] {
                if let Some(named) = service.shift_remove(files) {
                    let found = self.read(&named, sources, problems);
                    beneath(service, key, found);
                }
            }
        }
    }

    /// Later files win.
    fn read(&self, named: &Entry, sources: &mut Sources, problems: &mut Vec<Diagnostic>) -> Map {
        let mut map = Map::new();
        let items = match &named.value.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&named.value),
        };
        for item in items {
            let Some(file) = named_file(item, sources, problems) else { continue };
            if !file.is_required && !self.root.join(&file.path).exists() {
                continue;
            }
            if sources.is_full() {
                let message = format!("a manifest is read from at most {MAX_FILES} files");
                problems.push(at(sources, file.at, message));
                break;
            }
            match text(self.root, Path::new(&file.path)) {
                Ok(text) => {
                    let source = Source::new(file.path, text);
                    let id = sources.add(Arc::clone(&source));
                    let found = if file.is_raw {
                        Ok(dotenv::parse_raw(&source))
                    } else {
                        dotenv::parse(&source, self.variables, self.unset)
                    };
                    match found {
                        Ok(found) => {
                            for one in found {
                                let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                                let span = Span { file: id, start: offset(one.at.start), end: offset(one.at.end) };
                                let kind = Kind::Scalar { text: one.value.into(), plain: false };
                                map.insert(one.name.into(), Entry { key: span, value: Node::new(span, kind) });
                            }
                        }
                        Err(found) => problems.extend(found),
                    }
                }
                Err(problem) => problems.push(at(sources, file.at, problem.message)),
            }
        }
        map
    }
}

/// A path, or a map with one.
fn named_file(item: &Node, sources: &Sources, problems: &mut Vec<Diagnostic>) -> Option<Named> {
    let Kind::Map(map) = &item.kind else {
        let path = item.text().map(str::to_owned);
        if path.is_none() {
            problems.push(at(sources, item.span, format!("expected the path of a file, found {}", item.describe())));
        }
        return path.map(|path| Named { path, is_required: true, is_raw: false, at: item.span });
    };
    let mut named = Named { path: String::new(), is_required: true, is_raw: false, at: item.span };
    for (key, entry) in map {
        let span = entry.value.span;
        match (&**key, entry.value.text()) {
            ("path", Some(path)) => (named.path, named.at) = (path.to_owned(), span),
            ("required", Some(word @ ("true" | "false"))) if entry.value.is_plain() => {
                named.is_required = word == "true";
            }
            ("format", Some("raw")) => named.is_raw = true,
            ("required", _) => problems.push(at(sources, span, "expected true or false".to_owned())),
            ("format", _) => problems.push(at(sources, span, "the one other format is `raw`".to_owned())),
            (key, _) if key.starts_with("x-") => {}
            (key, _) => {
                let help = suggest::hint(key, ["path", "required", "format"]);
                problems.push(at(sources, entry.key, format!("unknown key {}", quoted(key))).with_help(help));
            }
        }
    }
    if named.path.is_empty() {
        problems.push(at(sources, item.span, "`path` is missing".to_owned()));
        return None;
    }
    Some(named)
}

/// Puts entries below those that are written under a key.
fn beneath(service: &mut Map, key: &str, mut found: Map) {
    let Some(first) = found.values().next() else { return };
    let span = first.key;
    let Some(entry) = service.get_mut(key) else {
        let value = Node::new(span, Kind::Map(found));
        service.insert(key.into(), Entry { key: span, value });
        return;
    };
    let own = match &entry.value.kind {
        Kind::Map(map) => Some(map.clone()),
        Kind::List(items) => pairs(items),
        Kind::Scalar { .. } => entry.value.is_null().then(Map::new),
    };
    // What cannot be read stays as it is, for the resolver to complain about.
    if let Some(own) = own {
        found.extend(own);
        entry.value.kind = Kind::Map(found);
    }
}

fn at(sources: &Sources, span: Span, message: String) -> Diagnostic {
    Diagnostic::at(sources.of(span), span.start as usize..span.end as usize, message)
}
