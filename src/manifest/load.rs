//! Files of an environment → layers → [`Manifest`]. The only part of this module that reads files.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::env_file::Files;
use super::inherit::inherit;
use super::interpolate::{Interpolation, Room, Unset, Variables};
use super::node::{Entry, Kind, Node, quoted};
use super::source::{Source, Sources};
use super::{Manifest, Overrides, merge, parse, set, suggest, variables};
use crate::environment::{Environment, resolve};
use crate::name::EnvironmentName;

/// A manifest file is at most this large.
const MAX_BYTES: u64 = 1 << 20;

/// The layer below every other one, where it exists.
const BASE: &str = "base";

/// Reads, merges and resolves an environment: `environments/base.yml`, what the environment `extends`,
/// `environments/<name>.yml`, then `overrides`. `${VARIABLE}` stands for a variable of this process, or of `.env` in the
/// root.
///
/// # Errors
/// Everything that is wrong, each with its file and line.
pub fn load(root: &Path, environment: &str, overrides: &Overrides) -> Result<Environment, Diagnostics> {
    let manifest = read(root, environment, overrides)?;
    let variables = variables::read(root)?;
    interpolated(manifest.clone(), &variables, |_| Unset::Refused)
        .map_err(|problems| {
            let others = interpolated(manifest, &variables, |_| Unset::StandsIn);
            match others.and_then(|manifest| resolve::resolve(&manifest)) {
                Ok(_) => problems,
                Err(others) => problems.beside(&others),
            }
        })
        .and_then(|manifest| resolve::resolve(&manifest))
}

/// As [`load`], for commands that live from what the hosts have recorded: there a variable without a value, beneath
/// `services`, must not stand between an operator and a rollback.
///
/// # Errors
/// As [`load`], where the manifest is not sound without the variable either.
pub fn load_recorded(root: &Path, environment: &str, overrides: &Overrides) -> Result<Environment, Diagnostics> {
    let manifest = read(root, environment, overrides)?;
    let variables = variables::read(root)?;
    let strict = interpolated(manifest.clone(), &variables, |_| Unset::Refused);
    strict.and_then(|manifest| resolve::resolve(&manifest)).or_else(|problems| {
        let unset = |section: &str| if section == "services" { Unset::StandsIn } else { Unset::Refused };
        let lenient = interpolated(manifest, &variables, unset);
        lenient.and_then(|manifest| resolve::resolve(&manifest)).map_err(|_| problems)
    })
}

/// Resolves a manifest with these variables alone.
///
/// # Errors
/// As [`load`].
pub(crate) fn resolve_with(manifest: Manifest, variables: &Variables) -> Result<Environment, Diagnostics> {
    resolve::resolve(&interpolated(manifest, variables, |_| Unset::Refused)?)
}

/// Where services are written in a section: in `services` itself, and for hosts and roles.
fn services_in<'n>(section: &str, node: &'n mut Node) -> Vec<&'n mut Node> {
    let own = |entry: &'n mut Entry| match &mut entry.value.kind {
        Kind::Map(map) => map.get_mut("services").map(|entry| &mut entry.value),
        _ => None,
    };
    match section {
        "services" => vec![node],
        "hosts" | "roles" => match &mut node.kind {
            Kind::Map(map) => map.values_mut().filter_map(own).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Puts variables into the values of a manifest; `unset` says what happens to those without a value in a section.
fn interpolated(
    mut manifest: Manifest,
    variables: &Variables,
    unset: impl Fn(&str) -> Unset,
) -> Result<Manifest, Diagnostics> {
    let mut problems = Vec::new();
    let Manifest { tree, sources, root, .. } = &mut manifest;
    let room = Room::default();
    if let Kind::Map(map) = &mut tree.kind {
        for (key, entry) in map {
            let unset = unset(key);
            Interpolation { sources, variables, unset, room: &room }.put(&mut entry.value, &mut problems);
            if &**key == "configs" {
                Interpolation { sources, variables, unset, room: &room }.configs(&mut entry.value, &mut problems);
            }
            for services in services_in(key, &mut entry.value) {
                Interpolation { sources, variables, unset, room: &room }.pass_through(services, &mut problems);
                Files { root, variables, unset }.put(services, sources, &mut problems);
            }
        }
    }
    Diagnostics::check(problems)?;
    Ok(manifest)
}

/// Reads and merges the layers of an environment without asking what the values mean: variables stay as they are
/// written, because what they stand for may be secret.
///
/// # Errors
/// Unknown environments, unreadable files, and what is wrong with their YAML.
pub fn read(root: &Path, environment: &str, overrides: &Overrides) -> Result<Manifest, Diagnostics> {
    let name = known(root, environment)?;
    let mut layers =
        Layers { root, sources: Sources::default(), nodes: Vec::new(), done: Vec::new(), problems: Vec::new() };
    layers.chain(name.as_str(), &mut Vec::new());
    for file in &overrides.files {
        layers.above(file);
    }
    for argument in &overrides.set {
        match set::layer(argument, &mut layers.sources) {
            Ok(layer) => layers.nodes.push(layer),
            Err(problems) => layers.problems.extend(problems),
        }
    }
    Diagnostics::check(layers.problems)?;
    match layers.nodes.into_iter().fold(None, |tree, layer| Some(merge::merge(tree, layer))) {
        Some(mut tree) => {
            Diagnostics::check(inherit(&mut tree, root, &mut layers.sources))?;
            Ok(Manifest { name, root: root.to_owned(), sources: layers.sources, tree: merge::settle(tree) })
        }
        None => Err(Diagnostic::general(format!("the manifest of `{environment}` is empty"))
            .with_help(format!("write it into {}", relative(environment).display()))
            .into()),
    }
}

/// As [`read`], with the values of variables in their places, as [`load`] puts them in. They may be secret.
///
/// # Errors
/// As [`read`], and variables that have no value.
pub fn read_interpolated(root: &Path, environment: &str, overrides: &Overrides) -> Result<Manifest, Diagnostics> {
    interpolated(read(root, environment, overrides)?, &variables::read(root)?, |_| Unset::Refused)
}

/// The environments of a project, in name order; `base` is a layer, not an environment.
pub fn environments(root: &Path) -> Vec<EnvironmentName> {
    let Ok(entries) = fs::read_dir(root.join("environments")) else { return Vec::new() };
    let stems = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".yml")?.to_owned()));
    let mut names: Vec<EnvironmentName> =
        stems.filter(|stem| stem != BASE).filter_map(|stem| stem.parse().ok()).collect();
    names.sort();
    names
}

/// The environment of this name, or which there are.
fn known(root: &Path, environment: &str) -> Result<EnvironmentName, Diagnostics> {
    let names = environments(root);
    if let Some(name) = names.iter().find(|name| name.as_str() == environment) {
        return Ok(name.clone());
    }
    let missing = Diagnostic::general(format!("there is no environment {}", quoted(environment)));
    let words: Vec<&str> = names.iter().map(EnvironmentName::as_str).collect();
    Err(match (words.as_slice(), suggest::nearest(environment, words.iter().copied())) {
        _ if environment == BASE => missing.with_help("`base` is the layer below every environment"),
        ([], _) => {
            missing.with_help(format!("{} holds no environment; write one as environments/<name>.yml", root.display()))
        }
        (_, Some(near)) => missing.with_help(format!("did you mean `{near}`? There are: {}", words.join(", "))),
        (_, None) => missing.with_help(format!("there are: {}", words.join(", "))),
    }
    .into())
}

fn relative(layer: &str) -> PathBuf {
    Path::new("environments").join(format!("{layer}.yml"))
}

struct Layers<'r> {
    root: &'r Path,
    sources: Sources,
    /// Lowest first.
    nodes: Vec<Node>,
    /// Names of those that lie there already: a layer that several extend lies below all of them, once.
    done: Vec<String>,
    problems: Vec<Diagnostic>,
}

impl Layers<'_> {
    /// Reads a layer after those that it extends. `above` are the layers that led here.
    fn chain(&mut self, layer: &str, above: &mut Vec<String>) {
        above.push(layer.to_owned());
        let node = match self.file(layer) {
            Ok(node) => node,
            Err(problems) => {
                above.pop();
                return self.problems.extend(problems);
            }
        };
        let extends = node.as_ref().and_then(|node| node.entry("extends")).map(|entry| &entry.value);
        let below: Vec<String> = match extends.map(|value| (value, &value.kind)) {
            Some((_, Kind::List(items))) => items.iter().filter_map(|item| self.extended(item, above)).collect(),
            Some((value, _)) => self.extended(value, above).into_iter().collect(),
            // A base may be left out; a layer that is named may not.
            None if layer != BASE && self.root.join(relative(BASE)).is_file() => vec![BASE.to_owned()],
            None => Vec::new(),
        };
        for below in below {
            if !self.done.contains(&below) {
                self.chain(&below, above);
            }
        }
        above.pop();
        self.done.push(layer.to_owned());
        self.nodes.extend(node);
    }

    /// The layer that a value of `extends` names.
    fn extended(&mut self, value: &Node, above: &[String]) -> Option<String> {
        let source = self.sources.of(value.span);
        let fail =
            |message: String| Diagnostic::at(source, value.span.start as usize..value.span.end as usize, message);
        let problem = match value.text().and_then(|text| text.parse::<EnvironmentName>().ok()) {
            None => fail(format!("`extends` takes the name of another layer, found {}", value.describe())),
            Some(name) if above.iter().any(|layer| layer == name.as_str()) => {
                fail(format!("`extends` goes in a circle: {} → {name}", above.join(" → ")))
            }
            Some(name) if !self.root.join(relative(name.as_str())).is_file() => {
                let mut names = environments(self.root).iter().map(ToString::to_string).collect::<Vec<_>>();
                names.push(BASE.to_owned());
                let hint = suggest::hint(name.as_str(), names.iter().map(String::as_str));
                fail(format!("there is no {}", relative(name.as_str()).display())).with_help(hint)
            }
            Some(name) => return Some(name.to_string()),
        };
        self.problems.push(problem);
        None
    }

    /// Reads a file that the operator puts above the layers.
    fn above(&mut self, path: &Path) {
        match regular_text(path, path).map_err(|problem| vec![problem]).and_then(|text| self.parsed(path, text)) {
            Ok(Some(node)) => {
                if let Some(entry) = node.entry("extends") {
                    let source = self.sources.of(entry.key);
                    let span = entry.key.start as usize..entry.key.end as usize;
                    let help = "what lies below it is the environment; name another file by another `--file`";
                    let problem =
                        Diagnostic::at(source, span, "a file that is put above an environment extends nothing");
                    self.problems.push(problem.with_help(help));
                }
                self.nodes.push(node);
            }
            Ok(None) => {}
            Err(problems) => self.problems.extend(problems),
        }
    }

    /// Reads one file; `None` where it has no content.
    fn file(&mut self, layer: &str) -> Result<Option<Node>, Vec<Diagnostic>> {
        let path = relative(layer);
        let text = text(self.root, &path).map_err(|problem| vec![problem])?;
        self.parsed(&path, text)
    }

    fn parsed(&mut self, path: &Path, text: String) -> Result<Option<Node>, Vec<Diagnostic>> {
        let source = Source::new(path.display().to_string(), text);
        let file = self.sources.add(Arc::clone(&source));
        match parse::parse(file, &source)? {
            Some(node) if node.is_null() => Ok(None),
            Some(node) if !matches!(node.kind, Kind::Map(_)) => {
                let message = format!("expected a map of keys such as `services:`, found {}", node.describe());
                Err(vec![Diagnostic::at(&source, node.span.start as usize..node.span.end as usize, message)])
            }
            node => Ok(node),
        }
    }
}

/// Reads a file of the project that must be regular, small and UTF-8. A byte order mark is dropped.
pub(crate) fn text(root: &Path, path: &Path) -> Result<String, Diagnostic> {
    let full = root.join(path);
    let unusable = |what: &str| Diagnostic::general(format!("{} {what}", path.display()));
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(inside) {
        return Err(unusable("is not beneath the project: write a relative path without `..`"));
    }
    let unreadable = |error: std::io::Error| Diagnostic::general(format!("cannot read {}: {error}", path.display()));
    let (top, real) = (root.canonicalize().map_err(unreadable)?, full.canonicalize().map_err(unreadable)?);
    if !real.starts_with(top) {
        return Err(unusable("is a link that leads out of the project"));
    }
    regular_text(&full, path)
}

/// Reads a file that must be regular, small and UTF-8; `path` is what it is called in problems.
fn regular_text(full: &Path, path: &Path) -> Result<String, Diagnostic> {
    let unusable = |what: &str| Diagnostic::general(format!("{} {what}", path.display()));
    let unreadable = |error: std::io::Error| Diagnostic::general(format!("cannot read {}: {error}", path.display()));
    // Asked before it is opened: opening a FIFO would wait for a writer.
    if !fs::metadata(full).map_err(unreadable)?.is_file() {
        return Err(unusable("is not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(full).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unusable("is larger than 1 MiB"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(unusable("is UTF-16: save it as UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unusable(&format!("is not UTF-8 (at byte {at})"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
