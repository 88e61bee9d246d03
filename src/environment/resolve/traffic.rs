//! `balancers:`, and `traffic:` of a service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::nested;
use crate::balancer::haproxy::HaproxySocket;
use crate::environment::traffic::{Balancer, Drain, OnDeadline, Traffic, is_haproxy_name};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;
use crate::name::BalancerName;

/// How long requests may take to end where the manifest is silent.
pub(super) const DRAIN: Duration = Duration::from_secs(30);
/// How long a balancer may take to find a container healthy where the manifest is silent.
pub(super) const UP: Duration = Duration::from_secs(30);

/// The load balancers.
pub(super) fn balancers(top: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> BTreeMap<BalancerName, Balancer> {
    let Some(entry) = top.entry("balancers") else { return BTreeMap::new() };
    let mut balancers = BTreeMap::new();
    for (key, entry) in decoder.map(&entry.value, entry.key).named() {
        let name = decoder.name(key, entry.key, "the name of a balancer");
        let mut fields = decoder.map(&entry.value, entry.key);
        let haproxy = nested(&mut fields, "haproxy", decoder);
        if haproxy.is_none() {
            fields.lack(decoder, "the kind of balancer is missing", "write `haproxy: { ssh: …, socket: … }`");
        }
        let balancer = haproxy.and_then(|fields| haproxy_entry(fields, decoder));
        fields.finish(decoder);
        balancers.extend(name.zip(balancer));
    }
    balancers
}

fn haproxy_entry(mut fields: Fields<'_>, decoder: &mut Decoder<'_>) -> Option<Balancer> {
    let ssh = fields.get("ssh").map(|node| decoder.parsed(node, "an SSH destination"));
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
    let ssh = match ssh {
        Some(None) => return None,
        ssh => ssh.flatten(),
    };
    Some(Balancer::Haproxy { ssh, socket: socket? })
}

fn path(node: &Node, decoder: &mut Decoder<'_>) -> Option<PathBuf> {
    let text = decoder.text(node)?;
    if !text.starts_with('/') || text.chars().any(char::is_control) {
        decoder.problem(node.span, format!("{} is not an absolute path", quoted(text)));
        return None;
    }
    Some(PathBuf::from(text))
}

/// What a service says of its traffic.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<(Traffic, Vec<Span>)> {
    let entry = fields.entry("traffic")?;
    let mut fields = decoder.map(&entry.value, entry.key);
    let named = fields.required("balancer", decoder).map(|node| match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    });
    let mut balancers: Vec<BalancerName> = Vec::new();
    let mut spans = Vec::new();
    for node in named.into_iter().flatten() {
        if let Some(name) = decoder.parsed::<BalancerName>(node, "the name of a balancer") {
            if balancers.contains(&name) {
                decoder.problem(node.span, format!("`{name}` is named twice"));
            }
            balancers.push(name);
            spans.push(node.span);
        }
    }
    let backend = fields.required("backend", decoder).and_then(|node| haproxy_name(node, decoder));
    let server = fields.get("server").map(|node| haproxy_name(node, decoder));
    let mut time = |key, default| fields.entry(key).map_or(Some(default), |entry| positive(entry, key, decoder));
    let deadline = time("drain_deadline", DRAIN);
    let up_deadline = time("up_deadline", UP);
    let words = [("abort", OnDeadline::Abort), ("force", OnDeadline::Force)];
    let on_deadline = fields.get("on_drain_deadline").map(|node| decoder.word(node, &words));
    fields.finish(decoder);
    let traffic = Traffic {
        balancers,
        backend: backend?,
        server: server.flatten(),
        drain: Drain { deadline: deadline?, on_deadline: on_deadline.flatten().unwrap_or(OnDeadline::Abort) },
        up_deadline: up_deadline?,
    };
    Some((traffic, spans))
}

fn positive(entry: &Entry, key: &str, decoder: &mut Decoder<'_>) -> Option<Duration> {
    let duration = decoder.duration(&entry.value)?;
    if duration.is_zero() {
        decoder.problem(entry.value.span, format!("`{key}` must be longer than `0s`"));
    }
    Some(duration)
}

/// A name that becomes part of a command of HAProxy's.
fn haproxy_name(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    if !is_haproxy_name(text) {
        let help = "HAProxy's names are made of letters, digits, `_`, `:`, `.` and `-`";
        decoder.problem_with_help(node.span, format!("{} is no name of HAProxy's", quoted(text)), help);
        return None;
    }
    Some(text.to_owned())
}

/// A balancer that a service names must be there.
pub(super) fn are_known(
    traffic: &Traffic,
    spans: &[Span],
    known: &BTreeMap<BalancerName, Balancer>,
    decoder: &mut Decoder<'_>,
) {
    for (name, span) in traffic.balancers.iter().zip(spans) {
        if !known.contains_key(name) {
            let hint = if known.is_empty() {
                "there are no `balancers`; describe it there".to_owned()
            } else {
                suggest::hint(name.as_str(), known.keys().map(BalancerName::as_str))
            };
            decoder.problem_with_help(*span, format!("there is no balancer `{name}`"), hint);
        }
    }
}
