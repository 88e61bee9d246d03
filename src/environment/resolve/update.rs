//! `deploy.update_config:` of a service.

use std::time::Duration;

use super::deploy::Deploy;
use crate::environment::{
    BatchSize, Canary, Ceiling, FailureAction, Order, Promote, Share, Together, UpdatePolicy, WayBack,
};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::manifest::source::Span;

/// What to do where hosts may not run different releases for longer than a rollout takes.
pub(super) const AS_ONE: &str =
    "let the fleet go as one: `failure_action: rollback`, without `max_failure_ratio`, and `promote: automatic`";

/// Reads what it says.
pub(super) fn decode(mut fields: Fields<'_>, deploy: &mut Deploy, decoder: &mut Decoder<'_>) {
    let update = &mut deploy.update;
    if let Some(node) = fields.get("order") {
        let words = [("stop-first", Order::StopFirst), ("start-first", Order::StartFirst)];
        update.order = decoder.word(node, &words).unwrap_or(Order::StopFirst);
        deploy.order = Some(node.span);
    }
    limits(&mut fields, deploy, decoder);
    let update = &mut deploy.update;
    if let Some(monitor) = fields.get("monitor").and_then(|node| decoder.duration(node)) {
        update.monitor = monitor;
    }
    let monitor = update.monitor;
    update.canary = fields.entry("canary").and_then(|entry| canary(entry, monitor, &mut deploy.alone, decoder));
    if let Some(delay) = fields.get("delay").and_then(|node| decoder.duration(node)) {
        update.delay = delay;
    }
    deploy.progress = fields.get("progress_deadline").and_then(|node| Some((decoder.duration(node)?, node.span)));
    failures(&mut fields, deploy, decoder);
    // Read with the service, which knows the project's files.
    fields.get("queries");
    deploy.update.error_rate = fields.entry("error_rate").map(|entry| super::error_rate::decode(entry, decoder));
    fields.finish_compose(decoder, &[]);
}

/// Reads `rollback_config`.
pub(super) fn back(mut fields: Fields<'_>, decoder: &mut Decoder<'_>) -> WayBack {
    let together = fields.get("parallelism").and_then(|node| parallelism(node, decoder));
    let mut time = |key| fields.get(key).and_then(|node| decoder.duration(node)).unwrap_or(Duration::ZERO);
    let (monitor, delay) = (time("monitor"), time("delay"));
    let alone = "is not said of the way back: hosts go as they came, and what fails there is never rolled back";
    let answer = |key| (key, alone, "use `parallelism`, `monitor` and `delay`");
    fields.finish_answered(decoder, &[], &["order", "failure_action", "max_failure_ratio"].map(answer));
    WayBack { together: together.map_or(Together::AsForward, Together::Of), monitor, delay }
}

/// `failure_action` and `max_failure_ratio`: what a host that fails means for the others.
fn failures(fields: &mut Fields<'_>, deploy: &mut Deploy, decoder: &mut Decoder<'_>) {
    let (update, mut alone) = (&mut deploy.update, None);
    if let Some(node) = fields.get("failure_action") {
        let words = [
            ("rollback", FailureAction::Rollback),
            ("pause", FailureAction::Pause),
            ("continue", FailureAction::Continue),
        ];
        update.failure_action = decoder.word(node, &words).unwrap_or(FailureAction::Rollback);
        if update.failure_action == FailureAction::Continue {
            update.max_failures = Share::ALL;
            alone = Some(node.span);
        }
    }
    if let Some(node) = fields.get("max_failure_ratio")
        && let Some(share) = decoder.millionths(node)
    {
        update.max_failures = Share(share);
        alone = (update.max_failures != Share::NONE).then_some(node.span);
    }
    deploy.alone = deploy.alone.or(alone);
}

/// The limits of the steps of one replacement, which the progress of a batch is held against.
pub(super) struct Limits {
    pub(super) healthy: Duration,
    /// All the others together.
    pub(super) others: Duration,
}

/// `progress_deadline`; where nothing is said, no less than what the steps of a replacement may take.
pub(super) fn progress(said: Option<(Duration, Span)>, limits: &Limits, decoder: &mut Decoder<'_>) -> Duration {
    let Some((progress, at)) = said else {
        return UpdatePolicy::PROGRESS.max((limits.healthy + limits.others) * 2);
    };
    if progress <= limits.healthy {
        let [progress, healthy] = [progress, limits.healthy].map(crate::duration::display);
        let message = format!(
            "`progress_deadline` must be longer than `healthy_deadline`, or what is slow never passes (they are \
             {progress} and {healthy})"
        );
        decoder.problem(at, message);
    }
    progress
}

/// `parallelism`, `max_unavailable`, `max_surge`: how many at a time. Without `parallelism`, the other two decide.
fn limits(fields: &mut Fields<'_>, deploy: &mut Deploy, decoder: &mut Decoder<'_>) {
    let update = &mut deploy.update;
    let together = fields.get("parallelism").and_then(|node| Some((parallelism(node, decoder)?, node.span)));
    let mut limit = |key| fields.get(key).and_then(|node| Some((ceiling(node, decoder)?, node.span)));
    let (unavailable, surge) = (limit("max_unavailable"), limit("max_surge"));
    update.max_unavailable = unavailable.map_or(Ceiling::Batch, |(limit, _)| limit);
    update.max_surge = surge.map_or(Ceiling::Batch, |(limit, _)| limit);
    if unavailable.is_some() || surge.is_some() {
        update.parallelism = BatchSize::All;
    }
    if let Some((size, _)) = together {
        update.parallelism = size;
    }
    let is_none = |limit| matches!(limit, Ceiling::Count(0) | Ceiling::Percent(0));
    match (surge, deploy.order, update.order) {
        (Some((limit, at)), Some(order), Order::StopFirst) if !is_none(limit) => {
            let message = format!("`max_surge` beside `order: stop-first` ({})", decoder.place(order));
            decoder.problem_with_help(at, message, "use `order: start-first`, or remove `max_surge`");
        }
        (Some((limit, at)), Some(order), Order::StartFirst) if is_none(limit) => {
            let message = format!("`order: start-first` ({}) runs both containers for a moment", decoder.place(order));
            decoder.problem_with_help(at, message, "use at least 1, or `order: stop-first`");
        }
        (Some((limit, at)), None, _) if !is_none(limit) => {
            update.order = Order::StartFirst;
            deploy.order = Some(at);
        }
        _ => {}
    }
    let update = &deploy.update;
    if let (Order::StopFirst, Some((limit, at))) = (update.order, unavailable)
        && is_none(limit)
    {
        let help = "use at least 1, or `order: start-first`";
        decoder.problem_with_help(at, "stop-first takes a host out of service: none could ever be replaced", help);
    }
    let own = match update.order {
        Order::StopFirst => ("max_unavailable", unavailable),
        Order::StartFirst => ("max_surge", surge),
    };
    if let (Some((size, at)), (key, Some((limit, limit_at)))) = (together, own)
        && !is_none(limit)
        && exceeds(size, limit)
    {
        let message = format!("more hosts at a time than `{key}` lets ({})", decoder.place(limit_at));
        decoder.problem_with_help(at, message, format!("lower `parallelism`, raise `{key}`, or remove one of them"));
    }
}

/// Whether so many at a time are more than the limit on any number of hosts.
fn exceeds(size: BatchSize, limit: Ceiling) -> bool {
    match (size, limit) {
        (BatchSize::All, Ceiling::Count(_)) => true,
        (BatchSize::All, Ceiling::Percent(percent)) => percent < 100,
        (BatchSize::Count(size), Ceiling::Count(limit)) => size > limit,
        (BatchSize::Percent(size), Ceiling::Percent(limit)) => size > limit,
        _ => false,
    }
}

/// A number of hosts, or a share of them; both may be none.
fn ceiling(node: &Node, decoder: &mut Decoder<'_>) -> Option<Ceiling> {
    let text = decoder.text(node)?;
    let limit = match text.strip_suffix('%') {
        Some(percent) => {
            decimal(percent).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 100).map(Ceiling::Percent)
        }
        None => decimal(text).and_then(|n| usize::try_from(n).ok()).map(Ceiling::Count),
    };
    if limit.is_none() {
        let help = "write a number of hosts, or a share from `0%` to `100%`";
        decoder.problem_with_help(node.span, format!("{} is not a number of hosts", quoted(text)), help);
    }
    limit
}

/// `canary: 1`, or with a time of its own.
fn canary(entry: &Entry, usual: Duration, alone: &mut Option<Span>, decoder: &mut Decoder<'_>) -> Option<Canary> {
    let Kind::Map(_) = entry.value.kind else {
        let promote = Promote::Automatic;
        return parallelism(&entry.value, decoder).map(|hosts| Canary { hosts, monitor: usual, promote });
    };
    let mut fields = decoder.map(&entry.value, entry.key);
    let hosts = fields.required("hosts", decoder).and_then(|node| parallelism(node, decoder));
    let said = fields.get("monitor").and_then(|node| Some((decoder.duration(node)?, node.span)));
    if let Some((monitor, at)) = said.filter(|(monitor, _)| *monitor < usual) {
        let [monitor, usual] = [monitor, usual].map(crate::duration::display);
        let message = format!("a canary is watched for less time than the others (they are {monitor} and {usual})");
        decoder.problem_with_help(at, message, "write no less than `monitor` beside it");
    }
    let monitor = said.map_or(usual, |(monitor, _)| monitor);
    let words = [("automatic", Promote::Automatic), ("manual", Promote::Manual)];
    let said = fields.get("promote").and_then(|node| Some((decoder.word(node, &words)?, node.span)));
    fields.finish(decoder);
    if let Some((Promote::Manual, at)) = said {
        *alone = Some(at);
    }
    let promote = said.map_or(Promote::Automatic, |(promote, _)| promote);
    Some(Canary { hosts: hosts?, monitor, promote })
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
