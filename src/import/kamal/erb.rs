//! ERB in Kamal's files: it is Ruby, which is not evaluated. A text is masked so that it is YAML, with every byte in its
//! place, and what was masked is taken out of the tree and listed. Only a value that is nothing but a variable of the
//! environment is read: it is one of ours too.

use std::sync::Arc;

use crate::manifest::node::{Kind, Node};
use crate::manifest::parse;
use crate::manifest::source::{Source, Sources, Span};

use super::super::draft::shown;
use super::super::{ImportError, Input, refused};

/// Stands for an expression; nobody writes it.
const MARK: &str = "ERB~";

/// A value that could not be read, or a line that does something.
pub(super) struct Erb {
    pub(super) key: String,
    pub(super) at: Span,
}

/// Reads a file, and takes ERB out of it.
pub(super) fn read(input: &Input, sources: &mut Sources, found: &mut Vec<Erb>) -> Result<Option<Node>, ImportError> {
    let source = Source::new(&*input.name, input.text.clone());
    let file = sources.add(Arc::clone(&source));
    let (masked, statements) = mask(&input.text);
    let masked = Source::new(&*input.name, masked);
    let mut tree = match parse::parse(file, &masked) {
        Ok(tree) => tree,
        Err(problems) => return Err(refused(problems)),
    };
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    for (start, end) in statements {
        let at = Span { file, start: offset(start), end: offset(end) };
        found.push(Erb { key: "<% … %>".to_owned(), at });
    }
    if let Some(tree) = &mut tree {
        prune(tree, &source, &mut Vec::new(), found);
    }
    Ok(tree)
}

/// The text with `<%= … %>` as a word and `<% … %>` as blanks; where the latter were.
fn mask(text: &str) -> (String, Vec<(usize, usize)>) {
    let (mut out, mut statements, mut at) = (String::with_capacity(text.len()), Vec::new(), 0);
    while let Some(open) = text[at..].find("<%").map(|open| at + open) {
        let end = text[open..].find("%>").map_or(text.len(), |close| open + close + 2);
        out.push_str(&text[at..open]);
        let tag = &text[open..end];
        let is_value = tag.starts_with("<%=") && tag.len() >= MARK.len();
        if !is_value && !tag.starts_with("<%#") {
            statements.push((open, end));
        }
        let fill = if is_value { '~' } else { ' ' };
        let from = out.len();
        // A byte for a byte, so that every place stays where it is.
        for character in tag.chars() {
            match character {
                '\n' => out.push('\n'),
                _ => out.extend(std::iter::repeat_n(fill, character.len_utf8())),
            }
        }
        if is_value {
            out.replace_range(from..from + MARK.len(), MARK);
        }
        at = end;
    }
    out.push_str(&text[at..]);
    (out, statements)
}

/// Takes out what holds a mark, but for what is just a variable. A `$` is nothing special to Kamal, and is to us.
fn prune(node: &mut Node, source: &Source, path: &mut Vec<String>, found: &mut Vec<Erb>) {
    match &mut node.kind {
        Kind::Scalar { text, .. } if text.contains('$') => *text = text.replace('$', "$$").into(),
        Kind::Scalar { .. } => {}
        Kind::List(items) => {
            let mut index = 0;
            items.retain_mut(|item| {
                path.push(format!("[{index}]"));
                index += 1;
                let keep = is_read(item, source);
                if keep {
                    prune_unless_read(item, source, path, found);
                } else {
                    found.push(Erb { key: shown(path), at: item.span });
                }
                path.pop();
                keep
            });
        }
        Kind::Map(map) => map.retain(|key, entry| {
            let is_key = key.contains(MARK);
            path.push(if is_key { "<%= … %>".to_owned() } else { key.to_string() });
            let keep = !is_key && is_read(&mut entry.value, source);
            if keep {
                prune_unless_read(&mut entry.value, source, path, found);
            } else {
                found.push(Erb { key: shown(path), at: if is_key { entry.key } else { entry.value.span } });
            }
            path.pop();
            keep
        }),
    }
}

fn prune_unless_read(node: &mut Node, source: &Source, path: &mut Vec<String>, found: &mut Vec<Erb>) {
    let is_variable = node.text().is_some_and(|text| text.starts_with("${")) && written(node, source).contains("<%=");
    if !is_variable {
        prune(node, source, path, found);
    }
}

/// What stands in the file.
fn written<'s>(node: &Node, source: &'s Source) -> &'s str {
    source.text.get(node.span.start as usize..node.span.end as usize).unwrap_or_default()
}

/// Puts a variable of ours into the place of one of Ruby's. `false` where that is not all that there is.
fn is_read(node: &mut Node, source: &Source) -> bool {
    let is_marked = matches!(&node.kind, Kind::Scalar { text, .. } if text.contains(MARK));
    if !is_marked {
        return true;
    }
    match variable(written(node, source)) {
        Some(name) => {
            node.kind = Kind::Scalar { text: format!("${{{name}}}").into(), plain: false };
            true
        }
        None => false,
    }
}

/// The variable of `<%= ENV["NAME"] %>` or `<%= ENV.fetch("NAME") %>`, alone.
fn variable(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']);
    let inner = text.strip_prefix("<%=")?.strip_suffix("%>")?.trim();
    let argument = inner.strip_prefix("ENV[").and_then(|rest| rest.strip_suffix(']'));
    let argument = argument.or_else(|| inner.strip_prefix("ENV.fetch(")?.strip_suffix(')'))?;
    let name = argument.trim().trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_stays_in_its_place() {
        let text = "a: <%= ENV[\"X\"] %>\n<% if é\n %>b: \"<%= x %>\"\n<%# c %>";
        let (masked, statements) = mask(text);
        assert_eq!(masked, "a: ERB~~~~~~~~~~~~\n        \n   b: \"ERB~~~~~\"\n        ");
        assert_eq!(masked.len(), text.len());
        assert_eq!(statements.len(), 1);
    }

    #[test]
    fn a_variable_is_recognised() {
        assert_eq!(variable(r#""<%= ENV["HOST"] %>""#).as_deref(), Some("HOST"));
        assert_eq!(variable("<%= ENV.fetch('A_1') %>").as_deref(), Some("A_1"));
        assert_eq!(variable("<%= `git rev-parse HEAD` %>"), None);
    }
}
