//! `volumes:` of a service.

use std::collections::HashMap;

use super::declared::Declared;
use super::files::permissions;
use super::keys;
use super::privileges::one_or_more;
use super::words::{text, word};
use crate::environment::{Mount, MountOptions, MountSource};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::manifest::short;
use crate::manifest::source::Span;
use crate::manifest::suggest;

/// What becomes of mounts within a bind, in the kernel's words.
pub(super) const PROPAGATION: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// As large, and as open, as the engine makes it.
const EMPTY_TMPFS: MountSource = MountSource::Tmpfs { size: None, mode: None };

/// Paths in the container that something has been put at.
pub(super) type Targets = HashMap<String, Span>;

/// The mounts of `volumes`, and what they and those of `tmpfs` occupy.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> (Vec<Mount>, Targets) {
    let (mut mounts, mut targets) = (Vec::new(), Targets::new());
    for item in fields.get("tmpfs").map(one_or_more).unwrap_or_default() {
        // What is no place for one is refused where the option is read.
        if let Some((path, _)) = item.text().map(|text| text.split_once(':').unwrap_or((text, ""))) {
            occupy(&mut targets, path, item.span, decoder);
        }
    }
    let Some(node) = fields.get("volumes") else { return (mounts, targets) };
    for item in decoder.list(node) {
        let mount = match &item.kind {
            Kind::Map(_) => long(item, decoder, declared),
            _ => short(item, decoder, declared),
        };
        if let Some(mount) = mount {
            occupy(&mut targets, &mount.target, item.span, decoder);
            mounts.push(mount);
        }
    }
    (mounts, targets)
}

/// Refuses a second thing at one path of a container.
pub(super) fn occupy(targets: &mut Targets, path: &str, at: Span, decoder: &mut Decoder<'_>) {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    if let Some(first) = targets.insert(path.to_owned(), at) {
        let message = format!("something is at {} already ({})", quoted(path), decoder.place(first));
        decoder.problem(at, message);
    }
}

/// Whether a path in a container is absolute and does not climb.
pub(super) fn is_container_path(path: &str) -> bool {
    path.starts_with('/') && !path.split('/').any(|part| part == "..") && !path.contains(char::is_control)
}

fn short(node: &Node, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Mount> {
    let text = decoder.text(node)?;
    if let [letter, b':', b'\\' | b'/', ..] = text.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        let message = format!("{} begins with a path of Windows", quoted(text));
        decoder.problem_with_help(
            node.span,
            message,
            "hosts run Linux: write `/path/of/the/host:/path/in/the/container`",
        );
        return None;
    }
    let parts = short::volume(text);
    let (mut read_only, mut options) = (false, MountOptions::default());
    for option in parts.options.into_iter().flat_map(|options| options.split(',')) {
        match option {
            "rw" => read_only = false,
            "ro" => read_only = true,
            "z" | "Z" => options.selinux = Some(option.to_owned()),
            "nocopy" => options.nocopy = true,
            _ if PROPAGATION.contains(&option) => options.propagation = Some(option.to_owned()),
            other => {
                let message = format!("{} is not an option of a volume", quoted(other));
                let words = ["ro", "rw", "z", "Z", "nocopy"].into_iter().chain(PROPAGATION);
                decoder.problem_with_help(node.span, message, suggest::hint(other, words));
                return None;
            }
        }
    }
    let source = match parts.source {
        None => MountSource::Anonymous,
        Some(path) if path.starts_with('/') => bind(path, node.span, decoder)?,
        Some(path) if path.starts_with(['.', '~']) || path.contains('/') => bind(path, node.span, decoder)?,
        Some(name) => MountSource::Volume(declared.volume(name, node.span, decoder)),
    };
    let mount = mount(source, parts.target, read_only, node.span, decoder)?;
    Some(checked(Mount { options, ..mount }, node.span, decoder))
}

fn long(node: &Node, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Mount> {
    let mut fields = decoder.map(node, node.span);
    let kind = fields.required("type", decoder).and_then(|node| match node.text() {
        Some(kind @ ("npipe" | "cluster" | "image")) => {
            decoder.problem_with_help(
                node.span,
                format!("{} is not supported", quoted(kind)),
                "use `bind`, `volume` or `tmpfs`",
            );
            None
        }
        _ => decoder.word(node, &[("bind", "bind"), ("volume", "volume"), ("tmpfs", "tmpfs")]),
    });
    let memory = fields.entry("tmpfs");
    if let (Some(entry), true) = (memory, kind.is_some_and(|kind| kind != "tmpfs")) {
        decoder.problem(entry.key, "`tmpfs` is for volumes of `type: tmpfs`");
    }
    let source = fields.get("source");
    let source = match (kind, source) {
        (Some("tmpfs"), Some(node)) => {
            decoder.problem(node.span, "a tmpfs has no source");
            None
        }
        (Some("tmpfs"), None) => Some(memory.map_or(EMPTY_TMPFS, |entry| tmpfs(entry, decoder))),
        (Some("bind"), Some(node)) => decoder.text(node).and_then(|path| bind(path, node.span, decoder)),
        (Some("bind"), None) => fields.required("source", decoder).and(None),
        (Some(_), Some(node)) => {
            decoder.text(node).map(|name| MountSource::Volume(declared.volume(name, node.span, decoder)))
        }
        (Some(_), None) => Some(MountSource::Anonymous),
        (None, _) => None,
    };
    let options = options(&mut fields, kind, decoder);
    let target = fields.required("target", decoder).map(|node| (decoder.text(node), node.span));
    let read_only = fields.get("read_only").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    fields.finish_compose(decoder, keys::VOLUME);
    let (target, span) = target?;
    let mount = mount(source?, target?, read_only, span, decoder)?;
    Some(checked(Mount { options, ..mount }, node.span, decoder))
}

/// `bind:` and `volume:` of a long volume.
fn options(fields: &mut Fields<'_>, kind: Option<&str>, decoder: &mut Decoder<'_>) -> MountOptions {
    let mut options = MountOptions::default();
    for key in ["bind", "volume"] {
        let Some(entry) = fields.entry(key) else { continue };
        if kind.is_some_and(|kind| kind != key) {
            decoder.problem(entry.key, format!("`{key}` is for volumes of `type: {key}`"));
        }
        let mut fields = decoder.map(&entry.value, entry.key);
        if key == "bind" {
            options.propagation = word(&mut fields, "propagation", &PROPAGATION, decoder);
            options.selinux = word(&mut fields, "selinux", &["z", "Z"], decoder);
            let create = fields.get("create_host_path").and_then(|node| decoder.boolean(node));
            options.must_exist = create == Some(false);
            fields.finish_compose(decoder, &["recursive"]);
        } else {
            options.nocopy = fields.get("nocopy").and_then(|node| decoder.boolean(node)).unwrap_or(false);
            options.subpath = text(&mut fields, "subpath", decoder);
            fields.finish_compose(decoder, &["labels"]);
        }
    }
    options
}

/// Options that fit what is mounted.
fn checked(mount: Mount, at: Span, decoder: &mut Decoder<'_>) -> Mount {
    let MountOptions { propagation, selinux, must_exist, nocopy, subpath } = &mount.options;
    let of_bind = propagation.is_some() || selinux.is_some() || *must_exist;
    let of_volume = *nocopy || subpath.is_some();
    let wrong = match &mount.source {
        MountSource::Bind(_) => of_volume.then_some("this is an option of volumes, and a path of the host is mounted"),
        _ => of_bind.then_some("this is an option of paths of the host, and a volume is mounted"),
    };
    if let Some(message) = wrong {
        decoder.problem(at, message);
    }
    if selinux.is_some() && *must_exist {
        let help = "leave out one of the two";
        decoder.problem_with_help(at, "`selinux` makes the engine create a missing directory", help);
    }
    mount
}

fn tmpfs(entry: &Entry, decoder: &mut Decoder<'_>) -> MountSource {
    let mut fields = decoder.map(&entry.value, entry.key);
    let size = fields.get("size").and_then(|node| decoder.bytes(node));
    let mode = fields.get("mode").and_then(|node| permissions(node, decoder));
    fields.finish(decoder);
    MountSource::Tmpfs { size, mode }
}

fn bind(path: &str, at: Span, decoder: &mut Decoder<'_>) -> Option<MountSource> {
    if is_container_path(path) {
        return Some(MountSource::Bind(path.to_owned()));
    }
    let help = "write an absolute path of the host, without `..`";
    decoder.problem_with_help(at, format!("{} cannot be mounted", quoted(path)), help);
    None
}

fn mount(source: MountSource, target: &str, read_only: bool, at: Span, decoder: &mut Decoder<'_>) -> Option<Mount> {
    if !is_container_path(target) || target == "/" {
        let message = format!("{} is not a place for a volume", quoted(target));
        decoder.problem_with_help(at, message, "write an absolute path in the container, without `..`");
        return None;
    }
    Some(Mount { source, target: target.to_owned(), read_only, options: MountOptions::default() })
}
