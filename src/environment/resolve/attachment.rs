//! An entry of a service's `networks:` that says how it is attached.

use std::net::IpAddr;

use super::words::{pairs, texts};
use crate::environment::Attachment;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Node, quoted};

/// Addresses and options; and the network's place among those of the service, where it has one: higher comes first.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> (Attachment, i64) {
    let attachment = Attachment {
        ipv4_address: fields.get("ipv4_address").and_then(|node| address(node, IpAddr::is_ipv4, "IPv4", decoder)),
        ipv6_address: fields.get("ipv6_address").and_then(|node| address(node, IpAddr::is_ipv6, "IPv6", decoder)),
        link_local_ips: texts(fields, "link_local_ips", decoder),
        mac_address: fields.get("mac_address").and_then(|node| hardware_address(node, decoder)),
        driver_opts: pairs(fields, "driver_opts", decoder),
    };
    let priority = fields.get("priority").and_then(|node| decoder.signed(node, -1_000_000..=1_000_000));
    (attachment, priority.unwrap_or(0))
}

fn address(node: &Node, family: fn(&IpAddr) -> bool, name: &str, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    if !text.parse::<IpAddr>().is_ok_and(|address| family(&address)) {
        decoder.problem(node.span, format!("{} is not an {name} address", quoted(text)));
    }
    Some(text.to_owned())
}

fn hardware_address(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let parts: Vec<_> = text.split([':', '-']).collect();
    let is_byte = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if parts.len() != 6 || !parts.iter().all(is_byte) {
        let help = "write `02:42:ac:11:00:02`";
        decoder.problem_with_help(node.span, format!("{} is not a hardware address", quoted(text)), help);
    }
    Some(text.to_owned())
}
