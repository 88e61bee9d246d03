//! Facts about a run, as data. The only bridge from what happens to who shows or keeps it: deliberately no
//! words for people, no colours, no settings of a reader in here.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::environment::{Route, Scope};
use crate::name::{HostName, ServiceName};
use crate::plan::{Plan, Step};
use crate::rollout::report::Report;

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
    /// An image is being pushed.
    Pushing(ServiceName),
    /// An image is fixed by digest.
    Pinned {
        /// Of which service.
        service: ServiceName,
        /// Name and digest, for people.
        image: String,
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
    /// A batch begins.
    BatchStarted {
        /// From 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Which service.
        service: ServiceName,
        /// Which hosts.
        hosts: Vec<HostName>,
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
    /// What a container answered, when it changed. Progress.
    Probed {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// `None` if healthy, else what it said.
        not_ready: Option<String>,
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
    /// Promoted hosts are being watched.
    Monitoring {
        /// Which hosts.
        hosts: Vec<HostName>,
        /// For how long.
        #[serde(with = "crate::duration::text")]
        window: Duration,
    },
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
    /// The promoted hosts go back, each to its own earlier release.
    RollingBack {
        /// Which hosts.
        hosts: Vec<HostName>,
    },
    /// The operator asked to stop.
    CancelRequested,
    /// Something did not go well that does not change the outcome.
    Warning(Warning),
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
    /// The rollout is over.
    Finished(Box<Report>),
}

/// Whether a step goes towards the release or away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the release.
    Forward,
    /// Undoing one host, or the fleet.
    Backward,
}

/// Why a host failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where; `None` if it is about no host, such as a journal that cannot be written.
    pub host: Option<HostName>,
    /// Which service; `None` before any service is touched.
    pub service: Option<ServiceName>,
    /// What was being done.
    pub doing: String,
    /// Why it failed.
    pub reason: String,
    /// Last lines of the container's output, oldest first.
    pub log: Vec<String>,
}

/// Something that does not change the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The journal can no longer be written; the rollout ends safely without it.
    Journal(String),
    /// The ledger of a host lacks this rollout; the next one brings it.
    NotRecorded {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// An old container could not be removed.
    NotRetired {
        /// Where.
        host: HostName,
        /// Its name.
        container: String,
        /// Why.
        reason: String,
    },
    /// Files that no container mounts any more could not be removed; a later rollout tries again.
    NotTidied {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// Requests that did not end in time are cut off.
    CutOff {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// How many.
        requests: u64,
    },
    /// A balancer has forgotten that a server is drained, by a reload or by somebody's hand; it is told again.
    NotDrained {
        /// The host that the server is.
        host: HostName,
        /// Which server.
        route: Route,
    },
    /// The lock could not be taken on a host that the rollout leaves alone.
    NotLocked {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// The lock could not be released; it expires.
    NotUnlocked {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// The lock could not be refreshed this time.
    HeartbeatMissed {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
}

impl Event {
    /// Whether the journal may leave it out.
    pub fn is_progress(&self) -> bool {
        matches!(self, Self::Pulling { .. } | Self::Retrying { .. } | Self::Probed { .. } | Self::BuildOutput { .. })
    }

    /// Whether it must be on disk before the next thing happens.
    pub fn is_intent(&self) -> bool {
        matches!(
            self,
            Self::RolloutStarted { .. }
                | Self::Locking(_)
                | Self::Preparing(_)
                | Self::StepStarted { .. }
                | Self::Publishing { .. }
                | Self::Withdrawing { .. }
                | Self::RollingBack { .. }
                | Self::Recording { .. }
                | Self::Retiring { .. }
                | Self::Finished(_)
        )
    }
}

/// Shows events. Must not block for long, and cannot fail.
pub trait EventSink: Send + Sync {
    /// Takes one.
    fn take(&self, record: &Record);
}
