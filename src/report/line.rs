//! The words for events: one event, one line. Both the live and the plain display show these.

use crate::duration::display as duration;
use crate::event::{Direction, Event, Failure, Warning};
use crate::name::{HostName, ServiceName};
use crate::plan::Plan;

use super::clean::clip;
use super::style::{Tone, took};

/// Foreign text on a line is cut to this many characters; the end of the run shows more.
const LONGEST: usize = 300;

/// What is said about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'e> {
    /// The host it is about.
    pub host: Option<&'e HostName>,
    /// The service it is about.
    pub service: Option<&'e ServiceName>,
    /// The words, cleaned.
    pub text: String,
    /// What it means.
    pub tone: Tone,
    /// Whether it is worth a line that stays.
    pub weight: Weight,
}

/// How long a line is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Until the run is over.
    Milestone,
    /// While it goes on. On a terminal it is shown as the host's state; plain output keeps it.
    Detail,
}

/// Widths of the columns for hosts and services; 0 until the plan is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widths {
    hosts: usize,
    services: usize,
}

impl Widths {
    /// Wide enough for every name of a plan.
    pub fn of(plan: &Plan) -> Self {
        let services = plan.placements.values().flat_map(|services| services.keys());
        Self {
            hosts: plan.seen.keys().map(|host| host.as_str().len()).max().unwrap_or(0),
            services: services.map(|service| service.as_str().len()).max().unwrap_or(0),
        }
    }
}

impl Line<'_> {
    /// Whom the line is about, as columns before its words.
    pub fn columns(&self, Widths { hosts, services }: Widths) -> String {
        match (self.host, self.service) {
            (Some(host), Some(service)) => format!("{host:hosts$}  {service:services$}  "),
            (Some(host), None) if services == 0 => format!("{host:hosts$}  "),
            (Some(host), None) => format!("{host:hosts$}  {:services$}  ", ""),
            (None, Some(service)) => format!("{service}  "),
            (None, None) => String::new(),
        }
    }
}

/// The line for an event; `None` for what is not said in words: bytes of a pull, a failed step (the failure of its host
/// follows, and says more), what is done in a moment and then said, the final report.
pub fn line(event: &Event) -> Option<Line<'_>> {
    Some(match event {
        Event::Pulling { .. }
        | Event::StepFailed { .. }
        | Event::Recording { .. }
        | Event::Retiring { .. }
        | Event::Finished(_) => return None,
        Event::Observing { scope, hosts } => {
            detail(format!("looking at {} of {} {}", count(*hosts, "host"), scope.project, scope.environment))
        }
        Event::Building(service) => detail("building the image".to_owned()).of(service),
        Event::BuildOutput { service, line } => {
            detail(format!("| {}", clip(line, LONGEST))).of(service).toned(Tone::Quiet)
        }
        Event::Pushing(service) => detail("pushing the image".to_owned()).of(service),
        Event::Pinned { service, image } => milestone(format!("image {}", clip(image, LONGEST))).of(service),
        Event::RolloutStarted { rollout, plan, .. } => milestone(format!("{} (rollout {rollout})", started(plan))),
        Event::Locking(hosts) => detail(format!("taking the lock on {}", count(hosts.len(), "host"))),
        Event::Locked => detail("the lock is taken".to_owned()),
        Event::LockTakenOver { host, from } => {
            milestone(format!("the lock of {} shows no sign of life and was taken over", clip(from, LONGEST)))
                .on(host)
                .toned(Tone::Warning)
        }
        Event::LockWatched { host, holder } => {
            milestone(format!("locked by {}; waiting for a sign of life", clip(holder, LONGEST)))
                .on(host)
                .toned(Tone::Warning)
        }
        Event::Preparing(host) => detail("preparing".to_owned()).on(host),
        Event::Prepared(host) => detail("ready".to_owned()).on(host),
        Event::Publishing { store, keys } => milestone(format!("publishing {} to {store}", count(*keys, "key"))),
        Event::Published { store } => detail(format!("{store} holds the values of the release")),
        Event::Withdrawing { store } => milestone(format!("putting back what {store} held")).toned(Tone::Warning),
        Event::Withdrawn { store } => detail(format!("{store} holds what it held before")),
        Event::BatchStarted { number, of, service, hosts } => {
            milestone(format!("batch {number} of {of}: {service} on {}", names(hosts))).toned(Tone::Strong)
        }
        Event::StepStarted { host, service, step, direction } => {
            detail(format!("{}{step} ...", undo(*direction))).on(host).of(service)
        }
        Event::StepFinished { host, service, step, took: time } => {
            detail(format!("{step}: done in {}", took(*time))).on(host).of(service)
        }
        Event::Retrying { host, reason } => {
            detail(format!("no answer, asking again: {}", clip(reason, LONGEST))).on(host).toned(Tone::Warning)
        }
        Event::Probed { host, service, not_ready: None } => detail("healthy".to_owned()).on(host).of(service),
        Event::Probed { host, service, not_ready: Some(answer) } => {
            detail(format!("not ready: {}", clip(answer, LONGEST))).on(host).of(service)
        }
        Event::Promoted { host, service, release } => {
            milestone(format!("promoted: runs r{release}")).on(host).of(service).toned(Tone::Good)
        }
        Event::Monitoring { hosts, window } => detail(format!("watching {} for {}", names(hosts), duration(*window))),
        Event::HostFailed { failure } => host_failed(failure),
        Event::Unwinding { host, service } => {
            milestone("going back to what it ran before".to_owned()).on(host).of(service).toned(Tone::Warning)
        }
        Event::Unwound { host, service } => milestone("is back on what it ran before".to_owned()).on(host).of(service),
        Event::RollingBack { hosts } => {
            milestone(format!("rolling back {}, each to its own earlier release", names(hosts))).toned(Tone::Warning)
        }
        Event::CancelRequested => {
            let text = "interrupted: the host in hand is finished or undone; interrupt again to stop at once";
            milestone(text.to_owned()).toned(Tone::Warning)
        }
        Event::Warning(warning) => self::warning(warning),
        Event::Recorded { number } => detail(format!("recorded as rollout number {number}")),
        Event::Retired { host, container } => detail(format!("removed {}", clip(container, LONGEST))).on(host),
    })
}

/// `web1, web2 and web3`, and a count where there are many.
pub(super) fn names(hosts: &[HostName]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = hosts.iter().take(SHOWN).map(HostName::as_str).collect();
    match (shown.split_last(), hosts.len().saturating_sub(SHOWN)) {
        (None, _) => "no host".to_owned(),
        (Some((one, [])), 0) => (*one).to_owned(),
        (Some((last, first)), 0) => format!("{} and {last}", first.join(", ")),
        (Some(_), more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 host`, `3 hosts`
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn started(plan: &Plan) -> String {
    let (kind, scope, release) = (plan.kind.as_str(), &plan.scope, &plan.release);
    let replacements = count(plan.replacements().count(), "replacement");
    let batches =
        if plan.batches.len() == 1 { "1 batch".to_owned() } else { format!("{} batches", plan.batches.len()) };
    format!("{kind} of {release} to {} {}: {replacements} in {batches}", scope.project, scope.environment)
}

fn undo(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "",
        Direction::Backward => "undo: ",
    }
}

fn host_failed(failure: &Failure) -> Line<'_> {
    let text = format!("failed at {}: {}", clip(&failure.doing, LONGEST), clip(&failure.reason, LONGEST));
    let (host, service) = (failure.host.as_ref(), failure.service.as_ref());
    Line { host, service, ..milestone(text).toned(Tone::Bad) }
}

fn warning(warning: &Warning) -> Line<'_> {
    let said = |what: &str, reason: &str| {
        milestone(format!("warning: {what}: {}", clip(reason, LONGEST))).toned(Tone::Warning)
    };
    match warning {
        Warning::Journal(reason) => said("the journal cannot be written any more, so nothing new is begun", reason),
        Warning::NotRecorded { host, reason } => {
            said("this rollout is missing from the host's ledger, the next one adds it", reason).on(host)
        }
        Warning::NotRetired { host, container, reason } => {
            said(&format!("{} could not be removed", clip(container, LONGEST)), reason).on(host)
        }
        Warning::NotTidied { host, reason } => {
            said("files that no container mounts any more could not be removed", reason).on(host)
        }
        Warning::CutOff { host, service, requests } => {
            let text = format!(
                "warning: {} did not end in time and are cut off",
                count(usize::try_from(*requests).unwrap_or(usize::MAX), "request")
            );
            milestone(text).on(host).of(service).toned(Tone::Warning)
        }
        Warning::NotDrained { host, route } => {
            let text = format!("warning: the balancer had put {route} back into traffic; it is drained again");
            milestone(text).on(host).toned(Tone::Warning)
        }
        Warning::NotLocked { host, reason } => {
            said("the lock could not be taken here, and nothing is done here", reason).on(host)
        }
        Warning::NotUnlocked { host, reason } => {
            said("the lock could not be released, it expires by itself", reason).on(host)
        }
        Warning::HeartbeatMissed { host, reason } => said("the lock could not be refreshed this time", reason).on(host),
    }
}

fn milestone<'e>(text: String) -> Line<'e> {
    Line { host: None, service: None, text, tone: Tone::Neutral, weight: Weight::Milestone }
}

fn detail<'e>(text: String) -> Line<'e> {
    Line { weight: Weight::Detail, ..milestone(text) }
}

impl<'e> Line<'e> {
    fn on(self, host: &'e HostName) -> Self {
        Self { host: Some(host), ..self }
    }

    fn of(self, service: &'e ServiceName) -> Self {
        Self { service: Some(service), ..self }
    }

    fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}
