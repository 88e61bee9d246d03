//! `depends_on`: services are rolled out in the order of the manifest, so that those that others need come first.

use crate::manifest::node::{Kind, Map, Node};

use super::super::draft::Draft;
use super::super::tree;

/// Puts services behind those that they depend on.
pub(super) fn sort(draft: &mut Draft) {
    let Some(entry) = tree::as_map(&mut draft.tree).get_mut("services") else { return };
    let services = std::mem::take(tree::as_map(&mut entry.value));
    let needs: Vec<Vec<String>> = services.values().map(|entry| needed(&entry.value)).collect();
    let mut order = Vec::new();
    for index in 0..services.len() {
        visit(index, &services, &needs, &mut vec![false; services.len()], &mut order);
    }
    let mut sorted = Map::new();
    for index in order {
        if let Some((key, entry)) = services.get_index(index) {
            sorted.insert(key.clone(), entry.clone());
        }
    }
    let mut said = Vec::new();
    for (name, entry) in &mut sorted {
        if let Some(entry) = tree::take(&mut entry.value, "depends_on") {
            said.push((format!("services.{name}.depends_on"), entry.key));
        }
    }
    if let Some(entry) = tree::as_map(&mut draft.tree).get_mut("services") {
        entry.value.kind = Kind::Map(sorted);
    }
    for (key, at) in said {
        let reason = "services are rolled out in the order of the file, each behind its gate: the order was kept";
        draft.change(key, at, reason, "a start of a host keeps no order; let the service wait for what it needs");
    }
}

fn visit(index: usize, services: &Map, needs: &[Vec<String>], open: &mut Vec<bool>, order: &mut Vec<usize>) {
    if order.contains(&index) || std::mem::replace(&mut open[index], true) {
        return;
    }
    for name in &needs[index] {
        if let Some(other) = services.get_index_of(name.as_str()) {
            visit(other, services, needs, open, order);
        }
    }
    order.push(index);
}

/// A list of names, or a map of them.
fn needed(service: &Node) -> Vec<String> {
    let Some(value) = tree::at(service, &["depends_on"]) else { return Vec::new() };
    let listed = tree::items(value).iter().filter_map(|item| item.text()).map(str::to_owned);
    listed.chain(tree::entries(value).map(|(name, _)| name.to_owned())).collect()
}
