//! The merged manifest for `config show`: as YAML, each value with the file and line that set it.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::Manifest;
use super::node::{Kind, Node};
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
}

/// Comments are aligned at this column at most; longer lines push theirs out.
const WIDEST: usize = 60;

impl Manifest {
    /// The merged manifest as YAML with `# file:line` after each value. Secrets are in it by name only.
    pub fn show(&self) -> String {
        let yaml = serde_yaml::to_string(&self.tree).unwrap_or_else(|error| unreachable!("a tree of text: {error}"));
        let mut places = Vec::new();
        places_of_lines(&self.tree, &mut places);
        let lines: Vec<&str> = yaml.lines().collect();
        if lines.len() != places.len() {
            // A key of many lines or characters is emitted in a form of its own; comments would be off.
            return yaml;
        }
        let commented =
            lines.iter().zip(&places).filter(|(_, place)| place.is_some()).map(|(line, _)| line.chars().count());
        let column = commented.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        let comment = |(index, line): (usize, &&str)| match places.get(index).copied().flatten() {
            Some(place) => format!("{line:column$}  # {}\n", self.sources.place(place)),
            None => format!("{line}\n"),
        };
        lines.iter().enumerate().map(comment).collect()
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
                found.push(Provenance { path, value, file: source.name.clone(), line });
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

/// For each line that the emitter writes: the value that ends on it, if one does. The emitter writes
/// a line per scalar and per empty list or map, one more for each further line of a text with line
/// breaks, and one for a key whose entries follow below it.
fn places_of_lines(node: &Node, lines: &mut Vec<Option<Span>>) {
    let nested = |child: &Node| match &child.kind {
        Kind::List(items) => !items.is_empty(),
        Kind::Map(map) => !map.is_empty(),
        Kind::Scalar { .. } => false,
    };
    match &node.kind {
        Kind::Map(map) if !map.is_empty() => {
            for entry in map.values() {
                if nested(&entry.value) {
                    lines.push(None);
                }
                places_of_lines(&entry.value, lines);
            }
        }
        Kind::List(items) if !items.is_empty() => items.iter().for_each(|item| places_of_lines(item, lines)),
        _ => {
            let count = serde_yaml::to_string(node).map_or(1, |text| text.lines().count());
            // A comment behind `|` and before the text's first line is allowed.
            lines.push(Some(node.span));
            lines.extend(std::iter::repeat_n(None, count.saturating_sub(1)));
        }
    }
}
