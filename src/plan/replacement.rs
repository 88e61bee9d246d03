//! One service on one host: from what it runs to what it is to run, and the way back.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage, SpecDigest, final_name, renamed};
use crate::delivery::LiveFiles;
use crate::environment::{Health, Order, Protocol, RestartPolicy};
use crate::fleet::observed::ObservedContainer;
use crate::fleet::stamp::Stamp;
use crate::name::{HostName, SecretName, ServiceName};
use crate::plan::{Seating, Step, Traffic};

/// One service on one host: from what it runs to what it is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The host.
    pub host: HostName,
    /// The service.
    pub service: ServiceName,
    /// Why.
    pub cause: Cause,
    /// Secrets that have another value than in what runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretName>,
    /// What the host goes back to if this fails; `None` if there is nothing.
    pub before: Option<Incumbent>,
    /// Whether `before` runs, settled, when the plan is made. If not, an earlier rollout or somebody left it half-done;
    /// undoing then starts, gates and promotes it, even if the rollout never came to this host.
    pub before_settled: bool,
    /// What it is to run.
    pub target: Target,
    /// Which of the two is stopped or started first.
    pub order: Order,
    /// How its traffic is switched; `None` where no balancer is told.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// Where its containers sit behind the edge; `None` where they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seating: Option<Seating>,
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
    /// TCP ports of the host that it holds while it runs.
    #[serde(default)]
    pub ports: BTreeSet<u16>,
    /// The files that it can be switched in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveFiles>,
}

impl Incumbent {
    /// The same container, switched to the live files of this spec.
    #[must_use]
    pub fn at(mut self, spec: &SpecDigest) -> Self {
        if let Some(version) = spec.version() {
            self.name = ContainerName(renamed(&self.name.0, version));
        }
        Self { spec: spec.clone(), ..self }
    }
}

impl Replacement {
    /// Whether an operator asked for something to be done to what runs.
    pub fn is_of_running(&self) -> bool {
        self.cause == Cause::Asked && matches!(self.target, Target::Existing { runs: true, .. })
    }

    /// Whether nothing is done to its container: it does not run, and its host is rebooted.
    pub fn is_bystander(&self) -> bool {
        self.steps == [Step::Reboot]
    }

    /// Whether old and new are one container, which is switched from some live files to others.
    pub fn is_switch(&self) -> bool {
        let before = self.before.as_ref().map(|before| &before.id);
        matches!(&self.target, Target::Existing { container, .. } if Some(&container.id) == before)
    }
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
    /// It runs, and gets no requests: a rollout that came to no end drained it.
    OutOfTraffic,
    /// Undoing a rollout that failed elsewhere.
    RollingBack,
    /// An operator asked for just this.
    Asked,
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

    /// TCP ports of the host that it will take; none where it holds them already. Only of TCP can it be seen beforehand
    /// whether they are free.
    pub fn ports(&self) -> BTreeSet<u16> {
        match self {
            Self::Create { spec, .. } => {
                let tcp = spec.runtime.ports.iter().filter(|port| port.protocol == Protocol::Tcp);
                tcp.filter_map(|port| port.host_port).collect()
            }
            Self::Existing { container, runs: false, .. } => container.ports.clone(),
            Self::Existing { .. } => BTreeSet::new(),
        }
    }

    /// The files that it can be switched in.
    pub fn live(&self) -> Option<&LiveFiles> {
        match self {
            Self::Create { stamp, .. } => stamp.live.as_ref(),
            Self::Existing { container, .. } => container.live.as_ref(),
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
        Self {
            id: container.id.clone(),
            name: ContainerName(final_name(&container.name).to_owned()),
            release: container.stamp.release,
            spec: container.stamp.spec.clone(),
            image: container.stamp.image.clone(),
            health: container.stamp.health.clone(),
            grace: container.stamp.grace,
            restart: container.stamp.restart.clone(),
            ports: container.ports.clone(),
            live: container.stamp.live.clone(),
        }
    }
}
