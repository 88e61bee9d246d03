//! A tree as the YAML that a person would write: what is short on one line, what is long below its key, a blank line
//! between sections, comments above their keys. The same tree gives the same text.

use std::collections::BTreeMap;

use crate::manifest::node::{Kind, Map, Node};

use super::tree;

/// Lines do not grow longer than this where they need not.
const WIDEST: usize = 100;

/// A map of more entries than this is not put on one line.
const MOST_INLINE: usize = 4;

/// The top-level keys that are in `tree` and in `keys`, in the order of `keys`, beneath a comment.
pub(super) fn file(header: &str, tree: &Node, keys: &[&str], comments: &BTreeMap<String, String>) -> String {
    let mut out = Emitter { text: String::new(), comments };
    out.comment(header, 0);
    for key in keys {
        let Some(entry) = tree.entry(key) else { continue };
        out.text.push('\n');
        out.entry(key, &entry.value, 0, key);
    }
    out.text
}

struct Emitter<'c> {
    text: String,
    comments: &'c BTreeMap<String, String>,
}

impl Emitter<'_> {
    fn comment(&mut self, words: &str, indent: usize) {
        for paragraph in words.lines() {
            let mut line = "#".to_owned();
            for word in paragraph.split(' ') {
                if indent + line.len() + 1 + word.len() > WIDEST && line.len() > 1 {
                    self.line(indent, &line);
                    "#".clone_into(&mut line);
                }
                line.push(' ');
                line.push_str(word);
            }
            self.line(indent, line.trim_end());
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn entry(&mut self, key: &str, value: &Node, indent: usize, path: &str) {
        if let Some(words) = self.comments.get(path) {
            self.comment(words, indent);
        }
        let key = scalar(key, true);
        if let Some(inline) = self.inline(value, indent + key.len() + 2, path) {
            self.line(indent, format!("{key}: {inline}").trim_end());
            return;
        }
        match &value.kind {
            Kind::Scalar { text, .. } => {
                let end = if text.ends_with('\n') { "|" } else { "|-" };
                self.line(indent, &format!("{key}: {end}"));
                text.lines().for_each(|line| match line {
                    "" => self.text.push('\n'),
                    line => self.line(indent + 2, line),
                });
            }
            Kind::List(items) => {
                self.line(indent, &format!("{key}:"));
                for item in items {
                    self.item(item, indent + 2, path);
                }
            }
            Kind::Map(map) => {
                self.line(indent, &format!("{key}:"));
                self.map(map, indent + 2, path);
            }
        }
    }

    fn map(&mut self, map: &Map, indent: usize, path: &str) {
        for (index, (key, entry)) in map.iter().enumerate() {
            // Services are sections of their own.
            if path == "services" && index > 0 {
                self.text.push('\n');
            }
            self.entry(key, &entry.value, indent, &format!("{path}.{key}"));
        }
    }

    fn item(&mut self, item: &Node, indent: usize, path: &str) {
        if let Some(inline) = self.inline(item, indent + 2, path) {
            return self.line(indent, &format!("- {inline}"));
        }
        let from = self.text.len();
        let path = format!("{path}[]");
        match &item.kind {
            Kind::Map(map) => self.map(map, indent + 2, &path),
            Kind::List(items) => {
                for item in items {
                    self.item(item, indent + 2, &path);
                }
            }
            Kind::Scalar { text, .. } => return self.line(indent, &format!("- {}", json(text))),
        }
        // The first line carries the dash.
        let dash = from + indent;
        self.text.replace_range(dash..=dash, "-");
    }

    /// A value on the line of its key; `None` where it does not belong there.
    fn inline(&self, node: &Node, column: usize, path: &str) -> Option<String> {
        let fits = |text: String| (column + text.len() <= WIDEST).then_some(text);
        match &node.kind {
            Kind::Scalar { text, .. } if is_block(text) => None,
            Kind::Scalar { .. } if node.is_null() => Some(String::new()),
            Kind::Scalar { text, plain } => Some(scalar(text, *plain)),
            Kind::List(items) if items.iter().all(|item| matches!(item.kind, Kind::Scalar { .. })) => fits(flow(node)?),
            Kind::List(_) => None,
            Kind::Map(map) if map.is_empty() => Some("{}".to_owned()),
            Kind::Map(map) => {
                let depth = path.matches('.').count();
                let is_section = depth == 0 || path.starts_with("services.") && depth == 1;
                let is_wordy = path.ends_with(".environment") || path.ends_with(".labels") && map.len() > 1;
                let prefix = format!("{path}.");
                let is_commented = self.comments.keys().any(|key| key.starts_with(&prefix));
                let is_long = map.len() > MOST_INLINE;
                if is_section || is_wordy || is_commented || is_long { None } else { fits(flow(node)?) }
            }
        }
    }
}

/// Lines that stand below their key as they are.
fn is_block(text: &str) -> bool {
    let is_plain = |line: &str| !line.ends_with(' ') && !line.contains(char::is_control);
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.split('\n').all(is_plain)
}

/// In brackets; `None` for a text of several lines.
fn flow(node: &Node) -> Option<String> {
    Some(match &node.kind {
        Kind::Scalar { text, .. } if text.contains('\n') => return None,
        Kind::Scalar { .. } if node.is_null() => "null".to_owned(),
        Kind::Scalar { text, plain } => {
            let shown = scalar(text, *plain);
            let is_quoted = shown.starts_with(['"', '\'']);
            if !is_quoted && shown.contains([',', '[', ']', '{', '}', ':']) { json(text) } else { shown }
        }
        Kind::List(_) => {
            let items: Vec<String> = tree::items(node).iter().map(flow).collect::<Option<_>>()?;
            format!("[{}]", items.join(", "))
        }
        Kind::Map(_) => {
            let entry = |(key, entry): (&str, &crate::manifest::node::Entry)| {
                let value = flow(&entry.value)?;
                Some(format!("{}: {value}", scalar(key, true)))
            };
            let entries: Vec<String> = tree::entries(node).map(entry).collect::<Option<_>>()?;
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    })
}

/// A scalar that reads back as it is; quoted where it would be something else to another reader of YAML.
fn scalar(text: &str, plain: bool) -> String {
    if plain && (matches!(text, "true" | "false") || text.parse::<u64>().is_ok_and(|n| n.to_string() == *text)) {
        return text.to_owned();
    }
    let shown = serde_yaml::to_string(text).unwrap_or_else(|error| unreachable!("text is YAML: {error}"));
    let shown = shown.trim_end();
    if shown.contains('\n') || shown.starts_with('|') || text.contains(char::is_control) {
        return json(text);
    }
    if let Some(inner) = shown.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))
        && inner == text
        && !text.contains(['\\', '"'])
    {
        return json(text);
    }
    shown.to_owned()
}

/// In double quotes.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|error| unreachable!("text is JSON: {error}"))
}
