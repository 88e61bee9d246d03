//! `hooks:`, what runs on this machine at named points.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::nested;
use crate::environment::{Hook, Point};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node};

/// How long a hook may take where the manifest is silent: hosts wait for it.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);

/// All hooks, by the point at which they run.
pub(super) fn decode(top: &mut Fields<'_>, decoder: &mut Decoder<'_>, root: &Path) -> BTreeMap<Point, Hook> {
    let Some(mut fields) = nested(top, "hooks", decoder) else { return BTreeMap::new() };
    let mut hooks = BTreeMap::new();
    for point in Point::ALL {
        let Some(entry) = fields.entry(point.as_str()) else { continue };
        if let Some(hook) = hook(entry, decoder, root) {
            hooks.insert(point, hook);
        }
    }
    fields.finish(decoder);
    hooks
}

/// A command, or a map with one.
fn hook(entry: &Entry, decoder: &mut Decoder<'_>, root: &Path) -> Option<Hook> {
    let Kind::Map(_) = entry.value.kind else {
        return Some(Hook { command: command(&entry.value, decoder, root)?, timeout: TIMEOUT });
    };
    let mut fields = decoder.map(&entry.value, entry.key);
    let command = fields.required("command", decoder).and_then(|node| command(node, decoder, root));
    let timeout = timeout(&mut fields, decoder).unwrap_or(TIMEOUT);
    fields.finish(decoder);
    Some(Hook { command: command?, timeout })
}

/// A time that something may take, which is not none at all.
pub(super) fn timeout(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<Duration> {
    let node = fields.get("timeout")?;
    let timeout = decoder.duration(node)?;
    if timeout.is_zero() {
        decoder.problem(node.span, "what may take no time cannot run");
    }
    Some(timeout)
}

/// A program and its arguments. A program of the project has to be there.
pub(super) fn command(node: &Node, decoder: &mut Decoder<'_>, root: &Path) -> Option<Vec<String>> {
    let command = decoder.command(node)?;
    let Some(program) = command.first().filter(|program| !program.is_empty()) else {
        decoder.problem_with_help(node.span, "the command is empty", "write `[program, argument]`");
        return None;
    };
    if program.contains('/') && !root.join(program).is_file() {
        let at = if let Kind::List(items) = &node.kind { items[0].span } else { node.span };
        let help = "a program with a slash in its name is beneath the project; one without is looked for in PATH";
        decoder.problem_with_help(at, format!("there is no file {}", root.join(program).display()), help);
    }
    Some(command)
}
