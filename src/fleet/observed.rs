//! What the fleet looked like when we looked: one snapshot that the planner decides from.

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::balancer::Servers;
use crate::container::ContainerId;
use crate::environment::RestartPolicy;
use crate::fleet::key::FingerprintKey;
use crate::fleet::layers::Layers;
use crate::fleet::ledger::Ledger;
use crate::fleet::stamp::Stamp;
use crate::name::{BalancerName, HostName, ServiceName};

/// The whole fleet, including the hosts that did not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Every host of the environment.
    pub hosts: BTreeMap<HostName, HostView>,
    /// Every backend that a service of the environment is behind, as each balancer sees it.
    pub backends: BTreeMap<(BalancerName, String), BackendView>,
    /// In which life each host is that can be told to reboot; empty where nobody is to.
    pub boots: BTreeMap<HostName, Boot>,
    /// What images consist of, and what hosts have of it; empty where hosts are sent none, and where nobody asked.
    pub layers: Layers,
}

/// One life of a host, from one start to the next. Differs from that of any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Boot(pub String);

/// A backend as far as it could be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendView {
    /// Its servers.
    Seen(Servers),
    /// The balancer did not answer, or has no such backend; what we were told.
    Unseen(String),
}

/// One host as far as it could be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostView {
    /// It answered.
    Seen(Box<ObservedHost>),
    /// It did not; what we were told.
    Unreachable(String),
}

impl Observed {
    /// A host that answered.
    pub fn seen(&self, host: &HostName) -> Option<&ObservedHost> {
        match self.hosts.get(host) {
            Some(HostView::Seen(seen)) => Some(seen),
            _ => None,
        }
    }

    /// The ledger with the most entries: all hosts hold the same, some may have missed the last.
    pub fn ledger(&self) -> Ledger {
        let mut ledgers = self.hosts.values().filter_map(|view| match view {
            HostView::Seen(host) => Some(&host.ledger),
            HostView::Unreachable(_) => None,
        });
        let first = ledgers.next().cloned().unwrap_or_default();
        ledgers.fold(
            first,
            |newest, ledger| if ledger.last_number() > newest.last_number() { ledger.clone() } else { newest },
        )
    }
}

impl Observed {
    /// The key that the environment's secrets are compared by: of those that hosts have, the one that made the most of the
    /// fingerprints on containers, and then the one that most hosts have. All hosts have the same, unless some were out of
    /// reach when it was made.
    pub fn key(&self) -> Option<&FingerprintKey> {
        let hosts = || {
            self.hosts.values().filter_map(|view| match view {
                HostView::Seen(host) => Some(host),
                HostView::Unreachable(_) => None,
            })
        };
        let keys = || hosts().filter_map(|host| host.key.as_ref());
        let containers = || hosts().flat_map(|host| &host.containers);
        keys().max_by_key(|key| {
            let id = key.id();
            let is_used = |one: &&ObservedContainer| one.stamp.secrets.values().any(|print| id.made(print));
            let (uses, held) = (containers().filter(is_used).count(), keys().filter(|other| other == key).count());
            (uses, held, id)
        })
    }
}

/// A host that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedHost {
    /// Facts about its engine.
    pub engine: EngineFacts,
    /// Containers of our scope, sorted by name.
    pub containers: Vec<ObservedContainer>,
    /// Containers of jobs of our scope, sorted by name. They are not of services.
    pub jobs: Vec<ObservedContainer>,
    /// Host ports that containers of others publish, with the name of the holder.
    pub foreign_ports: BTreeMap<u16, String>,
    /// Names of networks of our scope that exist.
    pub networks: BTreeSet<String>,
    /// Names of volumes of our scope that exist.
    pub volumes: BTreeSet<String>,
    /// What was rolled out here before.
    pub ledger: Ledger,
    /// The key of the environment's fingerprints, if it is here.
    pub key: Option<FingerprintKey>,
}

/// What an engine says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// The engine's own id; two hosts with the same id are one machine.
    pub id: String,
    /// Engine version, such as `20.10.24`.
    pub version: String,
    /// API version that is spoken, such as `1.41`.
    pub api: String,
    /// `linux/amd64` and so on.
    pub platform: String,
}

/// A container of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Engine's id.
    pub id: ContainerId,
    /// Name without a leading slash.
    pub name: String,
    /// Whether it once passed its gate (its name carries no `-unproven`), and is not being switched to other files.
    pub proven: bool,
    /// It once passed its gate with the files that its name says, and is being switched to others.
    pub switching: bool,
    /// What it says about itself.
    pub stamp: Stamp,
    /// What it does.
    pub state: ContainerState,
    /// Policy in force now; differs from the stamp's until it is promoted and after it is stopped.
    pub restart: RestartPolicy,
    /// TCP ports of the host that it holds while it runs.
    pub ports: BTreeSet<u16>,
    /// Its seat behind the edge of the host.
    pub seat: Option<Ipv4Addr>,
    /// Its secrets were in the host's memory and are gone, as after a restart of the host; it cannot be started any more.
    pub emptied: bool,
}

impl ObservedContainer {
    /// Whether it once passed its gate as what its name says.
    pub fn was_proven(&self) -> bool {
        self.proven || self.switching
    }

    /// Running, proved, and restarted by the engine as declared: nothing is left to be done.
    pub fn settled(&self) -> bool {
        self.state.is_running() && self.proven && self.restart == self.stamp.restart
    }
}

/// State of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    /// Phase.
    pub phase: Phase,
    /// Last start, by the host's clock. Changes with every (re)start.
    pub started_at: Option<Timestamp>,
    /// Last end, by the host's clock.
    pub finished_at: Option<Timestamp>,
    /// Restarts by the engine since it was last started by request.
    pub restarts: u64,
    /// What the engine's own health check says.
    pub health: EngineHealth,
}

impl ContainerState {
    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Created, never started.
    Created,
    /// Its process runs.
    Running,
    /// The engine is about to start it again.
    Restarting,
    /// Frozen by somebody.
    Paused,
    /// Ended.
    Exited {
        /// Exit code of its process.
        code: i64,
        /// Killed for want of memory.
        oom_killed: bool,
    },
    /// Being removed, or dead.
    Dead,
}

/// The engine's own health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineHealth {
    /// The container has none.
    None,
    /// No verdict yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing, with the last output.
    Unhealthy(String),
}

impl ObservedHost {
    /// Containers of one service.
    pub fn of_service<'a>(&'a self, service: &'a ServiceName) -> impl Iterator<Item = &'a ObservedContainer> {
        self.containers.iter().filter(move |container| container.stamp.service == *service)
    }
}
