//! `deliver:` of a config: how the file gets to its container.

use super::mounts::{Targets, is_container_path};
use crate::delivery::{Delivery, Live, directory, is_beneath, roots};
use crate::environment::{Check, ConfigFile, Health, RestartPolicy, Runtime};
use crate::manifest::decode::Decoder;
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;

/// The ways, in the manifest's words.
const WORDS: [&str; 4] = ["container", "volume", "host", "image"];

/// What a change of a file does to its container: the signal that it is sent, or nothing where another one takes its place.
pub(super) const ON_CHANGE: [(&str, Option<&str>); 6] = [
    ("replace", None),
    ("signal", Some("SIGHUP")),
    ("SIGHUP", Some("SIGHUP")),
    ("SIGUSR1", Some("SIGUSR1")),
    ("SIGUSR2", Some("SIGUSR2")),
    ("SIGWINCH", Some("SIGWINCH")),
];

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

/// What an item of `configs` says; copied into the container if it says nothing, which is replaced when they change.
pub(super) fn decode(item: &Node, decoder: &mut Decoder<'_>) -> Option<Delivery> {
    let deliver = match item.entry("deliver") {
        Some(entry) => way(&entry.value, entry.key, decoder)?,
        None => Delivery::Container,
    };
    let Some(on_change) = item.entry("on_change").map(|entry| &entry.value) else { return Some(deliver) };
    let Some(signal) = decoder.word(on_change, &ON_CHANGE)? else { return Some(deliver) };
    let folder = match deliver {
        Delivery::Volume => None,
        Delivery::Host(folder) => Some(folder),
        _ => {
            let message = "a file that lies in the container or its image does not change while it runs";
            let help = "write `deliver: volume` or `deliver: host` beside it";
            decoder.problem_with_help(on_change.span, message, help);
            return None;
        }
    };
    Some(Delivery::Live(Live { folder, signal: signal.to_owned() }))
}

fn way(node: &Node, key: Span, decoder: &mut Decoder<'_>) -> Option<Delivery> {
    if let Kind::Map(_) = node.kind {
        let mut fields = decoder.map(node, key);
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

/// Refuses files whose directory cannot be mounted as a whole. `targets` is everything that is put into the container.
pub(super) fn check(configs: &[ConfigFile], at: Span, targets: &Targets, decoder: &mut Decoder<'_>) {
    let mut mounted: Vec<&Delivery> = configs.iter().map(|config| &config.deliver).collect();
    mounted.retain(|deliver| deliver.is_mounted());
    mounted.sort();
    mounted.dedup();
    let mut signals = mounted.iter().filter_map(|deliver| match deliver {
        Delivery::Live(live) => Some(live.signal.as_str()),
        _ => None,
    });
    if let Some(first) = signals.next()
        && let Some(other) = signals.find(|other| *other != first)
    {
        let message = format!("one file is told by {first} and another by {other}; a container is sent one signal");
        decoder.problem_with_help(at, message, "write the same `on_change` for all");
    }
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

/// Refuses what a container cannot have whose files change while it runs. `entry` is that of its configs.
pub(super) fn check_live(
    configs: &[ConfigFile],
    runtime: &Runtime,
    health: &Health,
    at: Span,
    decoder: &mut Decoder<'_>,
) {
    let live = configs.iter().find_map(|config| match &config.deliver {
        Delivery::Live(live) => Some((live, config)),
        _ => None,
    });
    let Some((live, config)) = live else { return };
    let signal = &live.signal;
    if runtime.stop_signal.as_ref() == Some(signal) {
        let message = format!("{signal} ends this container, so it cannot tell it that its files have changed");
        decoder.problem_with_help(at, message, "write another `stop_signal`, or another signal as `on_change`");
    }
    if runtime.restart == RestartPolicy::UnlessStopped {
        let message = "an engine takes a container that was sent a signal for one that somebody has stopped";
        decoder.problem_with_help(at, message, "write `restart: always`, or `on_change: replace`");
    }
    if health.check == Check::Container {
        let message = "the engine's own health check says for a while what it found before the files changed";
        let help = "write `health: { http: … }` (or `tcp`, or `exec`), or `on_change: replace`";
        decoder.problem_with_help(at, message, help);
    }
    let ours = |path: &str| path.rsplit('/').any(|part| part == ".current" || part.starts_with(".version-"));
    if ours(&config.file.path) {
        let message = format!("{} is a name that shipctl needs itself there", quoted(&config.file.path));
        decoder.problem(at, message);
    }
}

fn is_system(path: &str) -> bool {
    SYSTEM.contains(&path) || SYSTEM_TREES.iter().any(|tree| is_beneath(path, tree))
}

fn shown(root: &str) -> String {
    quoted(if root.is_empty() { "/" } else { root })
}
