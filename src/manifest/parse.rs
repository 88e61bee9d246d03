//! Text of one layer → [`Node`]. Hostile input (deep nesting, aliases that multiply, repeated keys)
//! is refused here, before anything recurses over the tree.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::diagnostic::Diagnostic;
use super::node::{Entry, Kind, Map, Node, Tag, quoted};
use super::offsets::Offsets;
use super::source::{FileId, Source, Span};

/// Levels of nesting, aliases included.
const MAX_DEPTH: usize = 64;
/// Values of a layer, aliases included.
const MAX_NODES: usize = 100_000;
/// Problems reported of one layer; more are of the same cause.
const MAX_PROBLEMS: usize = 50;

/// Reads one YAML document. `None` is a document without content.
pub(crate) fn parse(file: FileId, source: &Arc<Source>) -> Result<Option<Node>, Vec<Diagnostic>> {
    let mut builder = Builder::new(source);
    for event in Parser::new_from_str(&source.text) {
        let step = match event {
            Ok((event, span)) => {
                let span = builder.offsets.span(file, span.start.index(), span.end.index());
                builder.take(event, span)
            }
            Err(error) => {
                let at = error.marker().index();
                Err(builder.problem_at(builder.offsets.span(file, at, at + 1), format!("not YAML: {}", error.info())))
            }
        };
        if let Err(fatal) = step {
            builder.problems.push(fatal);
            break;
        }
    }
    if builder.problems.is_empty() { Ok(builder.root) } else { Err(builder.problems) }
}

/// A value that is still open.
enum Open {
    List { node: Node, items: Vec<Node> },
    Map { node: Node, entries: Map, merged: Vec<Node>, key: Option<Key> },
}

struct Key {
    text: Arc<str>,
    span: Span,
    /// A plain `<<`.
    merges: bool,
}

/// An anchored value with its number of nodes and levels.
struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    offsets: Offsets,
    open: Vec<(Open, usize)>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    root: Option<Node>,
    problems: Vec<Diagnostic>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            offsets: Offsets::new(&source.text),
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            root: None,
            problems: Vec::new(),
        }
    }

    fn problem_at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(self.source, span.start as usize..span.end as usize, message)
    }

    /// Notes a problem after which reading goes on.
    fn problem(&mut self, span: Span, message: impl Into<String>, help: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            let problem = self.problem_at(span, message).with_help(help);
            self.problems.push(problem);
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let tag = self.tag(tag.as_deref(), span);
                let kind = Kind::Scalar { text: text.into_owned().into(), plain };
                self.close(Node { tag, ..Node::new(span, kind) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let node = Node { tag: self.tag(tag.as_deref(), span), ..Node::new(span, Kind::List(Vec::new())) };
                self.enter(Open::List { node, items: Vec::new() }, anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                let node = Node { tag: self.tag(tag.as_deref(), span), ..Node::new(span, Kind::Map(Map::new())) };
                self.enter(Open::Map { node, entries: Map::new(), merged: Vec::new(), key: None }, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((open, anchor)) = self.open.pop() else { return Ok(()) };
                let node = match open {
                    Open::List { node, items } => Node { kind: Kind::List(items), ..node },
                    Open::Map { node, mut entries, merged, .. } => {
                        self.merge_keys(&mut entries, merged);
                        Node { kind: Kind::Map(entries), ..node }
                    }
                };
                self.close(node, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(self.problem_at(span, "a manifest file holds one document").with_help("remove the `---`"))
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, open: Open, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        self.open.push((open, anchor));
        if self.open.len() > MAX_DEPTH {
            return Err(self.problem_at(span, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(self.problem_at(span, "this alias is inside the value it stands for"));
        };
        if self.nodes + anchored.size > MAX_NODES {
            return Err(self.problem_at(span, format!("aliases make this manifest larger than {MAX_NODES} values")));
        }
        if self.open.len() + anchored.depth > MAX_DEPTH {
            return Err(self.problem_at(span, format!("aliases nest this manifest more than {MAX_DEPTH} levels deep")));
        }
        // `place` counts one node itself.
        self.nodes += anchored.size - 1;
        let node = anchored.node.clone();
        self.place(node)
    }

    /// A value is complete: it is remembered if it has an anchor, and put where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            let (size, depth) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, depth });
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.problem_at(node.span, format!("a manifest holds at most {MAX_NODES} values")));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Open::List { items, .. }, _)) => items.push(node),
            Some((Open::Map { key, entries, merged, .. }, _)) => match key.take() {
                None => {
                    let span = node.span;
                    let Kind::Scalar { text, plain } = node.kind else {
                        return Err(self.problem_at(span, "a key must be text"));
                    };
                    let merges = plain && &*text == "<<";
                    *key = Some(Key { text, span, merges });
                }
                Some(Key { merges: true, .. }) => merged.push(node),
                Some(Key { text, span, .. }) => match entries.get(&text).map(|first| first.key) {
                    None => {
                        entries.insert(text, Entry { key: span, value: node });
                    }
                    Some(first) => {
                        let (line, _) = self.source.position(first.start as usize);
                        let message = format!("{} is there twice; the first is on line {line}", quoted(&text));
                        self.problem(span, message, "remove one of the two");
                    }
                },
            },
        }
        Ok(())
    }

    /// `<<`: entries of other mappings, where the mapping has none of its own; earlier ones win.
    fn merge_keys(&mut self, entries: &mut Map, merged: Vec<Node>) {
        let flat = merged.into_iter().flat_map(|node| match node.kind {
            Kind::List(list) => list,
            _ => vec![node],
        });
        for node in flat {
            match node.kind {
                Kind::Map(map) => map.into_iter().for_each(|(key, entry)| {
                    entries.entry(key).or_insert(entry);
                }),
                _ => self.problem(node.span, "`<<` takes a map or a list of maps", "write `<<: *anchor`"),
            }
        }
    }

    fn tag(&mut self, tag: Option<&saphyr_parser::Tag>, span: Span) -> Option<Tag> {
        let tag = tag?;
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("!", "reset") => Some(Tag::Reset),
            ("!", "override") => Some(Tag::Override),
            (handle, suffix) => {
                let message = format!("the tag {} is not supported", quoted(&format!("{handle}{suffix}")));
                self.problem(span, message, "only `!reset` and `!override` are");
                None
            }
        }
    }
}

/// Number of nodes and of levels.
fn measure(node: &Node) -> (usize, usize) {
    let add = |(size, depth): (usize, usize), child: &Node| {
        let (child_size, child_depth) = measure(child);
        (size + child_size, depth.max(child_depth + 1))
    };
    match &node.kind {
        Kind::Scalar { .. } => (1, 0),
        Kind::List(items) => items.iter().fold((1, 1), add),
        Kind::Map(map) => map.values().map(|entry| &entry.value).fold((1, 1), add),
    }
}
