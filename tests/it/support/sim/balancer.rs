//! A simulated load balancer: it sends requests to what it finds healthy, and forgets what it was told when it restarts.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use shipctl::balancer::{Admin, BalancerError, Health, LoadBalancer, Server, Servers};
use shipctl::engine::EngineError;
use shipctl::name::HostName;
use tokio::time::Instant;

use super::op::Op;
use super::world::{Flaw, State, World};

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
}

impl SimBalancer {
    pub fn new() -> Self {
        Self { up: true, felled: false, boots_at: None, drained: BTreeMap::new() }
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
    }

    pub fn set(&mut self, host: &HostName, admin: Admin, now: Instant) {
        if admin == Admin::Drain {
            self.drained.entry(host.clone()).or_insert(now);
        } else {
            self.drained.remove(host);
        }
    }
}

impl State {
    /// The servers as a balancer sees them.
    fn servers(&self, balancer: &HostName, now: Instant) -> Servers {
        let balancer = &self.balancers[balancer];
        let servers = self.hosts.iter().map(|(name, host)| {
            let drained = balancer.drained.get(name);
            let is_at_work = drained.is_none_or(|since| now < *since + REQUEST);
            let is_up = host.containers.iter().any(|one| one.is_running() && one.is_healthy(now));
            let server = Server {
                address: name.to_string(),
                port: 8080,
                admin: if drained.is_some() { Admin::Drain } else { Admin::Ready },
                health: if is_up { Health::Up } else { Health::Down },
                sessions: if is_at_work && self.flaw != Some(Flaw::DrainedIsIdle) { 5 } else { 0 },
                queued: 0,
                backup: false,
            };
            (name.to_string(), server)
        });
        servers.collect()
    }
}

/// One simulated balancer behind its door.
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

fn heard(error: EngineError) -> BalancerError {
    match error {
        EngineError::Unreachable(why) => BalancerError::Unreachable(why),
        EngineError::InDoubt(why) => BalancerError::InDoubt(why),
        EngineError::Refused(why) | EngineError::NotFound(why) | EngineError::Conflict(why) => {
            BalancerError::Refused(why)
        }
    }
}
