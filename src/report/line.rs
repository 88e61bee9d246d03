//! The words for events: one event, one line. Both the live and the plain display show these.

use std::collections::BTreeSet;

use crate::balancer::{Admin, Health, Server};
use crate::duration::display as duration;
use crate::environment::error_rate::Verdict;
use crate::event::{Arrived, Direction, Event, Failure, Warning};
use crate::name::{HostName, ServiceName};
use crate::plan::Plan;
use crate::rollout::report::{Asked, Compared, Number};
pub(super) use crate::size::display as size;

use super::act;
use super::clean::clip;
use super::style::{Tone, took};

/// Foreign text on a line is cut to this many characters; the end of the run shows more.
pub(super) const LONGEST: usize = 300;

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
        | Event::Sending { .. }
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
        Event::Pinned { service, image, mirror } => {
            let mirror = mirror.as_ref().map(|mirror| format!(", as the mirror {} says", clip(mirror, LONGEST)));
            milestone(format!("image {}{}", clip(image, LONGEST), mirror.unwrap_or_default())).of(service)
        }
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
        Event::Pulled { host, image, bytes, took: time } => {
            let bytes = if *bytes == 0 { String::new() } else { format!(" ({})", size(*bytes)) };
            detail(format!("pulled {}{bytes} in {}", clip(image, LONGEST), took(*time))).on(host)
        }
        Event::Sent(arrived) => sent(arrived),
        Event::Prepared(host) => detail("ready".to_owned()).on(host),
        Event::Publishing { store, keys } => milestone(format!("publishing {} to {store}", count(*keys, "key"))),
        Event::Published { store } => detail(format!("{store} holds the values of the release")),
        Event::Withdrawing { store } => milestone(format!("putting back what {store} held")).toned(Tone::Warning),
        Event::Withdrawn { store } => detail(format!("{store} holds what it held before")),
        Event::JobStarting { host, job } => milestone(format!("job {job}: starting")).on(host).toned(Tone::Strong),
        Event::JobRunning { host, job, earlier: false } => detail(format!("job {job}: runs")).on(host),
        Event::JobRunning { host, job, earlier: true } => {
            milestone(format!("job {job}: an earlier rollout has started it; waiting for its end")).on(host)
        }
        Event::JobOutput { host, job, line } => {
            milestone(format!("job {job} | {}", clip(line, LONGEST))).on(host).toned(Tone::Quiet)
        }
        Event::JobDone { host, job, took: time } => {
            milestone(format!("job {job}: done in {}", took(*time))).on(host).toned(Tone::Good)
        }
        Event::JobLeft { host, job } => {
            milestone(format!("job {job}: goes on by itself; the next deploy waits for it"))
                .on(host)
                .toned(Tone::Warning)
        }
        Event::HookStarted { hook, program } => detail(format!("hook {hook}: running {}", clip(program, LONGEST))),
        Event::HookOutput { hook, line } => {
            milestone(format!("hook {hook} | {}", clip(line, LONGEST))).toned(Tone::Quiet)
        }
        Event::HookDone { hook, took: time } => milestone(format!("hook {hook}: done in {}", took(*time))),
        Event::BatchStarted { number, of, service, beside, hosts } => {
            milestone(format!("batch {number} of {of}: {} on {}", services(service, beside), names(hosts)))
                .toned(Tone::Strong)
        }
        Event::Short { service, keep, out } => {
            let out: Vec<_> = out.iter().map(|(host, why)| format!("{host}: {why}")).collect();
            milestone(format!("waiting until {} serve meanwhile ({})", count(*keep, "other host"), out.join("; ")))
                .of(service)
                .toned(Tone::Warning)
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
        Event::Routed { host, service, route, server } => {
            detail(format!("{route}: {}", server_words(server))).on(host).of(service)
        }
        Event::Promoted { host, service, release } => {
            milestone(format!("promoted: runs r{release}")).on(host).of(service).toned(Tone::Good)
        }
        Event::Acted { host, service, kind } => {
            milestone(act::done(*kind).to_owned()).on(host).of(service).toned(Tone::Good)
        }
        Event::Monitoring { hosts, window } => detail(format!("watching {} for {}", names(hosts), duration(*window))),
        Event::Compared(compared) => comparison(compared),
        Event::Asked(asked) => question(asked),
        Event::HostFailed { failure } => host_failed(failure),
        Event::Unwinding { host, service } => {
            milestone("going back to what it ran before".to_owned()).on(host).of(service).toned(Tone::Warning)
        }
        Event::Unwound { host, service } => milestone("is back on what it ran before".to_owned()).on(host).of(service),
        Event::GoingOn { hosts, failed, most } => {
            let (whose, failed) = (if hosts.len() == 1 { "goes" } else { "go" }, count(*failed, "host"));
            let text = format!(
                "{} {whose} back alone, the rollout goes on: {failed} failed, at most {most} may",
                names(hosts)
            );
            milestone(text).toned(Tone::Warning)
        }
        Event::RollingBack { hosts } => {
            milestone(format!("rolling back {}, each to its own earlier release", names(hosts))).toned(Tone::Warning)
        }
        Event::CancelRequested => {
            let text = "interrupted: the host in hand is finished or undone; interrupt again to stop at once";
            milestone(text.to_owned()).toned(Tone::Warning)
        }
        Event::Warning(warning) => self::warning(warning),
        Event::Listening(listening) => super::listening::line(listening),
        Event::Recorded { number } => detail(format!("recorded as rollout number {number}")),
        Event::Built { service, image, key, took: time } => {
            let key = key.as_ref().map(|key| format!(", content {key}")).unwrap_or_default();
            milestone(format!("built {image} in {}{key}", took(*time))).of(service)
        }
        Event::BuildUnchanged { service, image, key } => {
            milestone(format!("not built: {image} was made from the same, content {key}")).of(service)
        }
        Event::Pruned { host, images, bytes } => {
            let text = format!("removed {} that no release needs: {}", count(*images, "image"), size(*bytes));
            detail(text).on(host)
        }
        Event::Retired { host, container } => detail(format!("removed {}", clip(container, LONGEST))).on(host),
    })
}

/// A service, and those that are in hand with it.
pub(super) fn services(service: &ServiceName, beside: &[ServiceName]) -> String {
    std::iter::once(service).chain(beside).map(ServiceName::as_str).collect::<Vec<_>>().join(", ")
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

/// How a balancer sees a server: `in traffic, up`, `drained, down, 3 requests open`.
pub(super) fn server_words(server: &Server) -> String {
    let admin = match server.admin {
        Admin::Ready => "in traffic",
        Admin::Drain => "drained",
        Admin::Maintenance => "in maintenance",
        Admin::Unknown => "told, and cannot be asked",
    };
    let health = match server.health {
        Health::Up => ", up",
        Health::Down => ", down",
        Health::Stopping => ", stopping",
        Health::Unchecked => ", not checked",
        Health::Unknown => "",
    };
    let open = usize::try_from(server.open()).unwrap_or(usize::MAX);
    let open = if open == 0 { String::new() } else { format!(", {} open", count(open, "request")) };
    format!("{admin}{health}{open}")
}

/// `deploy of r12-3fa9c1 to shop prod: 3 replacements in 3 batches`
pub(super) fn started(plan: &Plan) -> String {
    let (kind, scope, release) = (plan.kind.as_str(), &plan.scope, &plan.release);
    if plan.act.is_some() {
        let hosts = plan.replacements().map(|one| &one.host).collect::<BTreeSet<_>>().len();
        let what = format!("{kind} on {}", count(hosts, "host"));
        return format!("{what} of {} {}", scope.project, scope.environment);
    }
    format!("{kind} of {release} to {} {}: {}", scope.project, scope.environment, extent(plan))
}

/// `3 replacements in 3 batches`
pub(super) fn extent(plan: &Plan) -> String {
    let replacements = count(plan.replacements().count(), "replacement");
    let batches =
        if plan.batches.len() == 1 { "1 batch".to_owned() } else { format!("{} batches", plan.batches.len()) };
    format!("{replacements} in {batches}")
}

fn sent(arrived: &Arrived) -> Line<'_> {
    let Arrived { host, image, layers, of, bytes, refused, from, not_pulled, took: time } = arrived;
    let image = clip(image, LONGEST);
    if *layers == 0 && from.is_none() {
        return detail(format!("has {image} already; nothing is sent")).on(host);
    }
    let whole = refused.as_ref().map(|why| format!("; a part would not do: {}", clip(why, LONGEST)));
    let what = format!("{layers} of {} of {image}", count(*of, "layer"));
    let (bytes, time, whole) = (size(*bytes), took(*time), whole.unwrap_or_default());
    match (from, not_pulled) {
        (Some(from), Some(why)) => {
            let why = clip(why, LONGEST);
            let text = format!("it cannot be pulled ({why}); sent {what} from {from}, {bytes} in {time}{whole}");
            milestone(text).on(host).toned(Tone::Warning)
        }
        _ => detail(format!("sent {what}, {bytes} in {time}{whole}")).on(host),
    }
}

fn undo(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "",
        Direction::Backward => "undo: ",
    }
}

fn question(asked: &Asked) -> Line<'_> {
    let tone = if asked.passed { Tone::Good } else { Tone::Bad };
    milestone(asked_words(asked)).of(&asked.service).toned(tone)
}

/// What was answered to a query.
pub(super) fn asked_words(asked: &Asked) -> String {
    let number = |number: &Number| format!("{}{}", number.value, number.labels);
    let numbers: Vec<_> = asked.numbers.iter().map(number).collect();
    let verdict = if asked.passed { "as it may be" } else { "not as it may be" };
    clip(&format!("{}, {verdict}: {}", numbers.join(", "), asked.query), LONGEST)
}

fn comparison(compared: &Compared) -> Line<'_> {
    let tone = match compared.verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail => Tone::Bad,
        Verdict::Inconclusive => Tone::Warning,
    };
    milestone(compared_words(compared)).of(&compared.service).toned(tone)
}

/// What a comparison came to, with its numbers.
pub(super) fn compared_words(compared: &Compared) -> String {
    let Compared { hosts, new, old, verdict, .. } = compared;
    let verdict = match verdict {
        Verdict::Pass => "no more than may be",
        Verdict::Fail => "too many",
        Verdict::Inconclusive => "too few requests to tell",
    };
    format!("failed requests: {new} on {}, {old} on the old servers: {verdict}", names(hosts))
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
        Warning::NotPruned { host, reason } => said("no image was removed", reason).on(host),
        Warning::NotTidied { host, reason } => {
            said("files that no container mounts any more could not be removed", reason).on(host)
        }
        Warning::CutOff { host, service, requests, connections } => {
            let counted = |number: u64, noun| count(usize::try_from(number).unwrap_or(usize::MAX), noun);
            let what = match (*requests, *connections) {
                (requests, 0) => counted(requests, "request"),
                (0, connections) => counted(connections, "connection"),
                (requests, connections) => {
                    format!("{} and {}", counted(requests, "request"), counted(connections, "connection"))
                }
            };
            let text = format!("warning: {what} did not end in time and are cut off");
            milestone(text).on(host).of(service).toned(Tone::Warning)
        }
        Warning::Uncounted { host, service } => {
            let text = "warning: nobody could tell whether requests were open when it was stopped".to_owned();
            milestone(text).on(host).of(service).toned(Tone::Warning)
        }
        Warning::NotDrained { host, route } => {
            let text = format!("warning: the balancer had put {route} back into traffic; it is drained again");
            milestone(text).on(host).toned(Tone::Warning)
        }
        Warning::KeptOut { host, route } => {
            let text = format!("warning: somebody has put {route} into maintenance meanwhile; it stays there");
            milestone(text).on(host).toned(Tone::Warning)
        }
        Warning::NotAsked { host, route, reason } => {
            said(&format!("{route} was taken away without waiting for its requests"), reason).on(host)
        }
        Warning::NotLocked { host, reason } => {
            said("the lock could not be taken here, and nothing is done here", reason).on(host)
        }
        Warning::NotUnlocked { host, reason } => {
            said("the lock could not be released, it expires by itself", reason).on(host)
        }
        Warning::NotNotified { name, reason } => said(&format!("notify {name}, who was not told"), reason),
        Warning::HookFailed { hook, reason } => said(&format!("hook {hook}, which changes nothing"), reason),
        Warning::HeartbeatMissed { host, reason } => said("the lock could not be refreshed this time", reason).on(host),
    }
}

pub(super) fn milestone<'e>(text: String) -> Line<'e> {
    Line { host: None, service: None, text, tone: Tone::Neutral, weight: Weight::Milestone }
}

fn detail<'e>(text: String) -> Line<'e> {
    Line { weight: Weight::Detail, ..milestone(text) }
}

impl<'e> Line<'e> {
    pub(super) fn on(self, host: &'e HostName) -> Self {
        Self { host: Some(host), ..self }
    }

    pub(super) fn of(self, service: &'e ServiceName) -> Self {
        Self { service: Some(service), ..self }
    }

    pub(super) fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}
