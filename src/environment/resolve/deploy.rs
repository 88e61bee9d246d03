//! `deploy:` of a service.

use std::time::Duration;

use super::{keys, nested};
use crate::environment::placement::Subject;
use crate::environment::{BatchSize, Canary, Constraint, FailureAction, Order, Replicas, RestartPolicy, UpdatePolicy};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::manifest::source::Span;

/// A failure this long after promotion still counts, where the manifest is silent.
pub(super) const MONITOR: Duration = Duration::from_secs(5);

/// What `deploy` says, and where.
pub(super) struct Deploy {
    pub(super) constraints: Vec<Constraint>,
    pub(super) constraint_spans: Vec<Span>,
    pub(super) update: UpdatePolicy,
    pub(super) order: Option<Span>,
    pub(super) restart: Option<RestartPolicy>,
    pub(super) replicas: Option<(Replicas, Span)>,
}

/// Placement and update policy.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Deploy {
    let mut deploy = Deploy {
        constraints: Vec::new(),
        constraint_spans: Vec::new(),
        update: UpdatePolicy {
            parallelism: BatchSize::Count(1),
            canary: None,
            order: Order::StopFirst,
            monitor: MONITOR,
            delay: Duration::ZERO,
            failure_action: FailureAction::Rollback,
        },
        order: None,
        restart: None,
        replicas: None,
    };
    let Some(mut fields) = nested(fields, "deploy", decoder) else { return deploy };
    let (mut per_host, mut preferences) = (None, None);
    if let Some(mut placement) = nested(&mut fields, "placement", decoder) {
        let constraints = placement.get("constraints").map(|node| decoder.list(node)).unwrap_or_default();
        for item in constraints {
            match decoder.text(item).map(str::parse::<Constraint>) {
                Some(Ok(constraint)) => {
                    deploy.constraints.push(constraint);
                    deploy.constraint_spans.push(item.span);
                }
                Some(Err(error)) => decoder.problem(item.span, error),
                None => {}
            }
        }
        per_host = placement.entry("max_replicas_per_node");
        preferences = placement.entry("preferences");
        placement.finish_compose(decoder, &[]);
    }
    if let Some(update) = nested(&mut fields, "update_config", decoder) {
        update_config(update, &mut deploy, decoder);
    }
    deploy.restart = nested(&mut fields, "restart_policy", decoder).map(|fields| restart_policy(fields, decoder));
    deploy.replicas = replicas(&mut fields, per_host, preferences, decoder);
    // Read with the limits.
    fields.get("resources");
    fields.finish_compose(decoder, keys::DEPLOY);
    deploy
}

/// `mode` and `replicas`; without them every host that may runs one.
fn replicas(
    fields: &mut Fields<'_>,
    per_host: Option<&Entry>,
    preferences: Option<&Entry>,
    decoder: &mut Decoder<'_>,
) -> Option<(Replicas, Span)> {
    let mode = fields.get("mode").and_then(|node| decoder.word(node, &[("global", false), ("replicated", true)]));
    let entry = fields.entry("replicas");
    match (mode, entry) {
        (Some(false), Some(entry)) => {
            let help = "leave it out, or write `mode: replicated`";
            decoder.problem_with_help(entry.key, "`mode: global` runs one on each host, and has no `replicas`", help);
            return None;
        }
        (Some(true), _) | (None, Some(_)) => {}
        (Some(false) | None, None) => {
            for entry in [per_host, preferences].into_iter().flatten() {
                let help = "write `replicas: 2` beside it, or leave it out";
                decoder.problem_with_help(entry.key, "without `replicas` every host runs one", help);
            }
            return None;
        }
    }
    let count = entry.and_then(|entry| decoder.number(&entry.value, 1..=1000));
    let most = per_host.and_then(|entry| decoder.number(&entry.value, 0..=1000)).filter(|most| *most > 0);
    let spread = preferences.map(|entry| decoder.list(&entry.value)).unwrap_or_default();
    let spread = spread.iter().filter_map(|item| preference(item, decoder)).collect();
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let replicas = Replicas { count: size(count.unwrap_or(1)), per_host: most.map(size), spread };
    Some((replicas, entry.map_or(fields.at, |entry| entry.value.span)))
}

/// `{ spread: host.labels.zone }`
fn preference(item: &Node, decoder: &mut Decoder<'_>) -> Option<Subject> {
    let mut fields = decoder.map(item, item.span);
    let subject = fields.required("spread", decoder).and_then(|node| {
        let text = decoder.text(node)?;
        text.parse().map_err(|error: String| decoder.problem(node.span, error)).ok()
    });
    fields.finish(decoder);
    subject
}

/// An engine restarts with delays of its own, and counts attempts without end.
fn restart_policy(mut fields: Fields<'_>, decoder: &mut Decoder<'_>) -> RestartPolicy {
    let attempts = fields.get("max_attempts").and_then(|node| decoder.number(node, 0..=1000));
    let attempts = attempts.and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or(0);
    let words = [
        ("none", RestartPolicy::No),
        ("on-failure", RestartPolicy::OnFailure(attempts)),
        ("any", RestartPolicy::Always),
    ];
    let words = words.each_ref().map(|(word, policy)| (*word, policy));
    let policy = fields.get("condition").and_then(|node| decoder.word(node, &words)).cloned();
    fields.finish_compose(decoder, &["delay", "window"]);
    policy.unwrap_or(RestartPolicy::Always)
}

fn update_config(mut fields: Fields<'_>, deploy: &mut Deploy, decoder: &mut Decoder<'_>) {
    let update = &mut deploy.update;
    if let Some(size) = fields.get("parallelism").and_then(|node| parallelism(node, decoder)) {
        update.parallelism = size;
    }
    if let Some(node) = fields.get("order") {
        let words = [("stop-first", Order::StopFirst), ("start-first", Order::StartFirst)];
        update.order = decoder.word(node, &words).unwrap_or(Order::StopFirst);
        deploy.order = Some(node.span);
    }
    if let Some(monitor) = fields.get("monitor").and_then(|node| decoder.duration(node)) {
        update.monitor = monitor;
    }
    let monitor = update.monitor;
    update.canary = fields.entry("canary").and_then(|entry| canary(entry, monitor, decoder));
    if let Some(delay) = fields.get("delay").and_then(|node| decoder.duration(node)) {
        update.delay = delay;
    }
    if let Some(node) = fields.get("failure_action") {
        let words = [("rollback", FailureAction::Rollback), ("pause", FailureAction::Pause)];
        if node.text() == Some("continue") {
            decoder.problem_with_help(node.span, "`continue` is not supported yet", "use `rollback` or `pause`");
        } else if let Some(action) = decoder.word(node, &words) {
            update.failure_action = action;
        }
    }
    fields.finish_compose(decoder, keys::UPDATE);
}

/// `canary: 1`, or with a time of its own.
fn canary(entry: &Entry, usual: Duration, decoder: &mut Decoder<'_>) -> Option<Canary> {
    let Kind::Map(_) = entry.value.kind else {
        return parallelism(&entry.value, decoder).map(|hosts| Canary { hosts, monitor: usual });
    };
    let mut fields = decoder.map(&entry.value, entry.key);
    let hosts = fields.required("hosts", decoder).and_then(|node| parallelism(node, decoder));
    let monitor = fields.get("monitor").and_then(|node| decoder.duration(node)).unwrap_or(usual);
    fields.finish(decoder);
    Some(Canary { hosts: hosts?, monitor })
}

fn parallelism(node: &Node, decoder: &mut Decoder<'_>) -> Option<BatchSize> {
    let text = decoder.text(node)?;
    let size = match text.strip_suffix('%') {
        Some(percent) => decimal(percent)
            .and_then(|n| u8::try_from(n).ok())
            .filter(|n| (1..=100).contains(n))
            .map(BatchSize::Percent),
        None => decimal(text)
            .and_then(|n| usize::try_from(n).ok())
            .map(|n| if n == 0 { BatchSize::All } else { BatchSize::Count(n) }),
    };
    if size.is_none() {
        let help = "write a number of hosts (0 for all at once), or a share from `1%` to `100%`";
        decoder.problem_with_help(node.span, format!("{} is not a number of hosts", quoted(text)), help);
    }
    size
}
