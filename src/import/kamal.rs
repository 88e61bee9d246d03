//! Kamal's `config/deploy.yml` → a project. Each section takes the keys that it knows out of the file; what is left in
//! the end is what was not translated.

use crate::manifest::node::{Kind, Node};
use crate::manifest::source::{Sources, Span};
use crate::manifest::{Diagnostic, Diagnostics};
use crate::name::ServiceName;

use super::draft::Draft;
use super::settle::{self, Words};
use super::{ImportError, Imported, Input, Wishes, paths, project_name, tree};

mod accessory;
mod environment;
mod erb;
mod fleet;
mod image;
mod options;
mod proxy;
mod reasons;
mod role;

/// The role that traffic goes to, unless another one is named.
const PRIMARY: &str = "web";

/// Translates Kamal's configuration; `over` is that of a destination.
///
/// # Errors
/// What is not YAML, and what leaves nothing to deploy.
pub fn import(input: &Input, over: Option<&Input>, wishes: &Wishes<'_>) -> Result<Imported, ImportError> {
    let (mut sources, mut found) = (Sources::default(), Vec::new());
    let from = match over {
        Some(over) => format!("{} and {}", input.name, over.name),
        None => input.name.clone(),
    };
    let base = erb::read(input, &mut sources, &mut found)?;
    let over = over.map(|over| erb::read(over, &mut sources, &mut found)).transpose()?.flatten();
    let file = match (base, over) {
        (Some(base), Some(over)) => merge(base, over),
        (Some(file), None) | (None, Some(file)) => file,
        (None, None) => return Err(Diagnostics::from(Diagnostic::general(format!("{} is empty", input.name))).into()),
    };
    let folder = match input.folder.file_name() {
        Some(name) if name == "config" => input.folder.parent().filter(|up| *up != std::path::Path::new("")),
        _ => Some(input.folder.as_path()),
    };
    let folder = folder.unwrap_or(std::path::Path::new(".")).to_owned();
    let mut kamal = Kamal {
        draft: Draft::new(sources, file.span),
        file,
        prefix: paths::prefix(&folder, wishes.root),
        folder,
        fleet: fleet::Fleet::default(),
        service: String::new(),
        user: String::new(),
        port: None,
        proxy: None,
        image: None,
        build: None,
        secrets: false,
    };
    kamal.erb(found);
    kamal.translate()?;
    let header = format!("Made from {from} by `shipctl import kamal`.");
    let words = Words { header, reason: |_| None, key: &settle::same_key };
    settle::finish(kamal.draft, &wishes.environment, &words)
}

/// Maps merge; lists and scalars of the later file replace.
fn merge(base: Node, over: Node) -> Node {
    match (base.kind, over.kind) {
        (Kind::Map(mut into), Kind::Map(from)) => {
            for (key, entry) in from {
                let value = match into.shift_remove(&key) {
                    Some(below) => merge(below.value, entry.value),
                    None => entry.value,
                };
                into.insert(key, crate::manifest::node::Entry { key: entry.key, value });
            }
            Node::new(base.span, Kind::Map(into))
        }
        (_, kind) => Node::new(over.span, kind),
    }
}

/// Kamal's file on its way.
struct Kamal {
    draft: Draft,
    file: Node,
    /// What relative paths of the file begin at.
    folder: std::path::PathBuf,
    /// That folder, from the root of the project.
    prefix: Option<std::path::PathBuf>,
    fleet: fleet::Fleet,
    /// The name of the application.
    service: String,
    /// Who logs in on hosts.
    user: String,
    /// Where they listen, if not where SSH does.
    port: Option<String>,
    /// `proxy`, as it is for every role.
    proxy: Option<Node>,
    /// The image of every role.
    image: Option<Node>,
    /// What it is built from.
    build: Option<Node>,
    /// Whether something has a secret.
    secrets: bool,
}

impl Kamal {
    fn erb(&mut self, found: Vec<erb::Erb>) {
        for erb::Erb { key, at } in found {
            self.draft.leave(key, at, "ERB is not evaluated", "write the value itself, or `${VARIABLE}`");
        }
    }

    fn translate(&mut self) -> Result<(), ImportError> {
        let service = tree::take(&mut self.file, "service");
        let is_known = |text: &str| !text.is_empty() && !text.contains('$');
        let Some(service) = service.filter(|entry| entry.value.text().is_some_and(is_known)) else {
            let problem = Diagnostic::general("`service` is missing, or cannot be read without evaluating ERB");
            return Err(Diagnostics::from(problem.with_help("write the name of the application as it is")).into());
        };
        service.value.text().unwrap_or_default().clone_into(&mut self.service);
        let project = project_name(&self.service).unwrap_or_else(|| "app".to_owned());
        tree::set(&mut self.draft.tree, &["project"], tree::text(service.value.span, &project));
        self.connection();
        self.keep_releases();
        self.images();
        self.roles();
        self.accessories();
        let at = self.file.span;
        let hosts = self.fleet.hosts(&self.user, self.port.as_deref(), at);
        tree::set(&mut self.draft.tree, &["hosts"], hosts);
        if self.secrets {
            let words = "Kamal read these from .kamal/secrets. A value may also come from a `file`, or from what a command\n\
                         prints: `{ command: [op, read, \"op://shop/prod/key\"] }`.";
            self.draft.comment("secrets", words);
        }
        self.hooks();
        let rest = std::mem::replace(&mut self.file, Node::plain(at, ""));
        self.leave_rest("", "", &rest);
        Ok(())
    }

    /// Who connects to hosts, and where.
    fn connection(&mut self) {
        let mut ssh = self.section("ssh");
        let user = tree::take(&mut ssh, "user").and_then(|entry| entry.value.text().map(str::to_owned));
        self.user = user.unwrap_or_else(|| "root".to_owned());
        self.port = tree::take(&mut ssh, "port").and_then(|entry| entry.value.text().map(str::to_owned));
        self.leave_rest("ssh", "ssh", &ssh);
        let sshkit = self.section("sshkit");
        self.leave_rest("sshkit", "sshkit", &sshkit);
    }

    fn keep_releases(&mut self) {
        if let Some(entry) = tree::take(&mut self.file, "retain_containers") {
            tree::set(&mut self.draft.tree, &["keep_releases"], entry.value);
        }
    }

    /// Programs of the operator's that Kamal calls.
    fn hooks(&mut self) {
        let Ok(entries) = std::fs::read_dir(self.folder.join(".kamal/hooks")) else { return };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".sample")).collect();
        names.sort();
        for name in names {
            let file = format!(".kamal/hooks/{name}");
            self.draft.leave_file(
                format!("hooks.{name}"),
                file,
                "hooks are told other facts, in other variables",
                "put it under `hooks` once it reads those",
            );
        }
    }

    /// A map of the file, taken out of it.
    fn section(&mut self, key: &str) -> Node {
        let empty = Node::new(self.file.span, Kind::Map(indexmap::IndexMap::new()));
        tree::take(&mut self.file, key).map_or(empty, |entry| entry.value)
    }

    /// Lists every key that is still there.
    fn leave_rest(&mut self, section: &str, path: &str, node: &Node) {
        for (key, entry) in tree::entries(node) {
            if key.starts_with("x-") || entry.value.is_null() {
                continue;
            }
            let (reason, instead) = reasons::of(section, key);
            let shown = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            self.draft.leave(shown, entry.key, reason, instead);
        }
    }

    /// A name of Kamal's as the name of a service of ours.
    fn service_name(&mut self, key: &str, name: &str, at: Span) -> Option<String> {
        let lower = name.to_lowercase();
        let service = lower.parse::<ServiceName>().ok().map(|name| name.to_string());
        if service.is_none() {
            self.draft.leave(key, at, "is not the name of a service", "use letters, digits, `-`, `_` and `.`");
        }
        service
    }

    /// Begins a service. What is wrong with all of it is shown where Kamal's file names it.
    fn begin(&mut self, service: &str, at: Span) {
        let empty = Node::new(at, Kind::Map(indexmap::IndexMap::new()));
        tree::set(&mut self.draft.tree, &["services", service], empty);
    }

    /// Sets a key of a service.
    fn put(&mut self, service: &str, path: &[&str], value: Node) {
        let path: Vec<&str> = ["services", service].into_iter().chain(path.iter().copied()).collect();
        tree::set(&mut self.draft.tree, &path, value);
    }

    /// Places a service. A constraint is never taken out again: the service would run on every host.
    fn place(&mut self, service: &str, constraint: &str, at: Span) {
        self.add(service, &["deploy", "placement", "constraints"], tree::text(tree::nowhere(at), constraint));
    }

    /// Adds to a list of a service.
    fn add(&mut self, service: &str, path: &[&str], item: Node) {
        let path: Vec<&str> = ["services", service].into_iter().chain(path.iter().copied()).collect();
        tree::push(&mut self.draft.tree, &path, item);
    }
}

/// Where something begins: what stands there alone is taken out alone.
fn point(at: Span) -> Span {
    Span { end: at.start, ..at }
}

/// Kamal's seconds as a duration.
fn seconds(node: &Node) -> Node {
    let text = node.text().unwrap_or_default();
    let unit = if text.ends_with(|c: char| c.is_ascii_digit()) { "s" } else { "" };
    tree::text(node.span, &format!("{text}{unit}"))
}

/// A list, or the one value that stands in its place.
fn one_or_more(node: &Node) -> Vec<Node> {
    match &node.kind {
        Kind::List(items) => items.clone(),
        _ if node.is_null() => Vec::new(),
        _ => vec![node.clone()],
    }
}
