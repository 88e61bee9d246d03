//! The merged manifest for `config show`: as YAML, each value with the file and line that set it.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::Manifest;
use super::node::{Kind, Node, quoted};
use super::source::Span;

/// A value of the merged manifest and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Provenance {
    /// Keys and list positions, such as `services.web.ports[0]`.
    pub path: String,
    /// The value as it was written.
    pub value: String,
    /// File relative to the project root, or `--set`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Values of lower layers that it hides, the last first.
    pub hides: Vec<Hidden>,
}

/// A value that another one was put in the place of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hidden {
    /// The value as it was written; `a list` or `a map` where it was one.
    pub value: String,
    /// File relative to the project root.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
}

/// Comments are aligned at this column at most; longer lines push theirs out.
const WIDEST: usize = 60;

impl Manifest {
    /// The merged manifest as YAML with `# file:line` after each value, and, to explain, what that value hides. Secrets are
    /// in it by name only.
    pub fn show(&self, explain: bool) -> String {
        let yaml = serde_yaml::to_string(&self.tree).unwrap_or_else(|error| unreachable!("a tree of text: {error}"));
        let mut places = Vec::new();
        places_of_lines(&self.tree, &mut places);
        let lines: Vec<&str> = yaml.lines().collect();
        if lines.len() != places.len() {
            // A key of many lines or characters is emitted in a form of its own; comments would be off.
            return yaml;
        }
        let commented = lines.iter().zip(&places).filter(|(_, place)| place.is_some_and(|node| !is_nested(node)));
        let commented = commented.map(|(line, _)| line.chars().count());
        let column = commented.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        let comment = |(index, line): (usize, &&str)| match places.get(index).copied().flatten() {
            Some(node) if is_nested(node) => match self.over(node, explain) {
                over if over.is_empty() => format!("{line}\n"),
                over => format!("{line:column$}  # {}\n", over.trim_start_matches(", ")),
            },
            Some(node) => format!("{line:column$}  # {}{}\n", self.sources.place(node.span), self.over(node, explain)),
            None => format!("{line}\n"),
        };
        lines.iter().enumerate().map(comment).collect()
    }

    fn over(&self, node: &Node, explain: bool) -> String {
        let hidden = node.hidden.iter().filter(|_| explain).map(|hidden| self.hidden(hidden));
        let over = |hidden: Hidden| format!(", over {} ({}:{})", quoted(&hidden.value), hidden.file, hidden.line);
        hidden.map(over).collect::<Vec<_>>().concat()
    }

    fn hidden(&self, (span, text): &(Span, Arc<str>)) -> Hidden {
        let source = self.sources.of(*span);
        let (line, _) = source.position(span.start as usize);
        Hidden { value: text.to_string(), file: source.name.clone(), line }
    }

    /// Every value with its origin, in the order of [`Manifest::show`].
    pub fn provenance(&self) -> Vec<Provenance> {
        let mut found = Vec::new();
        self.collect(&self.tree, String::new(), &mut found);
        found
    }

    fn collect(&self, node: &Node, path: String, found: &mut Vec<Provenance>) {
        match &node.kind {
            Kind::Map(map) if !map.is_empty() => {
                for (key, entry) in map {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.collect(&entry.value, format!("{path}{dot}{key}"), found);
                }
            }
            Kind::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    self.collect(item, format!("{path}[{index}]"), found);
                }
            }
            kind => {
                let source = self.sources.of(node.span);
                let value = match kind {
                    Kind::Scalar { text, .. } => text.to_string(),
                    Kind::List(_) => "[]".to_owned(),
                    Kind::Map(_) => "{}".to_owned(),
                };
                let (line, _) = source.position(node.span.start as usize);
                let hides = node.hidden.iter().map(|hidden| self.hidden(hidden)).collect();
                found.push(Provenance { path, value, file: source.name.clone(), line, hides });
            }
        }
    }
}

impl Serialize for Node {
    /// Text that reads back as what it was: plain numbers and booleans without quotes where that keeps
    /// every digit.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Kind::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, entry)| map.serialize_entry(&**key, &entry.value))?;
                map.end()
            }
            Kind::Scalar { .. } if self.is_null() => serializer.serialize_unit(),
            Kind::Scalar { text, plain: true } if matches!(&**text, "true" | "false") => {
                serializer.serialize_bool(&**text == "true")
            }
            Kind::Scalar { text, plain } => match text.parse::<u64>() {
                Ok(number) if *plain && number.to_string() == **text => serializer.serialize_u64(number),
                _ => serializer.serialize_str(text),
            },
        }
    }
}

/// Whether its values stand on lines of their own, below its key.
fn is_nested(node: &Node) -> bool {
    match &node.kind {
        Kind::List(items) => !items.is_empty(),
        Kind::Map(map) => !map.is_empty(),
        Kind::Scalar { .. } => false,
    }
}

/// For each line that the emitter writes: the value that ends on it, if one does. The emitter writes
/// a line per scalar and per empty list or map, one more for each further line of a text with line
/// breaks, and one for a key whose entries follow below it, which stands for the list or map.
fn places_of_lines<'n>(node: &'n Node, lines: &mut Vec<Option<&'n Node>>) {
    match &node.kind {
        Kind::Map(map) if !map.is_empty() => {
            for entry in map.values() {
                if is_nested(&entry.value) {
                    lines.push(Some(&entry.value));
                }
                places_of_lines(&entry.value, lines);
            }
        }
        Kind::List(items) if !items.is_empty() => items.iter().for_each(|item| places_of_lines(item, lines)),
        _ => {
            let count = serde_yaml::to_string(node).map_or(1, |text| text.lines().count());
            // A comment behind `|` and before the text's first line is allowed.
            lines.push(Some(node));
            lines.extend(std::iter::repeat_n(None, count.saturating_sub(1)));
        }
    }
}
