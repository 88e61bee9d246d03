//! `extends` of services: a service is put over the one that it names, in the same manifest or in another file of the
//! project, by the same rules by which layers merge.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::load::text;
use super::node::{Entry, Kind, Map, Node, quoted};
use super::source::{MAX_FILES, Source, Sources, Span};
use super::{merge, parse, suggest};

/// Services that one service may build upon.
const MAX_DEPTH: usize = 32;

/// Values that inheriting may add to a manifest.
const MAX_NODES: usize = 1_000_000;

/// Puts every service of a tree over the one that it extends.
pub(super) fn inherit(tree: &mut Node, root: &Path, sources: &mut Sources) -> Vec<Diagnostic> {
    let Some(services) = services_of(tree).cloned() else { return Vec::new() };
    let mut inheritance = Inheritance { root, sources, files: BTreeMap::new(), added: 0, problems: Vec::new() };
    if let Kind::Map(map) = &mut tree.kind
        && let Some(Entry { value: Node { kind: Kind::Map(into), .. }, .. }) = map.get_mut("services")
    {
        for (name, entry) in into {
            if entry.value.entry("extends").is_some() {
                let chain = &mut vec![Link { file: None, service: name.to_string() }];
                entry.value = inheritance.whole(entry.value.clone(), &services, chain);
            }
        }
    }
    inheritance.problems
}

fn services_of(tree: &Node) -> Option<&Map> {
    match &tree.entry("services")?.value.kind {
        Kind::Map(map) => Some(map),
        _ => None,
    }
}

/// A service of a file; `None` is the manifest itself.
#[derive(PartialEq)]
struct Link {
    file: Option<String>,
    service: String,
}

struct Inheritance<'r> {
    root: &'r Path,
    sources: &'r mut Sources,
    /// Services of other files, by path; `None` where they could not be read.
    files: BTreeMap<String, Option<Map>>,
    /// Values that were inherited so far.
    added: usize,
    problems: Vec<Diagnostic>,
}

impl Inheritance<'_> {
    /// A service with all that it extends beneath it. `services` are those of the file that it is in.
    fn whole(&mut self, mut service: Node, services: &Map, chain: &mut Vec<Link>) -> Node {
        let Kind::Map(map) = &mut service.kind else { return service };
        let Some(extends) = map.shift_remove("extends") else { return service };
        let Some((wanted, file)) = self.wanted(&extends) else { return service };
        let in_this_file = file.is_none();
        let link =
            Link { file: file.or_else(|| chain.last().and_then(|link| link.file.clone())), service: wanted.clone() };
        if chain.contains(&link) || chain.len() > MAX_DEPTH {
            let names: Vec<_> = chain.iter().map(|link| link.service.as_str()).collect();
            self.problem(extends.key, format!("`extends` goes in a circle: {} → {wanted}", names.join(" → ")), None);
            return service;
        }
        let others = match &link.file {
            Some(file) if !in_this_file => self.services(file, extends.value.span),
            _ => Some(services.clone()),
        };
        let Some(others) = others else { return service };
        let Some(base) = others.get(wanted.as_str()) else {
            let help = suggest::hint(&wanted, others.keys().map(|name| &**name));
            let message = format!("there is no service {} to extend", quoted(&wanted));
            self.problem(extends.value.span, message, Some(help));
            return service;
        };
        chain.push(link);
        let base = self.whole(base.value.clone(), &others, chain);
        chain.pop();
        self.added += base.size();
        if self.added > MAX_NODES {
            self.problem(extends.key, "with all that services extend, the manifest is too large".to_owned(), None);
            return service;
        }
        merge::merge_service(base, service)
    }

    /// The service and the file that `extends` names.
    fn wanted(&mut self, extends: &Entry) -> Option<(String, Option<String>)> {
        let value = &extends.value;
        let Kind::Map(map) = &value.kind else {
            let found = value.text().map(|name| (name.to_owned(), None));
            if found.is_none() {
                self.problem(value.span, format!("expected the name of a service, found {}", value.describe()), None);
            }
            return found;
        };
        for (key, entry) in map {
            if !matches!(&**key, "service" | "file") && !key.starts_with("x-") {
                let help = suggest::hint(key, ["service", "file"]);
                self.problem(entry.key, format!("unknown key {}", quoted(key)), Some(help));
            }
        }
        if let Some(entry) = map.get("file").filter(|entry| entry.value.text().is_none()) {
            let message = format!("expected the path of a file, found {}", entry.value.describe());
            self.problem(entry.value.span, message, None);
            return None;
        }
        let text = |key: &str| map.get(key).and_then(|entry| entry.value.text().map(str::to_owned));
        let service = text("service");
        if service.is_none() {
            self.problem(extends.key, "`extends` does not name a `service`".to_owned(), None);
        }
        service.map(|service| (service, text("file")))
    }

    /// The services of another file, which is read once. Its path is relative to the project's root.
    fn services(&mut self, file: &str, at: Span) -> Option<Map> {
        if !self.files.contains_key(file) {
            let services = self.read(file, at);
            self.files.insert(file.to_owned(), services);
        }
        self.files.get(file).cloned().flatten()
    }

    fn read(&mut self, file: &str, at: Span) -> Option<Map> {
        if self.sources.is_full() {
            self.problem(at, format!("a manifest is read from at most {MAX_FILES} files"), None);
            return None;
        }
        let text = match text(self.root, Path::new(file)) {
            Ok(text) => text,
            Err(problem) => {
                self.problem(at, problem.message, problem.help);
                return None;
            }
        };
        let source = Source::new(file, text);
        let id = self.sources.add(Arc::clone(&source));
        match parse::parse(id, &source) {
            Ok(tree) => {
                let services = tree.as_ref().and_then(services_of).cloned();
                if services.is_none() {
                    self.problem(at, format!("{} has no services", quoted(file)), None);
                }
                services
            }
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn problem(&mut self, at: Span, message: String, help: Option<String>) {
        let problem = Diagnostic::at(self.sources.of(at), at.start as usize..at.end as usize, message);
        self.problems.push(match help {
            Some(help) => problem.with_help(help),
            None => problem,
        });
    }
}
