//! Keys of a service that go into its container as they are.

use std::collections::BTreeMap;

use super::declared::Declared;
use crate::delivery::Delivery;
use crate::environment::{FileTarget, Logging, RestartPolicy, SecretFile};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Node, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;

/// Where the manifest is silent: a service that cannot run is not restarted for ever.
pub(super) const RESTART: RestartPolicy = RestartPolicy::OnFailure(5);

/// The kernel takes no longer string in an environment (`MAX_ARG_STRLEN`).
const LONGEST_VARIABLE: usize = 128 * 1024;

/// Signals by name; those of real time are `SIGRTMIN+1` and so on.
pub(super) const SIGNALS: [&str; 31] = [
    "SIGTERM",
    "SIGINT",
    "SIGQUIT",
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGKILL",
    "SIGWINCH",
    "SIGABRT",
    "SIGALRM",
    "SIGPWR",
    "SIGCONT",
    "SIGBUS",
    "SIGCHLD",
    "SIGFPE",
    "SIGILL",
    "SIGIO",
    "SIGPIPE",
    "SIGPROF",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGVTALRM",
    "SIGXCPU",
    "SIGXFSZ",
];

/// A quarter of the stack that a program usually has, which its arguments and variables share (`execve(2)`).
const LARGEST_ENVIRONMENT: usize = 2 << 20;

/// Variables, and those whose values are secrets.
pub(super) fn environment(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> (BTreeMap<String, String>, Vec<SecretFile>) {
    let (pairs, maps) = fields.get("environment").map(|node| decoder.pairs_and_maps(node)).unwrap_or_default();
    let mut secrets = Vec::new();
    for (name, entry) in maps {
        variable_name(name, entry.key, decoder);
        let mut fields = decoder.map(&entry.value, entry.key);
        let source = fields.required("secret", decoder).and_then(|node| declared.secret(node, decoder));
        fields.finish(decoder);
        let file = FileTarget { path: name.to_owned(), uid: 0, gid: 0, mode: 0 };
        secrets.extend(source.map(|source| SecretFile { source, file, deliver: Delivery::Variable }));
    }
    for pair in &pairs {
        variable_name(&pair.key, pair.span, decoder);
        if pair.key.len() + pair.value.len() >= LONGEST_VARIABLE {
            decoder.problem(
                pair.span,
                format!("{} is larger than the 128 KiB that a variable can hold", quoted(&pair.key)),
            );
        }
    }
    let total: usize = pairs.iter().map(|pair| pair.key.len() + pair.value.len() + "=\0".len()).sum();
    if let (true, Some(entry)) = (total > LARGEST_ENVIRONMENT, fields.entry("environment")) {
        let help = "deliver what is large as a config or a secret";
        decoder.problem_with_help(
            entry.key,
            "together the variables are larger than the 2 MiB that a program can be started with",
            help,
        );
    }
    (pairs.into_iter().map(|pair| (pair.key, pair.value)).collect(), secrets)
}

fn variable_name(name: &str, at: Span, decoder: &mut Decoder<'_>) {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !first || !plain {
        let message = format!("{} is not the name of a variable", quoted(name));
        let help = "use letters, digits, `_`, `.` and `-`, and begin with a letter or `_`";
        decoder.problem_with_help(at, message, help);
    }
}

/// The operator's labels; `shipctl.` is ours.
pub(super) fn labels(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> BTreeMap<String, String> {
    let pairs = fields.get("labels").map(|node| decoder.pairs(node)).unwrap_or_default();
    for pair in &pairs {
        if pair.key.starts_with("shipctl.") {
            decoder.problem(
                pair.span,
                format!("{}: labels that begin with `shipctl.` are set by shipctl alone", quoted(&pair.key)),
            );
        } else if pair.key.is_empty() || pair.key.contains(char::is_whitespace) {
            decoder.problem(pair.span, format!("{} is not the name of a label", quoted(&pair.key)));
        }
    }
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

/// What the engine does when the container ends; `deploy` is what `deploy.restart_policy` says of it, which wins.
pub(super) fn restart(
    fields: &mut Fields<'_>,
    deploy: Option<RestartPolicy>,
    decoder: &mut Decoder<'_>,
) -> RestartPolicy {
    let written = written(fields, decoder);
    deploy.unwrap_or(written)
}

fn written(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> RestartPolicy {
    let Some(node) = fields.get("restart") else { return RESTART };
    let Some(text) = decoder.text(node) else { return RESTART };
    let policy = match text {
        "no" => Some(RestartPolicy::No),
        "always" => Some(RestartPolicy::Always),
        "unless-stopped" => Some(RestartPolicy::UnlessStopped),
        "on-failure" => Some(RestartPolicy::OnFailure(0)),
        _ => text
            .strip_prefix("on-failure:")
            .and_then(decimal)
            .and_then(|n| u32::try_from(n).ok())
            .map(RestartPolicy::OnFailure),
    };
    policy.unwrap_or_else(|| {
        let words = ["no", "always", "unless-stopped", "on-failure", "on-failure:5"];
        decoder.problem_with_help(
            node.span,
            format!("{} is not a restart policy", quoted(text)),
            suggest::hint(text, words),
        );
        RESTART
    })
}

/// Log driver; files that are rotated, where the manifest is silent.
pub(super) fn logging(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Logging {
    let mut driver = "json-file".to_owned();
    let rotated = [("max-size", "10m"), ("max-file", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut options = None;
    if let Some(mut fields) = super::nested(fields, "logging", decoder) {
        if let Some(text) = fields.get("driver").and_then(|node| decoder.text(node)) {
            text.clone_into(&mut driver);
        }
        let pairs = fields.get("options").map(|node| decoder.pairs(node));
        options = pairs.map(|pairs| pairs.into_iter().map(|pair| (pair.key, pair.value)).collect());
        fields.finish(decoder);
    }
    let default = || if driver == "json-file" { BTreeMap::from(rotated) } else { BTreeMap::new() };
    Logging { options: options.unwrap_or_else(default), driver }
}

/// `user[:group]`, by name or number.
pub(super) fn user(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<String> {
    let node = fields.get("user")?;
    let text = decoder.text(node)?;
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    };
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    if !part(user) || !group.is_none_or(part) {
        decoder.problem_with_help(
            node.span,
            format!("{} is not a user", quoted(text)),
            "write `user` or `user:group`, by name or number",
        );
    }
    Some(text.to_owned())
}

/// The directory in which the command starts.
pub(super) fn working_dir(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<String> {
    let node = fields.get("working_dir")?;
    let text = decoder.text(node)?;
    if !text.starts_with('/') {
        decoder.problem_with_help(node.span, format!("{} is not a directory", quoted(text)), "write an absolute path");
    }
    Some(text.to_owned())
}

/// The signal that asks the container to end.
pub(super) fn stop_signal(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<String> {
    let node: &Node = fields.get("stop_signal")?;
    let text = decoder.text(node)?;
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let realtime = name.strip_prefix("RTMIN+").and_then(decimal).is_some_and(|n| n <= 30);
    let number = decimal(text).is_some_and(|n| (1..=64).contains(&n));
    if !realtime && !number && !SIGNALS.iter().any(|signal| signal[3..] == *name) {
        decoder.problem_with_help(node.span, format!("{} is not a signal", quoted(text)), suggest::hint(text, SIGNALS));
    }
    Some(text.to_owned())
}
