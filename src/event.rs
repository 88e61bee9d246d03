//! Facts about a run, as data. The only bridge from what happens to who shows or keeps it: deliberately no
//! words for people, no colours, no settings of a reader in here.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::balancer::Server;
use crate::environment::{Point, Route, Scope};
use crate::fleet::ledger::Kind;
use crate::fleet::serving::Out;
use crate::name::{HostName, JobName, ServiceName};
use crate::plan::{Plan, Step};
use crate::rollout::report::{Asked, Compared, Report};

mod arrived;
mod direction;
mod failure;
mod listening;
mod warning;
mod weight;

pub use arrived::Arrived;
pub use direction::Direction;
pub use failure::Failure;
pub use listening::Listening;
pub use warning::Warning;

/// Version of [`Record`]'s form.
pub const EVENT_FORMAT: u32 = 1;

/// An event with its place in the run: a line of the journal, and of `--format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub format: u32,
    /// Rises by one, from 1.
    pub sequence: u64,
    /// By the operator's clock.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Hosts are being looked at.
    Observing {
        /// Project and environment.
        scope: Scope,
        /// How many.
        hosts: usize,
    },
    /// An image is being built.
    Building(ServiceName),
    /// A line of a build's output.
    BuildOutput {
        /// Of which service's image.
        service: ServiceName,
        /// Cleaned of control characters.
        line: String,
    },
    /// An image was built.
    Built {
        /// Of which service.
        service: ServiceName,
        /// The beginning of its id, for people.
        image: String,
        /// What names all that it was made from, where it is found again by that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// How long it took.
        #[serde(with = "crate::duration::text")]
        took: Duration,
    },
    /// An image that was built before from the very same.
    BuildUnchanged {
        /// Of which service.
        service: ServiceName,
        /// The beginning of its id, for people.
        image: String,
        /// What names all that it was made from.
        key: String,
    },
    /// An image is being pushed.
    Pushing(ServiceName),
    /// An image is fixed by digest.
    Pinned {
        /// Of which service.
        service: ServiceName,
        /// Name and digest, for people.
        image: String,
        /// The mirror of Docker Hub that said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mirror: Option<String>,
    },
    /// The rollout begins; the first line of its journal.
    RolloutStarted {
        /// Its id, which also names the journal.
        rollout: String,
        /// `user@machine`.
        by: String,
        /// Everything that will be done.
        plan: Box<Plan>,
    },
    /// The lock is about to be taken on these hosts.
    Locking(Vec<HostName>),
    /// The lock is ours.
    Locked,
    /// A lock was taken over from a holder that shows no sign of life.
    LockTakenOver {
        /// Where.
        host: HostName,
        /// From whom.
        from: String,
    },
    /// A lock is held; its heartbeat is being watched for a while.
    LockWatched {
        /// Where.
        host: HostName,
        /// By whom.
        holder: String,
    },
    /// A host is made ready.
    Preparing(HostName),
    /// Bytes of an image, done and known so far. Progress: never in the journal.
    Pulling {
        /// On which host.
        host: HostName,
        /// Bytes done.
        done: u64,
        /// Bytes known so far.
        total: u64,
    },
    /// Bytes of an image that the builder sends, done and in all. Progress: never in the journal.
    Sending {
        /// To which host.
        host: HostName,
        /// Bytes done.
        done: u64,
        /// Bytes in all, packed.
        total: u64,
    },
    /// An image is on a host that did not have it.
    Pulled {
        /// On which host.
        host: HostName,
        /// Name and digest, for people.
        image: String,
        /// Bytes that had to come; 0 where the engine counted none.
        bytes: u64,
        /// How long that took.
        #[serde(with = "crate::duration::text")]
        took: Duration,
    },
    /// A host has an image that the builder sends.
    Sent(Arrived),
    /// A host is ready.
    Prepared(HostName),
    /// A store is about to be changed.
    Publishing {
        /// Which.
        store: String,
        /// How many keys.
        keys: usize,
    },
    /// A store holds what the release publishes.
    Published {
        /// Which.
        store: String,
    },
    /// A store is about to be put back.
    Withdrawing {
        /// Which.
        store: String,
    },
    /// A store holds what it held before.
    Withdrawn {
        /// Which.
        store: String,
    },
    /// A job's container is about to be created and started.
    JobStarting {
        /// Where.
        host: HostName,
        /// Which.
        job: JobName,
    },
    /// A job runs, started now or by an earlier rollout.
    JobRunning {
        /// Where.
        host: HostName,
        /// Which.
        job: JobName,
        /// Whether an earlier rollout has started it.
        earlier: bool,
    },
    /// A line of a job's output.
    JobOutput {
        /// Where.
        host: HostName,
        /// Which.
        job: JobName,
        /// Cleaned of control characters.
        line: String,
    },
    /// A job has ended well.
    JobDone {
        /// Where.
        host: HostName,
        /// Which.
        job: JobName,
        /// How long this rollout had to wait for it.
        #[serde(with = "crate::duration::text")]
        took: Duration,
    },
    /// The operator asked to stop while a job ran, which goes on.
    JobLeft {
        /// Where.
        host: HostName,
        /// Which.
        job: JobName,
    },
    /// A hook is about to be run.
    HookStarted {
        /// When.
        hook: Point,
        /// Its program.
        program: String,
    },
    /// A line of a hook's output.
    HookOutput {
        /// When.
        hook: Point,
        /// Cleaned of control characters.
        line: String,
    },
    /// A hook has ended well.
    HookDone {
        /// When.
        hook: Point,
        /// How long it took.
        #[serde(with = "crate::duration::text")]
        took: Duration,
    },
    /// A batch begins.
    BatchStarted {
        /// From 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Which service.
        service: ServiceName,
        /// Which others, where it is about hosts with all that is on them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        beside: Vec<ServiceName>,
        /// Which hosts.
        hosts: Vec<HostName>,
    },
    /// A batch waits until enough other hosts are in service.
    Short {
        /// Which service.
        service: ServiceName,
        /// How many must be.
        keep: usize,
        /// Those that are not, and why.
        out: Vec<(HostName, Out)>,
    },
    /// A step is about to be done. In the journal before the host is told.
    StepStarted {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// What.
        step: Step,
        /// Whether this undoes something.
        direction: Direction,
    },
    /// A step is done.
    StepFinished {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// What.
        step: Step,
        /// How long it took.
        #[serde(with = "crate::duration::text")]
        took: Duration,
    },
    /// A step failed for good.
    StepFailed {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// What.
        step: Step,
        /// Why.
        reason: String,
    },
    /// A call got no answer and is made again. Progress.
    Retrying {
        /// Where.
        host: HostName,
        /// What was heard.
        reason: String,
    },
    /// What a container answered at its gate, when it changed.
    Probed {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// `None` if healthy, else what it said.
        not_ready: Option<String>,
    },
    /// What a balancer shows of a server of a host once it was taken out of traffic, or put back.
    Routed {
        /// Which host the server is.
        host: HostName,
        /// Of which service.
        service: ServiceName,
        /// Which server.
        route: Route,
        /// How the balancer sees it.
        server: Server,
    },
    /// A host runs the new release.
    Promoted {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// Number of the release that created the container.
        release: u64,
    },
    /// What an operator asked for is done on a host.
    Acted {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// What.
        kind: Kind,
    },
    /// Promoted hosts are being watched.
    Monitoring {
        /// Which hosts.
        hosts: Vec<HostName>,
        /// For how long.
        #[serde(with = "crate::duration::text")]
        window: Duration,
    },
    /// Errors of the servers of a batch were compared with those of the old ones.
    Compared(Compared),
    /// A Prometheus was asked about a batch, and answered.
    Asked(Asked),
    /// A host failed.
    HostFailed {
        /// Where, what, why, with evidence.
        failure: Failure,
    },
    /// A failed host is being brought back.
    Unwinding {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
    },
    /// A failed host is back on what it ran before.
    Unwound {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
    },
    /// Hosts that failed go back alone, and the rollout goes on.
    GoingOn {
        /// Which hosts.
        hosts: Vec<HostName>,
        /// How many have failed until now.
        failed: usize,
        /// How many may.
        most: usize,
    },
    /// The promoted hosts go back, each to its own earlier release.
    RollingBack {
        /// Which hosts.
        hosts: Vec<HostName>,
    },
    /// The operator asked to stop.
    CancelRequested,
    /// Something did not go well that does not change the outcome.
    Warning(Warning),
    /// Something about containers that are listened to.
    Listening(Listening),
    /// The rollout is about to be written to the ledger of the hosts.
    Recording {
        /// Number of the entry.
        number: u64,
    },
    /// The rollout is in the ledger of the hosts.
    Recorded {
        /// Number of the entry.
        number: u64,
    },
    /// A container of an old release is about to be removed.
    Retiring {
        /// Where.
        host: HostName,
        /// Its name.
        container: String,
    },
    /// A container of an old release was removed.
    Retired {
        /// Where.
        host: HostName,
        /// Its name.
        container: String,
    },
    /// Images that no release needs any more were removed.
    Pruned {
        /// Where.
        host: HostName,
        /// How many.
        images: usize,
        /// What the host has back on its disk.
        bytes: u64,
    },
    /// The rollout is over.
    Finished(Box<Report>),
}

/// Shows events. Must not block for long, and cannot fail.
pub trait EventSink: Send + Sync {
    /// Takes one.
    fn take(&self, record: &Record);
}
