//! Variables of a draft. What they stand for is not known here, and may be secret, so that values are tried in their
//! place to see whether the rest is sound.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::interpolate::Variables;
use crate::manifest::node::{Kind, Node};

/// Values of different kinds, of which one fits wherever a variable may stand.
const GUESSES: [&str; 5] = ["1", "/1", "true", "1s", "tcp"];

/// Variables that have no default, and what is tried in their place.
pub(super) struct Guesses {
    tried: BTreeMap<String, usize>,
    /// Those for which something else is tried in this round.
    moved: BTreeSet<String>,
}

impl Guesses {
    /// For the variables of a tree.
    pub(super) fn of(tree: &Node) -> Self {
        let mut names = Vec::new();
        collect(tree, &mut names);
        Self { tried: names.into_iter().map(|name| (name, 0)).collect(), moved: BTreeSet::new() }
    }

    /// Begins a round, in which something else is tried for a variable at most once.
    pub(super) fn begin(&mut self) {
        self.moved.clear();
    }

    /// What is being tried.
    pub(super) fn variables(&self) -> Variables {
        self.tried.iter().map(|(name, guess)| (name.clone(), GUESSES[*guess].to_owned())).collect()
    }

    /// Tries something else for the variables in a value that was refused. `false` where everything has been tried.
    pub(super) fn next(&mut self, refused: &str) -> bool {
        let mut has_moved = false;
        for name in unset(refused) {
            if self.moved.contains(&name) {
                has_moved = true;
            } else if let Some(guess) = self.tried.get_mut(&name).filter(|guess| **guess + 1 < GUESSES.len()) {
                *guess += 1;
                self.moved.insert(name);
                has_moved = true;
            }
        }
        has_moved
    }

    /// The names, in order.
    pub(super) fn names(tree: &Node) -> Vec<String> {
        Self::of(tree).tried.into_keys().collect()
    }
}

fn collect(node: &Node, names: &mut Vec<String>) {
    match &node.kind {
        Kind::Scalar { text, .. } => names.extend(unset(text)),
        Kind::List(items) => items.iter().for_each(|item| collect(item, names)),
        Kind::Map(map) => map.values().for_each(|entry| collect(&entry.value, names)),
    }
}

/// Variables in a text that must be set: `$NAME`, `${NAME}`, `${NAME?…}` and `${NAME:?…}`.
fn unset(text: &str) -> Vec<String> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('$') {
            rest = tail;
            continue;
        }
        let (braced, body) = rest.strip_prefix('{').map_or((false, rest), |body| (true, body));
        let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
        let (name, tail) = body.split_at(end);
        let is_needed = !braced || tail.starts_with(['}', '?']) || tail.starts_with(":?");
        if is_needed && !name.is_empty() {
            names.push(name.to_owned());
        }
        rest = tail;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_default_need_not_be_set() {
        let text = "$A ${B} ${C:-x} ${D?} ${E:?say ${F}} $$G ${H-${I}} a$";
        assert_eq!(unset(text), ["A", "B", "D", "E", "F", "I"]);
    }
}
