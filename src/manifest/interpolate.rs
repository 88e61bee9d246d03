//! `${VARIABLE}` in values, by the rules of the Compose Specification (Interpolation). Pure: the variables are given.
//! Stricter than Compose in one thing: a variable that is not set, and has no default, is an error.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::diagnostic::Diagnostic;
use super::node::{Kind, Node, is_null, quoted};
use super::source::{Sources, Span};
use super::{set, suggest};

/// Defaults within defaults.
const MAX_DEPTH: usize = 8;

/// What the values of a manifest, or of a file of variables, come to with their variables put in.
const MAX_BYTES: usize = 16 << 20;

/// Names and values that manifests may refer to. Values may be secret: no message shows one.
pub(crate) type Variables = BTreeMap<String, String>;

/// What a variable without value or default is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    Refused,
    /// The word [`STAND_IN`].
    StandsIn,
}

/// Satisfies most keys that take text, and no key that takes anything else.
const STAND_IN: &str = "unset";

/// Bytes that may still be put in the place of variables: each is short to write, and its value need not be.
pub(crate) struct Room(Cell<Option<usize>>);

impl Default for Room {
    fn default() -> Self {
        Self(Cell::new(Some(MAX_BYTES)))
    }
}

impl Room {
    fn take(&self, bytes: usize) -> Result<(), Problem> {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(bytes)));
        self.0.get().map(drop).ok_or(Problem::Malformed("variables make this longer than 16 MiB"))
    }

    /// After that was said once there is no more to say.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.get().is_none()
    }
}

/// How the variables of a tree are replaced.
pub(crate) struct Interpolation<'i> {
    pub(crate) sources: &'i Sources,
    pub(crate) variables: &'i Variables,
    pub(crate) unset: Unset,
    pub(crate) room: &'i Room,
}

impl Interpolation<'_> {
    /// Puts the values of variables into every value of a tree. Keys are left alone, and so is what `--set` has set,
    /// which the operator's shell has seen to.
    pub(crate) fn put(&self, node: &mut Node, problems: &mut Vec<Diagnostic>) {
        match &mut node.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| self.put(item, problems)),
            Kind::Map(map) => map.values_mut().for_each(|entry| self.put(&mut entry.value, problems)),
            Kind::Scalar { text, plain } if text.contains('$') => {
                let source = self.sources.of(node.span);
                if source.name == set::NAME || self.room.is_exceeded() {
                    return;
                }
                match Text::new(text, self.variables, self.unset, self.room).expand(0) {
                    Ok(expanded) => {
                        // A variable that is empty is text without characters, and not the absence of a value.
                        *plain &= !is_null(&expanded);
                        *text = expanded.into();
                    }
                    Err(problem) => {
                        let span = node.span.start as usize..node.span.end as usize;
                        let (message, help) = problem.words(self.variables);
                        problems.push(Diagnostic::at(source, span, message).with_help(help));
                    }
                }
            }
            Kind::Scalar { .. } => {}
        }
    }
}

/// Keys of a service beneath which a name without a value takes it from the variable of its name.
const PASSED: [&[&str]; 2] = [&["environment"], &["build", "args"]];

impl Interpolation<'_> {
    /// Gives names without a value the value of their variable.
    pub(crate) fn pass_through(&self, services: &mut Node, problems: &mut Vec<Diagnostic>) {
        let Kind::Map(services) = &mut services.kind else { return };
        for service in services.values_mut() {
            for path in PASSED {
                let entry = path.iter().try_fold(&mut service.value, |node, key| match &mut node.kind {
                    Kind::Map(map) => map.get_mut(*key).map(|entry| &mut entry.value),
                    _ => None,
                });
                if let Some(node) = entry {
                    self.pass(node, problems);
                }
            }
        }
    }

    /// Puts the value of the variable that a config names in the place of its name.
    pub(crate) fn configs(&self, configs: &mut Node, problems: &mut Vec<Diagnostic>) {
        let Kind::Map(configs) = &mut configs.kind else { return };
        for config in configs.values_mut() {
            if let Kind::Map(map) = &mut config.value.kind
                && let Some(entry) = map.get_mut("environment")
                && let Some(name) = entry.value.text().map(str::to_owned)
                && let Some(value) = self.passed(&name, entry.value.span, problems)
            {
                entry.value.kind = Kind::Scalar { text: value.into(), plain: false };
            }
        }
    }

    fn pass(&self, node: &mut Node, problems: &mut Vec<Diagnostic>) {
        match &mut node.kind {
            Kind::Map(map) => {
                for (name, entry) in map.iter_mut().filter(|(_, entry)| entry.value.is_null()) {
                    if let Some(value) = self.passed(name, entry.key, problems) {
                        entry.value.kind = Kind::Scalar { text: value.into(), plain: false };
                    }
                }
            }
            Kind::List(items) => {
                for item in items {
                    let name = item.text().filter(|text| !text.contains('=')).map(str::to_owned);
                    if let Some(name) = name
                        && let Some(value) = self.passed(&name, item.span, problems)
                    {
                        item.kind = Kind::Scalar { text: format!("{name}={value}").into(), plain: false };
                    }
                }
            }
            Kind::Scalar { .. } => {}
        }
    }

    fn passed(&self, name: &str, at: Span, problems: &mut Vec<Diagnostic>) -> Option<String> {
        let value = self.variables.get(name).cloned();
        if value.is_none() && self.unset == Unset::StandsIn {
            return Some(STAND_IN.to_owned());
        }
        if value.is_none() {
            let message = format!("{} has no value here, and no variable of this name is set", quoted(name));
            let help = "set it in the environment or in .env; write `\"\"` for empty text, or `!reset` to remove what an earlier layer set";
            let span = at.start as usize..at.end as usize;
            problems.push(Diagnostic::at(self.sources.of(at), span, message).with_help(help));
        }
        value
    }
}

/// What is wrong with a value.
pub(super) enum Problem {
    Unset(String),
    Required(String, String),
    Malformed(&'static str),
}

impl Problem {
    /// Message and help.
    pub(super) fn words(self, variables: &Variables) -> (String, String) {
        match self {
            Self::Unset(name) => {
                let near = suggest::nearest(&name, variables.keys().map(String::as_str));
                let default = format!(
                    "set it in the environment or in .env, write `${{{name}:-default}}`, or `$$` for a literal `$`"
                );
                let help = near.map_or(default.clone(), |near| format!("did you mean `{near}`? Otherwise {default}"));
                (format!("the variable `{name}` is not set"), help)
            }
            Self::Required(name, message) => {
                let said = if message.is_empty() { String::new() } else { format!(": {}", quoted(&message)) };
                (format!("the variable `{name}` must be set{said}"), "set it in the environment or in .env".to_owned())
            }
            Self::Malformed(what) => (what.to_owned(), "write `${NAME}`, or `$$` for a literal `$`".to_owned()),
        }
    }
}

/// The part of a value that is still to be read.
pub(super) struct Text<'t> {
    rest: &'t str,
    variables: &'t Variables,
    unset: Unset,
    room: &'t Room,
}

impl<'t> Text<'t> {
    pub(super) fn new(rest: &'t str, variables: &'t Variables, unset: Unset, room: &'t Room) -> Self {
        Self { rest, variables, unset, room }
    }

    /// Reads to the end.
    pub(super) fn expand(mut self, depth: usize) -> Result<String, Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::Malformed("defaults are nested too deeply"));
        }
        let mut out = String::new();
        while let Some(at) = self.rest.find('$') {
            out.push_str(&self.rest[..at]);
            self.rest = &self.rest[at + 1..];
            match self.rest.chars().next() {
                Some('$') => {
                    out.push('$');
                    self.rest = &self.rest[1..];
                }
                Some('{') => {
                    self.rest = &self.rest[1..];
                    let value = self.braced(depth)?;
                    self.room.take(value.len())?;
                    out.push_str(&value);
                }
                _ => {
                    let name = self.name().ok_or(Problem::Malformed("a `$` without the name of a variable"))?;
                    let value = self.value(name)?;
                    self.room.take(value.len())?;
                    out.push_str(value);
                }
            }
        }
        out.push_str(self.rest);
        Ok(out)
    }

    fn value(&self, name: &str) -> Result<&'t str, Problem> {
        match (self.variables.get(name), self.unset) {
            (Some(value), _) => Ok(value),
            (None, Unset::StandsIn) => Ok(STAND_IN),
            (None, Unset::Refused) => Err(Problem::Unset(name.to_owned())),
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let first = name.chars().next().filter(|first| !first.is_ascii_digit());
        first.map(|_| {
            self.rest = rest;
            name
        })
    }

    /// What follows `${`, with the closing brace.
    fn braced(&mut self, depth: usize) -> Result<String, Problem> {
        let name = self.name().ok_or(Problem::Malformed("`${` without the name of a variable"))?;
        let value = self.variables.get(name);
        let set = value.filter(|value| !value.is_empty());
        let operand = self.operand()?;
        let expand = |text: &str| Text::new(text, self.variables, self.unset, self.room).expand(depth + 1);
        // With a colon, an empty variable counts as one that is not set.
        let (operator, (value, text)) = match operand.strip_prefix(':') {
            Some(rest) => (rest.chars().next().unwrap_or(' '), (set, rest.get(1..).unwrap_or_default())),
            None => (operand.chars().next().unwrap_or('\0'), (value, operand.get(1..).unwrap_or_default())),
        };
        match (operator, value) {
            ('\0' | '-' | '?', Some(value)) => Ok(value.clone()),
            ('\0', None) => self.value(name).map(str::to_owned),
            ('-', None) | ('+', Some(_)) => expand(text),
            ('+', None) => Ok(String::new()),
            ('?', None) if self.unset == Unset::StandsIn => Ok(STAND_IN.to_owned()),
            ('?', None) => Err(Problem::Required(name.to_owned(), expand(text)?)),
            _ => Err(Problem::Malformed(
                "after the name of a variable only `:-`, `-`, `:?`, `?`, `:+` and `+` are known",
            )),
        }
    }

    /// Up to the brace that closes this one; braces of variables within it are its own.
    fn operand(&mut self) -> Result<&'t str, Problem> {
        let mut depth = 0_usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                '{' if self.rest[..at].ends_with('$') => depth += 1,
                '}' if depth == 0 => {
                    let (operand, rest) = (&self.rest[..at], &self.rest[at + 1..]);
                    self.rest = rest;
                    return Ok(operand);
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        Err(Problem::Malformed("`${` without its `}`"))
    }
}
