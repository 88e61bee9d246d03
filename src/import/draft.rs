//! A manifest in the making.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::manifest::node::{Kind, Node};
use crate::manifest::source::{Sources, Span};

use super::{NewFile, Remark};

/// The tree of a manifest, and what is to be said about it.
pub(super) struct Draft {
    pub(super) sources: Sources,
    pub(super) tree: Node,
    pub(super) left: Vec<Remark>,
    pub(super) changed: Vec<Remark>,
    /// What stands above a key in the file that is written, by the key's path.
    pub(super) comments: BTreeMap<String, String>,
    /// Templates.
    pub(super) files: Vec<NewFile>,
}

/// Keys without which there is no manifest.
const KEPT: [&str; 3] = ["project", "services", "hosts"];

impl Draft {
    /// A manifest without anything in it. `at` is the whole of the file that is read.
    pub(super) fn new(sources: Sources, at: Span) -> Self {
        let tree = Node::new(at, Kind::Map(indexmap::IndexMap::new()));
        Self { sources, tree, left: Vec::new(), changed: Vec::new(), comments: BTreeMap::new(), files: Vec::new() }
    }

    /// Notes that a key was not translated.
    pub(super) fn leave(
        &mut self,
        key: impl Into<String>,
        at: Span,
        reason: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let remark = self.remark(&key.into(), at, reason.into(), instead.into());
        self.left.push(remark);
    }

    /// Notes that a key was translated into something that is not quite the same.
    pub(super) fn change(
        &mut self,
        key: impl Into<String>,
        at: Span,
        reason: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let remark = self.remark(&key.into(), at, reason.into(), instead.into());
        self.changed.push(remark);
    }

    fn remark(&self, key: &str, at: Span, reason: String, instead: String) -> Remark {
        let source = self.sources.of(at);
        let (line, _) = source.position(at.start as usize);
        // Places in a list change while others are taken out; the line says which one is meant.
        let key = key.split('[').enumerate().map(|(index, part)| match part.split_once(']') {
            Some((_, rest)) if index > 0 => rest,
            _ => part,
        });
        let key = key.collect();
        Remark { key, file: source.name.clone(), line, reason, instead }
    }

    /// Notes that a file is not translated.
    pub(super) fn leave_file(&mut self, key: String, file: String, reason: &str, instead: &str) {
        self.left.push(Remark { key, file, line: 1, reason: reason.to_owned(), instead: instead.to_owned() });
    }

    /// Says something above a key.
    pub(super) fn comment(&mut self, path: impl Into<String>, words: impl Into<String>) {
        self.comments.insert(path.into(), words.into());
    }

    /// Adds a template that shows this text as it is.
    pub(super) fn template(&mut self, name: &str, text: &str) -> PathBuf {
        let is_syntax = ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
        let text = if is_syntax { format!("{{% raw %}}\n{text}{{% endraw %}}") } else { text.to_owned() };
        let path = PathBuf::from("templates").join(name);
        self.files.push(NewFile { path: path.clone(), text });
        path
    }

    /// Takes out every value whose key or value stands at these bytes of a file; the paths of what was taken. What was
    /// made from one value has one place: of things within one another the innermost goes first.
    pub(super) fn remove(&mut self, file: &str, start: usize, end: usize) -> Vec<(Vec<String>, Span)> {
        let Self { sources, tree, .. } = self;
        let hit = |span: Span| {
            let is_there = (span.start as usize, span.end as usize) == (start, end);
            end > 0 && is_there && sources.of(span).name == file
        };
        let mut removed = Vec::new();
        remove(tree, &hit, &mut Vec::new(), &mut removed);
        removed
    }
}

fn remove(node: &mut Node, hit: &dyn Fn(Span) -> bool, path: &mut Vec<String>, removed: &mut Vec<(Vec<String>, Span)>) {
    match &mut node.kind {
        Kind::Scalar { .. } => {}
        Kind::List(items) => {
            let mut index = 0;
            items.retain_mut(|item| {
                path.push(format!("[{index}]"));
                index += 1;
                let before = removed.len();
                remove(item, hit, path, removed);
                let keep = removed.len() > before || !hit(item.span);
                if !keep {
                    removed.push((path.clone(), item.span));
                }
                path.pop();
                keep
            });
        }
        Kind::Map(map) => {
            map.retain(|key, entry| {
                path.push(key.to_string());
                let before = removed.len();
                remove(&mut entry.value, hit, path, removed);
                let is_kept = path.len() == 1 && KEPT.contains(&&**key);
                let keep = if removed.len() > before {
                    // What has been emptied beneath a service says nothing any more.
                    let is_inside = path.len() > 2 && path[0] == "services" && path[2] != "networks";
                    !is_inside || !is_empty(&entry.value)
                } else if is_kept || !(hit(entry.key) || hit(entry.value.span)) {
                    true
                } else {
                    removed.push((path.clone(), entry.key));
                    false
                };
                path.pop();
                keep
            });
        }
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar { .. } => false,
        Kind::List(items) => items.is_empty(),
        Kind::Map(map) => map.is_empty(),
    }
}

/// A path as it is shown: `services.web.ports[0]`.
pub(super) fn shown(path: &[String]) -> String {
    path.join(".").replace(".[", "[")
}
