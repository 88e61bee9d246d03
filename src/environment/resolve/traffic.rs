//! `traffic:` of a service.

use std::collections::BTreeMap;
use std::time::Duration;

use super::edge::Behind;
use crate::environment::Balancer;
use crate::environment::traffic::{Drain, OnDeadline, Traffic, is_server_name};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Kind, Node, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;
use crate::name::BalancerName;

/// How long requests may take to end where the manifest is silent.
pub(super) const DRAIN: Duration = Duration::from_secs(30);
/// How long a balancer may take to find a container healthy where the manifest is silent.
pub(super) const UP: Duration = Duration::from_secs(30);

/// What a service says of its traffic.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
) -> (Option<(Traffic, Vec<Span>)>, Option<Behind>) {
    let Some(entry) = fields.entry("traffic") else { return (None, None) };
    let mut fields = decoder.map(&entry.value, entry.key);
    let Some(edge) = fields.entry("edge") else { return (balanced(fields, decoder), None) };
    for other in ["balancer", "backend", "server"] {
        if let Some(entry) = fields.entry(other) {
            let message = format!("`{other}` beside `edge`: requests come from a balancer or through the edge");
            decoder.problem_with_help(entry.key, message, "remove one of the two");
        }
    }
    let inner = decoder.map(&edge.value, edge.key);
    let behind = super::edge::behind(edge.key, inner, decoder);
    let switch = switch(&mut fields, decoder);
    fields.finish(decoder);
    let behind = behind.zip(switch).map(|(mut behind, (drain, up_deadline))| {
        (behind.route.drain, behind.route.up_deadline) = (drain, up_deadline);
        behind
    });
    (None, behind)
}

/// The times of a switch.
fn switch(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<(Drain, Duration)> {
    let mut time = |key, default| fields.get(key).map_or(Some(default), |node| positive(node, key, decoder));
    let deadline = time("drain_deadline", DRAIN);
    let up_deadline = time("up_deadline", UP);
    let words = [("abort", OnDeadline::Abort), ("force", OnDeadline::Force)];
    let on_deadline = fields.get("on_drain_deadline").map(|node| decoder.word(node, &words));
    let on_deadline = on_deadline.flatten().unwrap_or(OnDeadline::Abort);
    Some((Drain { deadline: deadline?, on_deadline }, up_deadline?))
}

/// Behind balancers that are there already.
fn balanced(mut fields: Fields<'_>, decoder: &mut Decoder<'_>) -> Option<(Traffic, Vec<Span>)> {
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
    let backend = fields.required("backend", decoder).and_then(|node| server_name(node, decoder));
    let server = fields.get("server").map(|node| server_name(node, decoder));
    let switch = switch(&mut fields, decoder);
    fields.finish(decoder);
    let (drain, up_deadline) = switch?;
    let traffic = Traffic { balancers, backend: backend?, server: server.flatten(), drain, up_deadline };
    Some((traffic, spans))
}

/// A duration that is not zero.
pub(super) fn positive(node: &Node, key: &str, decoder: &mut Decoder<'_>) -> Option<Duration> {
    let duration = decoder.duration(node)?;
    if duration.is_zero() {
        decoder.problem(node.span, format!("`{key}` must be longer than `0s`"));
    }
    Some(duration)
}

/// A name that becomes part of what a balancer is told.
fn server_name(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    if !is_server_name(text) {
        let help = "such names are made of letters, digits, `_`, `:`, `.` and `-`";
        decoder.problem_with_help(node.span, format!("{} is no name of a backend or server", quoted(text)), help);
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
