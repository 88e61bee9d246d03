//! What a rollout came to: the outcome, the first cause, and host by host what runs now, by a look at the hosts
//! after the last step. Data; the table is made in `report`.

use serde::{Deserialize, Serialize};

use crate::environment::Query;
use crate::environment::error_rate::{Tally, Verdict};
use crate::error::Exit;
use crate::event::Failure;
use crate::name::{HostName, JobName, ServiceName};
use crate::release::ReleaseId;

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it came to.
    pub outcome: Outcome,
    /// The release it was to bring.
    pub release: ReleaseId,
    /// Every host and service of the plan.
    pub rows: Vec<Row>,
    /// Every store of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreRow>,
    /// Every job of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobRow>,
    /// Errors of new servers and of old ones, where they were compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Compared>,
    /// What Prometheus answered, where it was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// What failed first.
    pub failure: Option<Failure>,
    /// What failed beside it, where hosts were asked at the same time.
    #[serde(default)]
    pub further_failures: Vec<Failure>,
    /// Failures while undoing, which keep the outcome from being "rolled back".
    pub undo_failures: Vec<Failure>,
}

/// What a rollout came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The release is in force on every selected host, by a look at each.
    Completed,
    /// Every touched host runs what it ran before, healthy.
    RolledBack,
    /// The canary runs the release, healthy, and waits to be promoted.
    Canary,
    /// Hosts that failed run what they ran before, the others run the release, all of them healthy.
    Partial,
    /// Mixed or unknown: the rows say which is which.
    Halted,
    /// The operator interrupted it; the hosts in hand were finished or undone.
    Cancelled,
    /// It failed before any host was changed.
    Unchanged,
    /// Somebody else holds the lock.
    Locked(Holder),
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// On which host it was found.
    pub host: HostName,
    /// `user@machine`.
    pub by: String,
    /// When it was taken, by the holder's clock.
    pub since: jiff::Timestamp,
    /// What the holder does.
    pub kind: String,
    /// Its rollout id.
    pub rollout: String,
    /// What it is doing now.
    pub step: String,
}

/// One service on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Where.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// What ran when the rollout began.
    pub before: Running,
    /// What runs now.
    pub now: Running,
    /// Whether what runs now is what it should be after this outcome: the release if it was completed, what ran before
    /// if it was rolled back or never begun, one of the two if it was interrupted or halted.
    pub as_intended: bool,
    /// What is known of its health.
    pub health: RowHealth,
    /// Whether balancers send it requests; `None` where none is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<RowTraffic>,
}

/// Whether balancers send requests to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowTraffic {
    /// All of them, as far as nobody has put the server into maintenance.
    In,
    /// Not all of them.
    Out,
    /// One could not be asked.
    Unknown,
}

/// One store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRow {
    /// Its name in the manifest.
    pub store: String,
    /// What it holds now.
    pub now: StoreNow,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreNow {
    /// Exactly what the release publishes.
    New,
    /// Exactly what it held before.
    Old,
    /// Neither: somebody else has changed it.
    Changed,
    /// It could not be asked.
    Unknown(String),
}

/// New servers compared with old ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Of which service.
    pub service: ServiceName,
    /// The hosts of the batch.
    pub hosts: Vec<HostName>,
    /// What their servers did since they got requests.
    pub new: Tally,
    /// What the others did meanwhile.
    pub old: Tally,
    /// What that means.
    pub verdict: Verdict,
}

/// What Prometheus answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// About which service.
    pub service: ServiceName,
    /// What was asked.
    pub query: Query,
    /// The numbers of the answer, those that may not be first; of many only some.
    pub numbers: Vec<Number>,
    /// Whether all were as they may be.
    pub passed: bool,
}

/// One number of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// What it is about, as `{instance="web1"}`.
    pub labels: String,
    /// As it was written.
    pub value: String,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Its name.
    pub job: JobName,
    /// Where it runs.
    pub host: HostName,
    /// Whether the release before can still run once it has.
    pub reversible: bool,
    /// How it stands.
    pub now: JobNow,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobNow {
    /// It was not started in this rollout.
    NotRun,
    /// It ran to a good end, in this rollout or before.
    Done,
    /// It failed, or could not be started.
    Failed,
    /// It was started, and nobody waits for it any more.
    Left,
}

/// What runs of a service on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Running {
    /// One container, created by this release, from this image.
    Release {
        /// Number of the release that created the container.
        number: u64,
        /// Its image, for people.
        image: String,
    },
    /// No container runs.
    Nothing,
    /// More than one runs.
    Several(Vec<String>),
    /// The host could not be asked.
    Unknown,
}

/// What is known of the health of what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowHealth {
    /// It passed its gate in this rollout, or the engine says healthy.
    Healthy,
    /// It runs and once passed its gate; it was not asked in this run.
    Running,
    /// It runs and has not passed its gate.
    Unproven,
    /// It fails its checks.
    Unhealthy,
    /// It does not run.
    Stopped,
    /// The host could not be asked.
    Unknown,
}

impl Outcome {
    /// The word for it that programs get.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled-back",
            Self::Canary => "canary",
            Self::Partial => "partial",
            Self::Halted => "mixed",
            Self::Cancelled => "interrupted",
            Self::Unchanged => "unchanged",
            Self::Locked(_) => "locked",
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Completed | Self::Canary => Exit::Done,
            Self::RolledBack => Exit::RolledBack,
            Self::Partial | Self::Halted => Exit::Mixed,
            Self::Cancelled => Exit::Interrupted,
            Self::Unchanged => Exit::Unchanged,
            Self::Locked(_) => Exit::Locked,
        }
    }
}
