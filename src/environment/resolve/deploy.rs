//! `deploy:` of a service.

use std::time::Duration;

use super::{keys, nested, update};
use crate::environment::placement::Subject;
use crate::environment::{Constraint, Replicas, RestartPolicy, UpdatePolicy};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Node};
use crate::manifest::source::Span;

/// What `deploy` says, and where.
pub(super) struct Deploy {
    pub(super) constraints: Vec<Constraint>,
    pub(super) constraint_spans: Vec<Span>,
    pub(super) update: UpdatePolicy,
    pub(super) order: Option<Span>,
    /// `progress_deadline`, where it is said.
    pub(super) progress: Option<(Duration, Span)>,
    /// What lets hosts run different releases for longer than a rollout takes.
    pub(super) alone: Option<Span>,
    pub(super) restart: Option<RestartPolicy>,
    pub(super) replicas: Option<(Replicas, Span)>,
}

/// Placement and update policy.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Deploy {
    let mut deploy = Deploy {
        constraints: Vec::new(),
        constraint_spans: Vec::new(),
        update: UpdatePolicy::usual(),
        order: None,
        progress: None,
        alone: None,
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
    if let Some(config) = nested(&mut fields, "update_config", decoder) {
        update::decode(config, &mut deploy, decoder);
    }
    if let Some(config) = nested(&mut fields, "rollback_config", decoder) {
        deploy.update.back = update::back(config, decoder);
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
