//! `deliver:` of a config: how the file gets to its container.

use super::mounts::{Targets, is_container_path};
use crate::delivery::{Delivery, directory, is_beneath, roots};
use crate::environment::ConfigFile;
use crate::manifest::decode::Decoder;
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;

/// The ways, in the manifest's words.
const WORDS: [&str; 4] = ["container", "volume", "host", "image"];

/// Holds the files of hosts, where the manifest names no other directory.
const HOST_FOLDER: &str = "/var/lib/shipctl";

/// Directories that a container does not run without: a mount would hide what the image has there.
const SYSTEM: [&str; 13] = [
    "",
    "/etc",
    "/home",
    "/opt",
    "/root",
    "/run",
    "/tmp",
    "/usr",
    "/usr/local",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
];

/// The same, with everything beneath them.
const SYSTEM_TREES: [&str; 16] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/proc",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/sbin",
    "/var/run",
];

/// What an item of `configs` says; copied into the container if it says nothing.
pub(super) fn decode(item: &Node, decoder: &mut Decoder<'_>) -> Option<Delivery> {
    let Some(entry) = item.entry("deliver") else { return Some(Delivery::Container) };
    let node = &entry.value;
    if let Kind::Map(_) = node.kind {
        let mut fields = decoder.map(node, entry.key);
        let folder = fields.required("host", decoder);
        fields.finish(decoder);
        let folder = folder?;
        let text = decoder.text(folder)?;
        if !is_container_path(text) || is_system(text.trim_end_matches('/')) {
            let message = format!("{} is not a directory of the host for these files", quoted(text));
            let help = "write an absolute path without `..`, of a directory of their own";
            decoder.problem_with_help(folder.span, message, help);
            return None;
        }
        return Some(Delivery::Host(text.trim_end_matches('/').to_owned()));
    }
    match decoder.text(node)? {
        "container" => Some(Delivery::Container),
        "volume" => Some(Delivery::Volume),
        "host" => Some(Delivery::Host(HOST_FOLDER.to_owned())),
        "image" => Some(Delivery::Image),
        other => {
            let message = format!("{} is not a way to deliver a config", quoted(other));
            decoder.problem_with_help(node.span, message, suggest::hint(other, WORDS));
            None
        }
    }
}

/// What happens to a container when the file changes. There is one answer; the other one that people ask for gets a reason.
pub(super) fn on_change(node: &Node, decoder: &mut Decoder<'_>) -> Option<()> {
    if node.text().is_some_and(|text| text == "signal" || text.starts_with("SIG")) {
        let message = "a running container is not signalled: it would no longer be what its labels say it is";
        let help = "write `replace`: a container with the new file takes its place behind the gate";
        decoder.problem_with_help(node.span, message, help);
        return None;
    }
    decoder.word(node, &[("replace", ())])
}

/// Refuses files whose directory cannot be mounted as a whole. `targets` is everything that is put into the container.
pub(super) fn check(configs: &[ConfigFile], at: Span, targets: &Targets, decoder: &mut Decoder<'_>) {
    let mut mounted: Vec<&Delivery> = configs.iter().map(|config| &config.deliver).collect();
    mounted.retain(|deliver| matches!(deliver, Delivery::Volume | Delivery::Host(_)));
    mounted.sort();
    mounted.dedup();
    for deliver in mounted {
        let ours = configs.iter().filter(|config| config.deliver == *deliver);
        let ours: Vec<&str> = ours.map(|config| config.file.path.as_str()).collect();
        for root in roots(ours.iter().copied()) {
            let first = ours.iter().find(|path| directory(path) == root).copied().unwrap_or_default();
            let span = targets.get(first).copied().unwrap_or(at);
            if is_system(root) {
                let message = format!("{} cannot be mounted: it would hide what the image has there", shown(root));
                decoder.problem_with_help(span, message, "deliver the file to a directory of its own");
                continue;
            }
            let mut others: Vec<_> = targets.iter().filter(|(path, _)| is_beneath(path, root)).collect();
            others.retain(|(path, _)| !ours.contains(&path.as_str()));
            if let Some((path, place)) = others.into_iter().min_by_key(|(path, _)| *path) {
                let place = decoder.place(*place);
                let message =
                    format!("{} is mounted as a whole, and {} is put there too ({place})", quoted(root), quoted(path));
                decoder.problem_with_help(span, message, "deliver both in one way, or to different directories");
            }
        }
    }
}

fn is_system(path: &str) -> bool {
    SYSTEM.contains(&path) || SYSTEM_TREES.iter().any(|tree| is_beneath(path, tree))
}

fn shown(root: &str) -> String {
    quoted(if root.is_empty() { "/" } else { root })
}
