//! `edge:`, and `traffic: { edge: … }` of a service: what becomes of them is a service like the others, that runs HAProxy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::declared::Declared;
use super::hosts::Machine;
use super::service::Draft;
use crate::environment::edge::{EDGE, EdgeRoute, SEATS};
use crate::environment::{Drain, NetworkSpec, Order, Subnet, VolumeSpec};
use crate::image::reference::ImageName;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::source::Span;
use crate::name::SecretName;

mod config;
mod seats;
mod synthesis;

pub(super) use synthesis::add;

/// HAProxy where the manifest names no image.
pub(super) const IMAGE: &str = "docker.io/library/haproxy:3.0";
/// Where requests come in.
pub(super) const HTTP: u16 = 80;
/// Where encrypted ones do, if there is a certificate.
pub(super) const HTTPS: u16 = 443;
/// How long a service may take to answer.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);
/// How long the requests of an edge may take that is replaced.
pub(super) const GRACE: Duration = Duration::from_mins(1);
/// The network of the seats: addresses set aside for tests between networks, which nobody is reached at.
pub(super) const SUBNET: &str = "198.18.0.0/16";

/// `edge:`
pub(super) struct Edge {
    at: Span,
    image: String,
    http: u16,
    https: Option<u16>,
    certificates: Vec<SecretName>,
    redirect: bool,
    access_log: bool,
    timeout: Duration,
    grace: Duration,
    subnet: Ipv4Addr,
    network: NetworkSpec,
    volume: VolumeSpec,
}

/// What a service says of its way through the edge, with its place.
#[derive(Clone)]
pub(super) struct Behind {
    pub(super) at: Span,
    pub(super) route: EdgeRoute,
}

/// Reads `edge:`.
pub(super) fn decode(
    top: &mut Fields<'_>,
    declared: &Declared<'_>,
    prefix: &str,
    decoder: &mut Decoder<'_>,
) -> Option<Edge> {
    let entry = top.entry(EDGE)?;
    let mut fields = decoder.map(&entry.value, entry.key);
    let image = fields.get("image").and_then(|node| {
        let text = decoder.text(node)?;
        decoder.name::<ImageName>(text, node.span, "the name of an image").map(|_| text.to_owned())
    });
    let http = fields.get("http").and_then(|node| decoder.port(node)).unwrap_or(HTTP);
    let https = fields.entry("https");
    let https_port = https.and_then(|entry| decoder.port(&entry.value)).unwrap_or(HTTPS);
    let items = fields.get("certificates").map(|node| decoder.list(node)).unwrap_or_default();
    let certificates: Vec<_> = items.iter().filter_map(|item| declared.secret(item, decoder)).collect();
    let redirect = fields.entry("redirect");
    let wants = redirect.and_then(|entry| decoder.boolean(&entry.value));
    for (entry, key) in [(https, "https"), (redirect.filter(|_| wants == Some(true)), "redirect")] {
        if let (Some(entry), true) = (entry, items.is_empty()) {
            let help = "add `certificates: [name]`, each a secret with a certificate, its chain and its key";
            decoder.problem_with_help(entry.key, format!("`{key}` without a certificate"), help);
        }
    }
    if let (Some(entry), true) = (https, https_port == http) {
        decoder.problem(entry.value.span, format!("port {http} is that of `http`"));
    }
    let access_log = fields.get("access_log").and_then(|node| decoder.boolean(node)).unwrap_or(true);
    let timeout = fields.get("timeout").and_then(|node| super::traffic::positive(node, "timeout", decoder));
    let grace = fields.get("stop_grace_period").and_then(|node| decoder.duration(node)).unwrap_or(GRACE);
    let subnet = fields.get("subnet").and_then(|node| subnet(node, decoder));
    fields.finish(decoder);
    if declared.networks.contains_key(SEATS) {
        decoder.problem(entry.key, format!("the edge needs a network `{SEATS}` of its own, and there is one"));
    }
    let subnet = subnet.or_else(|| parse_subnet(SUBNET)).unwrap_or(Ipv4Addr::LOCALHOST);
    let range = Subnet { subnet: format!("{subnet}/16"), ip_range: None, gateway: None };
    let network = NetworkSpec {
        // Without a way out it changes no container's default route.
        internal: true,
        subnets: vec![range],
        ..NetworkSpec::plain(format!("{prefix}_{SEATS}"))
    };
    Some(Edge {
        at: entry.key,
        image: image.unwrap_or_else(|| IMAGE.to_owned()),
        http,
        https: (!certificates.is_empty()).then_some(https_port),
        redirect: wants.unwrap_or(true) && !certificates.is_empty(),
        certificates,
        access_log,
        timeout: timeout.unwrap_or(TIMEOUT),
        grace,
        subnet,
        network,
        volume: VolumeSpec::plain(format!("{prefix}_edge-listeners")),
    })
}

fn parse_subnet(text: &str) -> Option<Ipv4Addr> {
    let address: Ipv4Addr = text.strip_suffix("/16")?.parse().ok()?;
    let [_, _, third, fourth] = address.octets();
    (third == 0 && fourth == 0).then_some(address)
}

fn subnet(node: &Node, decoder: &mut Decoder<'_>) -> Option<Ipv4Addr> {
    let text = decoder.text(node)?;
    let found = parse_subnet(text);
    if found.is_none() {
        let help = format!("write one such as `{SUBNET}`, which nothing else on the hosts uses");
        decoder.problem_with_help(node.span, format!("{} is no range of 65536 IPv4 addresses", quoted(text)), help);
    }
    found
}

/// Reads `traffic.edge` of a service.
pub(super) fn behind(at: Span, mut fields: Fields<'_>, decoder: &mut Decoder<'_>) -> Option<Behind> {
    let named = fields.get("host").map(|node| match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    });
    let hosts: Vec<_> = named.into_iter().flatten().filter_map(|node| domain(node, decoder)).collect();
    let path = fields.get("path").map(|node| path(node, decoder));
    let port = fields.required("port", decoder).and_then(|node| decoder.port(node));
    fields.finish(decoder);
    let path = match path {
        Some(path) => path?,
        None => "/".to_owned(),
    };
    let route = EdgeRoute {
        hosts,
        path,
        port: port?,
        drain: Drain { deadline: super::traffic::DRAIN, on_deadline: crate::environment::OnDeadline::Abort },
        up_deadline: super::traffic::UP,
        network: String::new(),
        backend: String::new(),
        seats: Vec::new(),
    };
    Some(Behind { at, route })
}

fn domain(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let is_label = |label: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.len() > 253 || !text.split('.').all(is_label) {
        let help = "write a domain in lower case, such as `shop.example.com`, without a port";
        decoder.problem_with_help(node.span, format!("{} is not a domain", quoted(text)), help);
        return None;
    }
    Some(text.to_owned())
}

fn path(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~');
    if !text.starts_with('/') || text.contains("//") || !text.bytes().all(plain) {
        let help = "write `/api`: letters, digits, `-`, `_`, `.` and `~` between slashes";
        decoder.problem_with_help(node.span, format!("{} is not a path", quoted(text)), help);
        return None;
    }
    Some(if text == "/" { text.to_owned() } else { text.trim_end_matches('/').to_owned() })
}

/// Rules between the edge and the services behind it.
pub(super) fn check(edge: Option<&Edge>, drafts: &[Draft], machines: &[Machine<'_>], decoder: &mut Decoder<'_>) {
    let mut routes: BTreeMap<(String, &str), (&Draft, Span)> = BTreeMap::new();
    for draft in drafts {
        let Some(behind) = &draft.behind else { continue };
        if edge.is_none() {
            decoder.problem_with_help(behind.at, "there is no edge", "write `edge: {}` at the top of the manifest");
        }
        possible(draft, behind, decoder);
        let own = |host: &String| (host.clone(), behind.route.path.as_str());
        let everything = [String::new()];
        let hosts = if behind.route.hosts.is_empty() { &everything[..] } else { &behind.route.hosts[..] };
        for key in hosts.iter().map(own) {
            match routes.get(&key) {
                Some((other, at)) if *at != behind.at && meet(draft, other, machines) => {
                    let (host, path) = key;
                    let what = if host.is_empty() { "every domain" } else { &host };
                    let (name, place) = (&other.service.name, decoder.place(*at));
                    let message = format!("requests for `{path}` of {what} go to `{name}` ({place})");
                    decoder.problem_with_help(behind.at, message, "give one of them another `host` or `path`");
                }
                _ => drop(routes.insert(key, (draft, behind.at))),
            }
        }
    }
    let Some(edge) = edge else { return };
    if drafts.iter().any(|draft| draft.service.name.as_str() == EDGE) {
        decoder.problem(edge.at, "a service is called `edge`, as the edge itself is");
    }
    ports_are_free(edge, drafts, machines, decoder);
}

fn meet(one: &Draft, other: &Draft, machines: &[Machine<'_>]) -> bool {
    machines.iter().any(|machine| one.admits(&machine.host) && other.admits(&machine.host))
}

/// Requests come through the edge alone, and it finds containers at addresses of their own.
fn possible(draft: &Draft, behind: &Behind, decoder: &mut Decoder<'_>) {
    for (service, published) in draft.everywhere() {
        let taken = service.runtime.ports.iter().zip(published).find(|(port, _)| port.host_port.is_some());
        if let Some((port, published)) = taken {
            let port = port.host_port.unwrap_or_default();
            let message =
                format!("port {port} of the host beside `traffic: {{ edge: … }}`: requests come through the edge");
            decoder.problem_with_help(published.at, message, "remove it, or publish the container's port alone");
        }
        let network = service.runtime.networks.iter().find(|it| matches!(it.name.as_str(), "host" | "none"));
        if let Some(network) = network {
            let message = format!("behind the edge, a container cannot have `network_mode: {}`", network.name);
            decoder.problem(behind.at, message);
        }
    }
}

fn ports_are_free(edge: &Edge, drafts: &[Draft], machines: &[Machine<'_>], decoder: &mut Decoder<'_>) {
    let is_behind = |host: &Machine<'_>| drafts.iter().any(|it| it.behind.is_some() && it.admits(&host.host));
    let mut told = BTreeSet::new();
    for machine in machines.iter().filter(|machine| is_behind(machine)) {
        for draft in drafts.iter().filter(|draft| draft.admits(&machine.host)) {
            let (service, published) = draft.on(&machine.host.name);
            for (port, place) in service.runtime.ports.iter().zip(published) {
                let Some(number) = port.host_port else { continue };
                if (number == edge.http || Some(number) == edge.https) && told.insert((number, place.at.start)) {
                    let message = format!("port {number} of host `{}` is taken by the edge", machine.host.name);
                    decoder.problem_with_help(place.at, message, "publish another, or give the edge another port");
                }
            }
        }
    }
}

/// A service behind the edge is started beside its predecessor unless the manifest says otherwise.
pub(super) fn usual_order(draft: &mut Draft) {
    if draft.behind.is_some() && draft.order.is_none() {
        draft.service.update.order = Order::StartFirst;
    }
}
