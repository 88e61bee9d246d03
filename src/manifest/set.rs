//! `--set key.path=value`: one value as a layer of its own, on top of all files.

use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::node::{Entry, Kind, Map, Node};
use super::parse;
use super::source::{Source, Sources, Span};

/// What stands in the place of a file's name.
pub(super) const NAME: &str = "--set";

/// Keys of a path.
const MAX_DEPTH: usize = 32;

/// Reads one `--set`. Text is taken as it is, without quoting or interpolation (that was the shell's),
/// so that `a: b` or `#1` need no care; what begins with `[`, `{`, a quote or `!` is read as YAML.
pub(crate) fn layer(argument: &str, sources: &mut Sources) -> Result<Node, Vec<Diagnostic>> {
    let source = Source::new(NAME, argument.to_owned());
    let file = sources.add(Arc::clone(&source));
    let fail = |message: &str| {
        Err(vec![
            Diagnostic::at(&source, 0..argument.len(), message)
                .with_help("write `--set services.web.image=shop/web:2`"),
        ])
    };
    let Some((path, value)) = split(argument) else { return fail("expected `key.path=value`") };
    if path.len() > MAX_DEPTH {
        return fail("the path has more than 32 keys");
    }
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let value_at = argument.len() - value.len();
    let mut node = if value.starts_with(['[', '{', '"', '\'', '!']) {
        // Spaces in place of the path keep the columns of the value true.
        let padded = Source::new(NAME, format!("{}{value}", " ".repeat(value_at)));
        match parse::parse(file, &padded)? {
            Some(node) => node,
            None => return fail("the value is empty"),
        }
    } else {
        let span = Span { file, start: offset(value_at), end: offset(argument.len()) };
        // Without a value the text is empty, which is not null.
        Node::new(span, Kind::Scalar { text: value.into(), plain: !value.is_empty() })
    };
    let mut end = value_at - 1;
    for key in path.iter().rev() {
        if key.text.is_empty() {
            return fail("a key of the path is empty");
        }
        let span = Span { file, start: offset(key.start), end: offset(end) };
        let entry = Entry { key: span, value: node };
        node = Node::new(span, Kind::Map(Map::from_iter([(Arc::from(key.text.as_str()), entry)])));
        end = key.start.saturating_sub(1);
    }
    Ok(node)
}

struct Key {
    text: String,
    start: usize,
}

/// Path and value. A key that holds dots stands in double quotes: `hosts.web1.labels."com.example"=x`.
fn split(argument: &str) -> Option<(Vec<Key>, &str)> {
    let mut path = vec![Key { text: String::new(), start: 0 }];
    let mut quoted = false;
    for (at, c) in argument.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '=' if !quoted => return Some((path, &argument[at + 1..])),
            '.' if !quoted => path.push(Key { text: String::new(), start: at + 1 }),
            _ => path.last_mut()?.text.push(c),
        }
    }
    None
}
