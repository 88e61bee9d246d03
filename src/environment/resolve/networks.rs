//! `networks:` and `network_mode:` of a service.

use super::declared::{DEFAULT_NETWORK, Declared};
use super::{attachment, keys};
use crate::environment::Network;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Kind, Node, quoted};
use crate::name::ResourceName;

/// The networks; the project's default one where the manifest is silent.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Vec<Network> {
    let (mode, listed) = (fields.entry("network_mode"), fields.entry("networks"));
    if let (Some(mode), Some(_)) = (mode, listed) {
        decoder.problem(mode.key, "`network_mode` and `networks` exclude each other");
    }
    if let Some(mode) = mode {
        let name = decoder.word(&mode.value, &[("host", "host"), ("none", "none")]).unwrap_or("none");
        return vec![Network::plain(name.to_owned())];
    }
    let networks = match listed.map(|entry| &entry.value) {
        None => Vec::new(),
        Some(node) if matches!(node.kind, Kind::List(_)) => by_name(node, decoder, declared),
        Some(node) => with_aliases(node, decoder, declared),
    };
    if networks.is_empty() {
        let name = declared.network(DEFAULT_NETWORK, fields.at, decoder);
        return vec![Network::plain(name)];
    }
    networks
}

fn by_name(node: &Node, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Vec<Network> {
    let mut networks: Vec<Network> = Vec::new();
    for item in decoder.list(node) {
        let Some(text) = decoder.text(item) else { continue };
        let name = declared.network(text, item.span, decoder);
        if networks.iter().any(|earlier| earlier.name == name) {
            decoder.problem(item.span, format!("{} is there twice", quoted(text)));
        }
        networks.push(Network::plain(name));
    }
    networks
}

/// By priority, and otherwise in the order of the manifest: the first one is the way out.
fn with_aliases(node: &Node, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Vec<Network> {
    let mut networks = Vec::new();
    for (name, entry) in decoder.map(node, node.span).named() {
        let mut fields = decoder.map(&entry.value, entry.key);
        let aliases = fields.get("aliases").map(|node| decoder.list(node)).unwrap_or_default();
        let aliases = aliases.iter().filter_map(|node| alias(node, decoder)).collect();
        let (attachment, priority) = attachment::decode(&mut fields, decoder);
        fields.finish_compose(decoder, keys::ATTACHMENT);
        networks.push((-priority, Network { name: declared.network(name, entry.key, decoder), aliases, attachment }));
    }
    networks.sort_by_key(|(rank, _)| *rank);
    networks.into_iter().map(|(_, network)| network).collect()
}

/// A name that other containers look up, so a name of DNS.
fn alias(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    decoder.parsed::<ResourceName>(node, "an alias").map(|name| name.to_string())
}
