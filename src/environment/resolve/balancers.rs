//! `balancers:`, the load balancers that are there already.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::declared::Declared;
use super::traffic::positive;
use super::{hooks, nested};
use crate::balancer::haproxy::HaproxySocket;
use crate::environment::balancer::{Balancer, KamalService, Programs};
use crate::fleet::SshDestination;
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Entry, Node, quoted};
use crate::name::BalancerName;
use crate::transport::Place;

/// How long a program that speaks to a balancer may take where the manifest is silent.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);

/// Where Caddy listens for changes where the manifest is silent, as by itself.
pub(super) const ADMIN: &str = "localhost:2019";

/// Where a Consul agent listens where the manifest is silent, as by itself.
pub(super) const AGENT: &str = "127.0.0.1:8500";
/// How long consumers of Consul may take to take up a change where the manifest is silent.
pub(super) const SETTLE: Duration = Duration::from_secs(5);
/// The container of kamal-proxy where the manifest is silent, as Kamal calls it.
pub(super) const PROXY: &str = "kamal-proxy";
/// How long requests may wait in kamal-proxy where the manifest is silent, as it has it itself.
pub(super) const PAUSE: Duration = Duration::from_secs(30);

/// Reads one kind of balancer.
type Kind = fn(Fields<'_>, &mut Decoder<'_>, &Declared<'_>) -> Option<Balancer>;

const KINDS: [(&str, Kind); 5] =
    [("haproxy", haproxy), ("caddy", caddy), ("consul", consul), ("kamal_proxy", kamal_proxy), ("command", programs)];

/// All of them.
pub(super) fn decode(
    top: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> BTreeMap<BalancerName, Balancer> {
    let Some(entry) = top.entry("balancers") else { return BTreeMap::new() };
    let mut balancers = BTreeMap::new();
    for (key, entry) in decoder.map(&entry.value, entry.key).named() {
        let name = decoder.name(key, entry.key, "the name of a balancer");
        let balancer = balancer(entry, decoder, declared);
        balancers.extend(name.zip(balancer));
    }
    balancers
}

fn balancer(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Balancer> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let mut found: Option<(&str, Option<Balancer>)> = None;
    for (key, kind) in KINDS {
        let Some(entry) = fields.entry(key) else { continue };
        if let Some((other, _)) = &found {
            decoder.problem(entry.key, format!("`{key}` beside `{other}`: a balancer is of one kind"));
        }
        let inner = decoder.map(&entry.value, entry.key);
        found = Some((key, kind(inner, decoder, declared)));
    }
    if found.is_none() {
        let help = "write `haproxy: { ssh: …, socket: … }`, `caddy: { ssh: … }`, or `command: { drain: …, admit: … }`";
        fields.lack(decoder, "the kind of balancer is missing", help);
    }
    fields.finish(decoder);
    found?.1
}

/// The machine that a balancer runs on; `None` is this one. What cannot be read is noted.
fn machine(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Result<Option<SshDestination>, ()> {
    fields.get("ssh").map(|node| decoder.parsed(node, "an SSH destination").ok_or(())).transpose()
}

fn haproxy(mut fields: Fields<'_>, decoder: &mut Decoder<'_>, _: &Declared<'_>) -> Option<Balancer> {
    let ssh = machine(&mut fields, decoder);
    let (socket, master) = (fields.get("socket"), fields.get("master"));
    let socket = match (socket, master) {
        (Some(node), None) => path(node, decoder).map(HaproxySocket::Runtime),
        (None, Some(node)) => path(node, decoder).map(HaproxySocket::Master),
        (Some(_), Some(node)) => {
            decoder.problem(node.span, "`master` beside `socket`: HAProxy is spoken to through one of them");
            None
        }
        (None, None) => {
            let help = "write `socket: /run/haproxy/admin.sock`, or the master's as `master`";
            fields.lack(decoder, "HAProxy's socket is missing", help);
            None
        }
    };
    fields.finish(decoder);
    Some(Balancer::Haproxy { ssh: ssh.ok()?, socket: socket? })
}

fn caddy(mut fields: Fields<'_>, decoder: &mut Decoder<'_>, _: &Declared<'_>) -> Option<Balancer> {
    let ssh = machine(&mut fields, decoder);
    let admin = match fields.get("admin") {
        Some(node) => place(node, decoder),
        None => place_of(ADMIN),
    };
    fields.finish(decoder);
    Some(Balancer::Caddy { ssh: ssh.ok()?, admin: admin? })
}

/// A socket's path, or a port.
fn place(node: &Node, decoder: &mut Decoder<'_>) -> Option<Place> {
    let text = decoder.text(node)?;
    let place = place_of(text);
    if place.is_none() {
        let message = format!("{} is neither a port nor a socket", quoted(text));
        decoder.problem_with_help(node.span, message, "write `host:port`, or the path of a socket from `/` on");
    }
    place
}

fn place_of(text: &str) -> Option<Place> {
    if text.starts_with('/') {
        return (!text.chars().any(char::is_control)).then(|| Place::Socket(PathBuf::from(text)));
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = decimal(port).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)?;
    let host = host.strip_prefix('[').map_or(Some(host), |host| host.strip_suffix(']'))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!host.is_empty() && host.chars().all(is_plain)).then(|| Place::Port(host.to_owned(), port))
}

fn path(node: &Node, decoder: &mut Decoder<'_>) -> Option<PathBuf> {
    let text = decoder.text(node)?;
    if !text.starts_with('/') || text.chars().any(char::is_control) {
        decoder.problem(node.span, format!("{} is not an absolute path", quoted(text)));
        return None;
    }
    Some(PathBuf::from(text))
}

fn consul(mut fields: Fields<'_>, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Balancer> {
    let text = fields.get("agent").map_or(Some(AGENT), |node| decoder.text(node));
    let agent: Option<SocketAddr> = text.and_then(|text| text.parse().ok());
    if let (None, Some(node)) = (agent, fields.get("agent")) {
        let help = "write address and port, such as `127.0.0.1:8500`";
        decoder.problem_with_help(node.span, "this is not where an agent listens on its host", help);
    }
    let token = nested(&mut fields, "token", decoder).and_then(|mut fields| {
        let node = fields.required("secret", decoder);
        fields.finish(decoder);
        declared.secret(node?, decoder)
    });
    let settle = fields.get("settle").map_or(Some(SETTLE), |node| decoder.duration(node));
    fields.finish(decoder);
    Some(Balancer::Consul { agent: agent?, token, settle: settle? })
}

fn kamal_proxy(mut fields: Fields<'_>, decoder: &mut Decoder<'_>, _: &Declared<'_>) -> Option<Balancer> {
    let container = fields.get("container").map_or(Some(PROXY), |node| decoder.text(node)).map(str::to_owned);
    let target = fields.required("target", decoder).and_then(|node| {
        let text = decoder.text(node)?;
        if !matches!(place_of(text), Some(Place::Port(..))) {
            let message = format!("{} is not what the proxy can send requests to", quoted(text));
            decoder.problem_with_help(node.span, message, "write `name:port`, such as `web:80`");
            return None;
        }
        Some(text.to_owned())
    });
    let deploy = fields.get("deploy").map_or(Some(Vec::new()), |node| decoder.command(node));
    let max_pause = fields.get("max_pause").map_or(Some(PAUSE), |node| positive(node, "max_pause", decoder));
    fields.finish(decoder);
    let (container, target, deploy, max_pause) = (container?, target?, deploy?, max_pause?);
    Some(Balancer::KamalProxy(KamalService { container, target, deploy, max_pause }))
}

fn programs(mut fields: Fields<'_>, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Balancer> {
    let drain = fields.required("drain", decoder).and_then(|node| hooks::command(node, decoder, declared.root));
    let admit = fields.required("admit", decoder).and_then(|node| hooks::command(node, decoder, declared.root));
    let state = fields.get("state").map(|node| hooks::command(node, decoder, declared.root));
    let timeout = hooks::timeout(&mut fields, decoder).unwrap_or(TIMEOUT);
    fields.finish(decoder);
    let state = match state {
        Some(None) => return None,
        state => state.flatten(),
    };
    Some(Balancer::Command(Programs { drain: drain?, admit: admit?, state, timeout }))
}
