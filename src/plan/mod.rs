//! What a rollout will do, as a value: shown, saved, compared, and carried out without further choices.
//!
//! Deliberately absent from this module: `async`, input and output, clocks, the environment, logging,
//! questions. What needs an answer is a [`Note`]; the command asks. The same inputs give the same plan, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage, SpecDigest};
use crate::engine::Provision;
use crate::environment::{FailureAction, Health, Order, RestartPolicy, Scope};
use crate::fleet::ledger::{Kind, Placements};
use crate::fleet::observed::ObservedContainer;
use crate::fleet::stamp::Stamp;
use crate::name::{HostName, ServiceName};
use crate::release::ReleaseId;

pub mod batching;
pub mod check;
pub mod display;
pub(crate) mod incumbent;
pub mod note;
pub mod planner;
pub mod refusal;
mod replacing;
pub mod rollback;
pub mod saved;
pub mod step;
pub mod unwind;

pub use note::Note;
pub use refusal::Refusal;
pub use step::{Step, Subject};

/// What a rollout will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form.
    pub format: u32,
    /// What was asked for.
    pub kind: Kind,
    /// Project and environment.
    pub scope: Scope,
    /// The release that will be in force.
    pub release: ReleaseId,
    /// The release in force now.
    pub from: Option<ReleaseId>,
    /// Images of the release.
    pub images: BTreeMap<ServiceName, PinnedImage>,
    /// What every host runs once the release is in force, also hosts that this plan does not touch.
    pub placements: Placements,
    /// What is made present on every host before anything is stopped anywhere.
    pub preparations: BTreeMap<HostName, Preparation>,
    /// Hosts that an unfinished rollout has already brought to this release, which is not in force yet. Nothing is done
    /// to them; they are monitored with the others, and go back with them.
    pub resumed: Vec<Batch>,
    /// In order; the next waits until all of the one before are promoted and monitored.
    pub batches: Vec<Batch>,
    /// What is removed after success.
    pub retirements: BTreeMap<HostName, Vec<Retirement>>,
    /// Replacements that need nothing.
    pub unchanged: Vec<(HostName, ServiceName)>,
    /// Whether hosts or services that run something else are left out, so that the release does not come into force.
    pub partial: bool,
    /// Whether the ledger lacks this release although hosts may already run it.
    pub unrecorded: bool,
    /// What the operator should know.
    pub notes: Vec<Note>,
    /// What each host looked like; a plan is stale when one looks different.
    pub seen: BTreeMap<HostName, String>,
}

/// The current [`Plan::format`].
pub const PLAN_FORMAT: u32 = 1;

/// What a host needs before its containers are touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    /// Images to pull.
    pub pulls: Vec<PinnedImage>,
    /// Networks and volumes to create.
    pub provisions: Vec<Provision>,
    /// Host ports that must be free, because no container of ours holds them yet.
    pub free_ports: Vec<u16>,
}

/// Hosts replaced together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The service; a batch is about one.
    pub service: ServiceName,
    /// How long failures still count after promotion.
    #[serde(with = "crate::duration::text")]
    pub monitor: Duration,
    /// Pause before the next batch.
    #[serde(with = "crate::duration::text")]
    pub delay: Duration,
    /// What a failure means for the fleet.
    pub failure_action: FailureAction,
    /// One per host.
    pub replacements: Vec<Replacement>,
}

/// One service on one host: from what it runs to what it is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The host.
    pub host: HostName,
    /// The service.
    pub service: ServiceName,
    /// Why.
    pub cause: Cause,
    /// What the host goes back to if this fails; `None` if there is nothing.
    pub before: Option<Incumbent>,
    /// Whether `before` runs, settled, when the plan is made. If not, an earlier rollout or somebody left it half-done;
    /// undoing then starts, gates and promotes it, even if the rollout never came to this host.
    pub before_settled: bool,
    /// What it is to run.
    pub target: Target,
    /// Which of the two is stopped or started first.
    pub order: Order,
    /// What is done before the first batch, on all hosts together, because it disturbs nothing that runs.
    pub staging: Vec<Step>,
    /// What is done in the batch, in order.
    pub steps: Vec<Step>,
}

/// What a host is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A container that has yet to be created.
    Create {
        /// What it will be.
        spec: Box<ContainerSpec>,
        /// What will be written on it.
        stamp: Box<Stamp>,
    },
    /// A container that is there: kept from an earlier release, or running but not settled.
    Existing {
        /// Which.
        container: Box<Incumbent>,
        /// Whether it runs when the plan is made.
        runs: bool,
        /// What becomes of it if it fails.
        fate: Fate,
    },
}

/// What becomes of an existing container that fails as the target of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It never proved itself: stopped and removed.
    Remove,
    /// It was kept for rollback: stopped, and kept again.
    Stop,
    /// It is what the host ran anyway: left alone.
    Leave,
}

/// A container that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incumbent {
    /// Engine's id.
    pub id: ContainerId,
    /// Its final name.
    pub name: ContainerName,
    /// Number of the release that created it.
    pub release: u64,
    /// Digest of its spec.
    pub spec: SpecDigest,
    /// Its image.
    pub image: PinnedImage,
    /// Its own gate.
    pub health: Health,
    /// Its own grace period.
    #[serde(with = "crate::duration::text")]
    pub grace: Duration,
    /// The restart policy it is given on promotion.
    pub restart: RestartPolicy,
}

/// Why a service on a host is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It does not run there.
    NotRunning,
    /// The image changed.
    Image {
        /// What runs.
        from: String,
        /// What is to run.
        to: String,
    },
    /// Configuration, environment, secrets or settings changed.
    Configuration,
    /// An earlier rollout did not finish here.
    Unfinished,
    /// Undoing a rollout that failed elsewhere.
    RollingBack,
}

/// A container that is removed after success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Engine's id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Number of the release that created it.
    pub release: u64,
}

impl Plan {
    /// Whether carrying it out would change nothing.
    pub fn is_noop(&self) -> bool {
        self.batches.is_empty() && !self.unrecorded
    }

    /// The hosts on which something is done.
    pub fn touched(&self) -> BTreeSet<HostName> {
        let replaced = self.replacements().map(|one| &one.host);
        replaced.chain(self.preparations.keys()).chain(self.retirements.keys()).cloned().collect()
    }

    /// All replacements in order, the resumed ones first.
    pub fn replacements(&self) -> impl Iterator<Item = &Replacement> {
        self.resumed.iter().chain(&self.batches).flat_map(|batch| &batch.replacements)
    }
}

impl Target {
    /// Its final name.
    pub fn name(&self) -> ContainerName {
        match self {
            Self::Create { spec, stamp } => spec.name(&stamp.spec),
            Self::Existing { container, .. } => container.name.clone(),
        }
    }

    /// Digest of its spec.
    pub fn spec(&self) -> SpecDigest {
        match self {
            Self::Create { stamp, .. } => stamp.spec.clone(),
            Self::Existing { container, .. } => container.spec.clone(),
        }
    }

    /// Its gate.
    pub fn health(&self) -> &Health {
        match self {
            Self::Create { spec, .. } => &spec.health,
            Self::Existing { container, .. } => &container.health,
        }
    }

    /// From the stop signal to SIGKILL.
    pub fn grace(&self) -> Duration {
        match self {
            Self::Create { stamp, .. } => stamp.grace,
            Self::Existing { container, .. } => container.grace,
        }
    }

    /// Policy it is given on promotion.
    pub fn restart(&self) -> &RestartPolicy {
        match self {
            Self::Create { stamp, .. } => &stamp.restart,
            Self::Existing { container, .. } => &container.restart,
        }
    }

    /// Number of the release that creates or created it.
    pub fn release(&self) -> u64 {
        match self {
            Self::Create { stamp, .. } => stamp.release,
            Self::Existing { container, .. } => container.release,
        }
    }
}

impl From<&ObservedContainer> for Incumbent {
    fn from(container: &ObservedContainer) -> Self {
        let final_name = container.name.strip_suffix(crate::container::UNPROVEN_SUFFIX).unwrap_or(&container.name);
        Self {
            id: container.id.clone(),
            name: ContainerName(final_name.to_owned()),
            release: container.stamp.release,
            spec: container.stamp.spec.clone(),
            image: container.stamp.image.clone(),
            health: container.stamp.health.clone(),
            grace: container.stamp.grace,
            restart: container.stamp.restart.clone(),
        }
    }
}
