//! `ports:` of a service.

use std::net::IpAddr;

use super::keys;
use crate::environment::{Port, Protocol};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::short;
use crate::manifest::source::Span;

/// The ports, each with its place.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> (Vec<Port>, Vec<Span>) {
    let (mut ports, mut spans) = (Vec::new(), Vec::new());
    let Some(node) = fields.get("ports") else { return (ports, spans) };
    for item in decoder.list(node) {
        let port = match &item.kind {
            Kind::Map(_) => long(item, decoder),
            _ => short(item, decoder),
        };
        if let Some(port) = port {
            ports.push(port);
            spans.push(item.span);
        }
    }
    (ports, spans)
}

fn short(node: &Node, decoder: &mut Decoder<'_>) -> Option<Port> {
    let text = decoder.text(node)?;
    let parts = short::port(text);
    let range =
        |part: &str| part.split_once('-').is_some_and(|(from, to)| decimal(from).is_some() && decimal(to).is_some());
    if range(parts.container) || parts.host.is_some_and(range) {
        decoder.problem_with_help(node.span, "port ranges are not supported yet", "write one entry for each port");
        return None;
    }
    let port = (|| {
        Some(Port {
            host_ip: parts.host_ip.map(address).map_or(Some(None), |ip| ip.map(Some))?,
            host_port: parts.host.map(number).map_or(Some(None), |port| port.map(Some))?,
            container_port: number(parts.container)?,
            protocol: protocol(parts.protocol)?,
        })
    })();
    if port.is_none() {
        let help = "write `80`, `8080:80`, `127.0.0.1:8080:80` or `53:53/udp`; ports are 1 to 65535";
        decoder.problem_with_help(node.span, format!("{} is not a port", quoted(text)), help);
    }
    port
}

fn long(node: &Node, decoder: &mut Decoder<'_>) -> Option<Port> {
    let mut fields = decoder.map(node, node.span);
    let container_port = fields.required("target", decoder).and_then(|node| decoder.port(node));
    let host_port = fields.get("published").and_then(|node| decoder.port(node));
    let host_ip = fields.get("host_ip").and_then(|node| {
        let text = decoder.text(node)?;
        let ip = address(text);
        if ip.is_none() {
            decoder.problem(node.span, format!("{} is not an IP address", quoted(text)));
        }
        ip
    });
    let protocol =
        fields.get("protocol").and_then(|node| decoder.word(node, &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp)]));
    fields.finish_compose(decoder, keys::PORT);
    let protocol = protocol.unwrap_or(Protocol::Tcp);
    container_port.map(|container_port| Port { host_ip, host_port, container_port, protocol })
}

fn number(text: &str) -> Option<u16> {
    decimal(text).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

/// An address without its brackets.
fn address(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_string())
}

fn protocol(text: &str) -> Option<Protocol> {
    match text {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}
