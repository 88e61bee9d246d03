//! How a service's container is called, and how it finds others.

use std::net::IpAddr;

use super::privileges::one_or_more;
use super::words::{text, texts};
use crate::environment::Naming;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::source::Span;

/// Names, resolver and further hosts.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Naming {
    Naming {
        hostname: label(fields, "hostname", decoder),
        domainname: label(fields, "domainname", decoder),
        dns: servers(fields, decoder),
        dns_search: texts(fields, "dns_search", decoder),
        dns_opt: texts(fields, "dns_opt", decoder),
        extra_hosts: fields.get("extra_hosts").map(|node| extra_hosts(node, decoder)).unwrap_or_default(),
    }
}

fn label(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> Option<String> {
    let name = text(fields, key, decoder)?;
    if let (false, Some(node)) = (is_host_name(&name), fields.get(key)) {
        let help = "use letters, digits, `-` and `.`";
        decoder.problem_with_help(node.span, format!("{} is not a host name", quoted(&name)), help);
    }
    Some(name)
}

/// Names of hosts in the sense of RFC 1123.
fn is_host_name(text: &str) -> bool {
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.split('.').all(part)
}

fn servers(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Vec<String> {
    let items = fields.get("dns").map(one_or_more).unwrap_or_default();
    let mut found = Vec::new();
    for item in items {
        let Some(text) = decoder.text(item) else { continue };
        if text.parse::<IpAddr>().is_err() {
            decoder.problem_with_help(item.span, format!("{} is not an address", quoted(text)), "write `10.0.0.53`");
        }
        found.push(text.to_owned());
    }
    found
}

/// A list of `name=address` (or `name:address`), or a map of names to one address or several.
pub(super) fn extra_hosts(node: &Node, decoder: &mut Decoder<'_>) -> Vec<String> {
    let mut found = Vec::new();
    match &node.kind {
        Kind::Map(map) => {
            for (name, entry) in map {
                for item in one_or_more(&entry.value) {
                    let address = decoder.text(item).unwrap_or_default();
                    found.extend(extra_host(name, address, item.span, decoder));
                }
            }
        }
        _ => {
            for item in decoder.list(node) {
                let Some(text) = decoder.text(item) else { continue };
                let (name, address) = text.split_once('=').or_else(|| text.split_once(':')).unwrap_or((text, ""));
                found.extend(extra_host(name, address, item.span, decoder));
            }
        }
    }
    found
}

/// As the engine takes it; IPv6 addresses may stand in brackets.
fn extra_host(name: &str, address: &str, at: Span, decoder: &mut Decoder<'_>) -> Option<String> {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if !is_host_name(name) || (bare != "host-gateway" && bare.parse::<IpAddr>().is_err()) {
        let help = "write `name=10.0.0.7`, or `name=host-gateway` for the host itself";
        decoder.problem_with_help(
            at,
            format!("{} is not a host and its address", quoted(&format!("{name}={address}"))),
            help,
        );
        return None;
    }
    Some(format!("{name}:{bare}"))
}
