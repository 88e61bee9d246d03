//! Layers folded into one tree, by the Compose Specification's merge rules: maps merge key by key,
//! lists are appended, scalars are replaced; [`super::rules`] lists the exceptions. Every value keeps
//! the place of the layer that set it.

use std::sync::Arc;

use super::node::{Entry, Kind, Map, Node, Tag, pairs};
use super::rules::{Rule, rule};

/// Puts a layer over what the layers before it made. Tags are kept until [`settle`]: a service may still get something
/// beneath it from the one that it extends.
pub(crate) fn merge(base: Option<Node>, over: Node) -> Node {
    let mut tree = base.unwrap_or_else(|| Node::new(over.span, Kind::Map(Map::new())));
    put(&mut tree, over, &mut Vec::new());
    tree
}

/// Puts a service over the one that it extends.
pub(crate) fn merge_service(mut base: Node, over: Node) -> Node {
    put(&mut base, over, &mut vec!["services".into(), "".into()]);
    base
}

/// A tree as it is when nothing more comes to lie under it: `!reset` keys are gone, `!override` has done its work. Services
/// that are written for a host or a role keep their tags, because they are yet to be put over the services themselves.
pub(crate) fn settle(node: Node) -> Node {
    settle_at(node, &mut Vec::new())
}

fn settle_at(mut node: Node, path: &mut Vec<Arc<str>>) -> Node {
    if let [section, _, services] = path.as_slice()
        && matches!((&**section, &**services), ("hosts" | "roles", "services"))
    {
        return node;
    }
    node.tag = None;
    match &mut node.kind {
        Kind::Scalar { .. } => {}
        Kind::List(items) => {
            items.retain(|item| item.tag != Some(Tag::Reset));
            *items = std::mem::take(items).into_iter().map(|item| settle_at(item, &mut vec!["[]".into()])).collect();
        }
        Kind::Map(map) => {
            map.retain(|_, entry| entry.value.tag != Some(Tag::Reset));
            let mut settled = Map::with_capacity(map.len());
            for (key, entry) in std::mem::take(map) {
                path.push(Arc::clone(&key));
                settled.insert(key, Entry { value: settle_at(entry.value, path), ..entry });
                path.pop();
            }
            *map = settled;
        }
    }
    node
}

fn put(base: &mut Node, mut over: Node, path: &mut Vec<Arc<str>>) {
    let rule = rule(path);
    // A key without a value in an overlay (often one whose lines are all commented out) sets nothing
    // where there are entries; `!reset` is what removes them. A scalar becomes null and is refused later.
    if over.is_null() && !matches!(base.kind, Kind::Scalar { .. }) {
        return;
    }
    rule.normalise(base);
    rule.normalise(&mut over);
    match (&mut base.kind, over.kind) {
        (_, kind) if matches!(rule, Rule::Replace) => replace(base, Node { kind, ..over }),
        (Kind::Map(into), Kind::Map(from)) => {
            rule.make_room(into, &from);
            put_entries(into, from, path);
        }
        (Kind::List(into), Kind::List(from)) => put_items(into, from, rule, path),
        (_, kind) => replace(base, Node { kind, ..over }),
    }
}

/// Puts a value in the place of another one, and remembers where that was.
fn replace(base: &mut Node, over: Node) {
    let text: Arc<str> = match &base.kind {
        Kind::Scalar { text, .. } => Arc::clone(text),
        Kind::List(_) => "a list".into(),
        Kind::Map(_) => "a map".into(),
    };
    let hidden = [over.hidden.as_slice(), &[(base.span, text)], base.hidden.as_slice()].concat();
    *base = Node { hidden, ..over };
}

fn put_entries(into: &mut Map, from: Map, path: &mut Vec<Arc<str>>) {
    for (key, entry) in from {
        match (entry.value.tag, into.get_mut(&key)) {
            (None, Some(existing)) if existing.value.tag == Some(Tag::Reset) => {
                // What lies further below stays hidden.
                *existing = Entry { value: Node { tag: Some(Tag::Override), ..entry.value }, ..entry };
            }
            (None, Some(existing)) => {
                existing.key = entry.key;
                path.push(key);
                put(&mut existing.value, entry.value, path);
                path.pop();
            }
            (_, Some(existing)) => {
                existing.key = entry.key;
                replace(&mut existing.value, entry.value);
            }
            (_, None) => {
                into.insert(key, entry);
            }
        }
    }
}

fn put_items(into: &mut Vec<Node>, from: Vec<Node>, rule: Rule, path: &mut Vec<Arc<str>>) {
    for item in from {
        if item.tag == Some(Tag::Reset) {
            continue;
        }
        let identity = rule.identity(&item);
        let same = identity.is_some().then(|| into.iter_mut().find(|old| rule.identity(old) == identity)).flatten();
        match same {
            Some(old) => {
                path.push("[]".into());
                put(old, item, path);
                path.pop();
            }
            None => into.push(item),
        }
    }
}

impl Rule {
    /// Brings the short form of a value into the long one, so that both merge alike.
    fn normalise(self, node: &mut Node) {
        let span = node.span;
        let map = match (self, &node.kind) {
            (Self::Pairs, Kind::List(list)) => pairs(list),
            (Self::Names, Kind::List(list)) => {
                let names = list.iter().map(|item| item.text().map(|name| (name, item.span)));
                let entry =
                    |(name, span): (&str, _)| (Arc::from(name), Entry { key: span, value: Node::plain(span, "") });
                let map: Option<Map> = names.map(|name| name.map(entry)).collect();
                // A repeated name stays a list, for the resolver to complain about.
                map.filter(|map| map.len() == list.len())
            }
            (Self::Shorthand(key), Kind::Scalar { .. }) if !node.is_null() => {
                let value = Node { tag: None, ..node.clone() };
                Some(Map::from_iter([(Arc::from(key), Entry { key: span, value })]))
            }
            _ => None,
        };
        if let Some(map) = map {
            node.kind = Kind::Map(map);
        }
        if let (Self::Hosts, Kind::Map(map)) = (self, &node.kind) {
            let lines = map.iter().flat_map(|(name, entry)| {
                let addresses = match &entry.value.kind {
                    Kind::List(items) => items.as_slice(),
                    _ => std::slice::from_ref(&entry.value),
                };
                let line = move |address: &Node| {
                    let text = format!("{name}={}", address.text().unwrap_or_default());
                    Node::new(address.span, Kind::Scalar { text: text.into(), plain: false })
                };
                addresses.iter().map(line)
            });
            node.kind = Kind::List(lines.collect());
        }
        if matches!((self, &node.kind), (Self::Listed, Kind::Scalar { .. })) && !node.is_null() {
            let item = Node { tag: None, ..node.clone() };
            node.kind = Kind::List(vec![item]);
        }
    }

    /// Removes what the entries to come replace although it stands under another key.
    fn make_room(self, into: &mut Map, from: &Map) {
        match self {
            Self::Alternatives(groups) => {
                let chosen = groups.iter().position(|group| group.iter().any(|key| from.contains_key(*key)));
                if let Some(chosen) = chosen {
                    let others = groups.iter().enumerate().filter(|(index, _)| *index != chosen);
                    others.flat_map(|(_, group)| *group).for_each(|key| {
                        into.shift_remove(*key);
                    });
                }
            }
            Self::Logging => {
                let driver = |map: &Map| map.get("driver").and_then(|entry| entry.value.text().map(str::to_owned));
                // The options of one driver mean nothing to another.
                if driver(from).is_some_and(|new| driver(into).as_ref() != Some(&new)) {
                    into.shift_remove("options");
                }
            }
            _ => {}
        }
    }
}
