//! `ports:` of a service.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::environment::{Port, Protocol};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::short;
use crate::manifest::source::Span;

/// Ports that one entry may stand for. Each is a listener of its own in the engine.
const LONGEST_RANGE: usize = 1000;

/// What the manifest says of a port beside the port itself.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) at: Span,
    /// Ports of the host, of which each container of the service takes the next.
    pub(super) range: Option<RangeInclusive<u16>>,
}

/// The ports, each with its place.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> (Vec<Port>, Vec<Published>) {
    let (mut ports, mut spans) = (Vec::new(), Vec::new());
    let Some(node) = fields.get("ports") else { return (ports, spans) };
    for item in decoder.list(node) {
        let found = match &item.kind {
            Kind::Map(_) => long(item, decoder).into_iter().collect(),
            _ => short(item, decoder),
        };
        for (port, range) in found {
            ports.push(port);
            spans.push(Published { at: item.span, range });
        }
    }
    (ports, spans)
}

/// Ports of the container that are announced and not published, as `80/tcp`.
pub(super) fn expose(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let items = fields.get("expose").map(|node| decoder.list(node)).unwrap_or_default();
    for item in items {
        let Some(text) = decoder.text(item) else { continue };
        let (ports, name) = text.split_once('/').unwrap_or((text, "tcp"));
        if let (Some(ports), Some(protocol)) = (range(ports), protocol(name)) {
            found.extend(ports.map(|port| format!("{port}/{}", protocol.as_str())));
        } else {
            let message = format!("{} is not a port of the container", quoted(text));
            decoder.problem_with_help(item.span, message, "write `80`, `8000-8009` or `53/udp`");
        }
    }
    found
}

type Ranged = (Port, Option<RangeInclusive<u16>>);

/// One port, a range of them (`8000-8009:9000-9009`), or a range of the host for one port (`8000-8009:80`).
fn short(node: &Node, decoder: &mut Decoder<'_>) -> Vec<Ranged> {
    let Some(text) = decoder.text(node) else { return Vec::new() };
    let parts = short::port(text);
    let found = (|| {
        let host_ip = parts.host_ip.map(address).map_or(Some(None), |ip| ip.map(Some))?;
        let (container, protocol) = (range(parts.container)?, protocol(parts.protocol)?);
        let host = parts.host.map(range).map_or(Some(None), |ports| ports.map(Some))?;
        let choice = host.clone().filter(|host| container.len() == 1 && host.len() > 1);
        if let Some(range) = &choice {
            let port = Port { host_ip, host_port: Some(*range.start()), container_port: *container.start(), protocol };
            return Some(vec![(port, choice)]);
        }
        if host.as_ref().is_some_and(|host| host.len() != container.len()) {
            return None;
        }
        let host = host.map_or_else(|| vec![None; container.len()], |ports| ports.map(Some).collect());
        let port = |(container_port, host_port)| {
            (Port { host_ip: host_ip.clone(), host_port, container_port, protocol }, None)
        };
        Some(container.zip(host).map(port).collect())
    })();
    found.unwrap_or_else(|| {
        let help =
            "write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535";
        decoder.problem_with_help(node.span, format!("{} is not a port", quoted(text)), help);
        Vec::new()
    })
}

/// The ports of `80` or `8000-8009`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    (from <= to && usize::from(to - from) < LONGEST_RANGE).then_some(from..=to)
}

fn long(node: &Node, decoder: &mut Decoder<'_>) -> Option<Ranged> {
    let mut fields = decoder.map(node, node.span);
    let container_port = fields.required("target", decoder).and_then(|node| decoder.port(node));
    let published = fields.get("published").and_then(|node| {
        let text = decoder.text(node)?;
        match text.split_once('-') {
            Some(_) if range(text).is_some() => range(text),
            _ => decoder.port(node).map(|port| port..=port),
        }
    });
    let host_port = published.as_ref().map(|range| *range.start());
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
    // For people and for other tools; on a plain host every port is one of the host.
    fields.get("name").and_then(|node| decoder.text(node));
    fields.get("app_protocol").and_then(|node| decoder.text(node));
    fields.get("mode").and_then(|node| decoder.word(node, &[("host", ()), ("ingress", ())]));
    fields.finish_compose(decoder, &[]);
    let protocol = protocol.unwrap_or(Protocol::Tcp);
    let range = published.filter(|range| range.len() > 1);
    container_port.map(|container_port| (Port { host_ip, host_port, container_port, protocol }, range))
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
