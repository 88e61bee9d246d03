//! A simulated load balancer: it sends requests to what it finds healthy, and forgets what it was told when it restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use shipctl::balancer::counters::{Counters, Counting};
use shipctl::balancer::{Admin, BalancerError, Health, LoadBalancer, Server, Servers};
use shipctl::container::ContainerId;
use shipctl::engine::EngineError;
use shipctl::environment::error_rate::Tally;
use shipctl::name::HostName;
use tokio::time::Instant;

use super::op::Op;
use super::world::{Flaw, SimHost, State, World};

/// How long requests go on after a server was drained.
pub const REQUEST: Duration = Duration::from_millis(150);

/// A load balancer in front of all hosts.
#[derive(Debug, Clone)]
pub struct SimBalancer {
    pub up: bool,
    /// A fault took it down during this run.
    pub felled: bool,
    pub boots_at: Option<Instant>,
    /// Servers that are drained, by their host, and since when.
    pub drained: BTreeMap<HostName, Instant>,
    /// Servers that somebody has put into maintenance; whoever sets another state ends it.
    pub maintained: BTreeSet<HostName>,
    /// What it has counted of its servers. Between two looks each that is in traffic gets [`BETWEEN_LOOKS`] requests.
    pub counted: Counters,
    /// It cannot tell what it counted.
    pub is_dumb: bool,
}

/// Requests of a server from one look at the counters to the next.
pub const BETWEEN_LOOKS: u64 = 100;

impl SimBalancer {
    pub fn new() -> Self {
        let counted = Counters { process: 1, ..Counters::default() };
        let (drained, maintained) = (BTreeMap::new(), BTreeSet::new());
        Self { up: true, felled: false, boots_at: None, drained, maintained, counted, is_dumb: false }
    }

    pub fn lose_power(&mut self, back: Option<Instant>) {
        self.up = false;
        self.felled = true;
        self.boots_at = back;
    }

    /// Its configuration knows of no drained server.
    pub fn boot(&mut self) {
        self.up = true;
        self.boots_at = None;
        self.drained.clear();
        self.counted = Counters { process: self.counted.process + 1, ..Counters::default() };
    }

    pub fn set(&mut self, host: &HostName, admin: Admin, now: Instant) {
        self.maintained.remove(host);
        if admin == Admin::Drain {
            self.drained.entry(host.clone()).or_insert(now);
        } else {
            self.drained.remove(host);
        }
    }
}

/// How long the connections that they came by are open.
pub const CONNECTION: Duration = Duration::from_millis(350);

impl State {
    /// Connections of balancers to a container; none where it does not run.
    pub fn connections(&mut self, host: &HostName, id: &ContainerId, now: Instant) -> u64 {
        let is_drained = |balancer: &SimBalancer| {
            balancer.maintained.contains(host)
                || balancer.drained.get(host).is_some_and(|since| now >= *since + CONNECTION)
        };
        let runs = self.container(host, id).is_some_and(|container| container.is_running());
        let open = self.balancers.values().filter(|balancer| balancer.up && !is_drained(balancer)).count();
        let is_blind = self.flaw == Some(Flaw::ConnectionsUnseen);
        if runs && !is_blind { u64::try_from(open).unwrap_or(u64::MAX) } else { 0 }
    }

    /// The servers as a balancer sees them.
    fn servers(&self, balancer: &HostName, now: Instant) -> Servers {
        let balancer = &self.balancers[balancer];
        let servers = self.hosts.iter().map(|(name, host)| {
            let drained = balancer.drained.get(name);
            let is_at_work = !balancer.maintained.contains(name) && drained.is_none_or(|since| now < *since + REQUEST);
            let is_up = host.containers.iter().any(|one| one.is_running() && one.is_healthy(now));
            let server = Server {
                address: name.to_string(),
                port: 8080,
                admin: match drained {
                    _ if balancer.maintained.contains(name) => Admin::Maintenance,
                    Some(_) => Admin::Drain,
                    None => Admin::Ready,
                },
                health: if is_up { Health::Up } else { Health::Down },
                sessions: Some(if is_at_work && self.flaw != Some(Flaw::DrainedIsIdle) { 5 } else { 0 }),
                queued: 0,
                kept: 0,
                backup: false,
                sticky: false,
            };
            (name.to_string(), server)
        });
        servers.collect()
    }
}

impl State {
    /// What a balancer has counted, after some more requests.
    fn counters(&mut self, name: &HostName) -> Option<Counters> {
        let failing = |host: &SimHost| {
            let running = host.containers.iter().find(|one| one.is_running());
            running.and_then(|one| self.failing.get(one.stamp.image.digest()).copied()).unwrap_or(0)
        };
        let of_hosts: Vec<_> = self.hosts.iter().map(|(name, host)| (name.clone(), failing(host))).collect();
        let balancer = self.balancer(name);
        if balancer.is_dumb {
            return None;
        }
        for (host, failed) in of_hosts {
            let tally = balancer.counted.servers.entry(host.to_string()).or_default();
            if !balancer.drained.contains_key(&host) {
                *tally = tally.and(Tally { requests: BETWEEN_LOOKS, failed });
            }
        }
        balancer.counted.uptime += 1;
        Some(balancer.counted.clone())
    }
}

/// One simulated balancer behind its door.
#[derive(Clone)]
pub struct SimBalancerDoor {
    pub world: World,
    pub name: HostName,
}

impl SimBalancerDoor {
    async fn set(&self, server: &str, admin: Admin) -> Result<(), BalancerError> {
        let host: HostName = server.parse().map_err(|_| BalancerError::Refused("No such server.".to_owned()))?;
        self.world.change(&self.name, Op::Traffic(host, admin)).await.map(drop).map_err(heard)
    }
}

#[async_trait]
impl LoadBalancer for SimBalancerDoor {
    async fn may_change(&self) -> Result<(), BalancerError> {
        self.world.look(&self.name, |_, _| ()).await.map_err(heard)
    }

    async fn servers(&self, _: &str) -> Result<Servers, BalancerError> {
        self.world.look(&self.name, |state, now| state.servers(&self.name, now)).await.map_err(heard)
    }

    async fn drain(&self, _: &str, server: &str) -> Result<(), BalancerError> {
        self.set(server, Admin::Drain).await
    }

    async fn admit(&self, _: &str, server: &str) -> Result<(), BalancerError> {
        self.set(server, Admin::Ready).await
    }

    async fn close(&self) {}
}

#[async_trait]
impl Counting for SimBalancerDoor {
    async fn counters(&self, _: &str) -> Result<Counters, BalancerError> {
        let counted = self.world.look(&self.name, |state, _| state.counters(&self.name)).await.map_err(heard)?;
        counted.ok_or_else(|| BalancerError::Refused("Permission denied".to_owned()))
    }

    async fn close(&self) {}
}

pub fn heard(error: EngineError) -> BalancerError {
    match error {
        EngineError::Unreachable(why) => BalancerError::Unreachable(why),
        EngineError::InDoubt(why) => BalancerError::InDoubt(why),
        EngineError::Refused(why) | EngineError::NotFound(why) | EngineError::Conflict(why) => {
            BalancerError::Refused(why)
        }
    }
}
