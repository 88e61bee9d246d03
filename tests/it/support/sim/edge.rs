//! A simulated edge: it sends requests to what sits behind it, and forgets what it was told when it is restarted.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use async_trait::async_trait;
use shipctl::balancer::{Admin, BalancerError, Health, LoadBalancer, Server, Servers};
use shipctl::name::HostName;
use tokio::time::Instant;

use super::balancer::{REQUEST, heard};
use super::op::Op;
use super::world::{Flaw, State, World};
use crate::support::environment::seats;

/// The edge of a host.
#[derive(Debug, Clone, Default)]
pub struct SimEdge {
    /// Seats that are drained, and since when.
    drained: BTreeMap<Ipv4Addr, Instant>,
}

impl SimEdge {
    pub fn set(&mut self, seat: Ipv4Addr, admin: Admin, now: Instant) {
        if admin == Admin::Drain {
            self.drained.entry(seat).or_insert(now);
        } else {
            self.drained.remove(&seat);
        }
    }

    pub fn is_drained(&self, seat: Ipv4Addr) -> bool {
        self.drained.contains_key(&seat)
    }

    /// Whether what sits there is at no request any more.
    pub fn is_idle(&self, seat: Ipv4Addr, now: Instant) -> bool {
        self.drained.get(&seat).is_some_and(|since| now >= *since + REQUEST)
    }
}

impl State {
    fn seats(&self, name: &HostName, now: Instant) -> Servers {
        let host = &self.hosts[name];
        let edge = host.edge.clone().unwrap_or_default();
        let server = |seat: shipctl::environment::Seat| {
            let sitting = host.containers.iter().find(|one| one.is_running() && one.seat == Some(seat.address));
            let is_at_work = sitting.is_some() && !edge.is_idle(seat.address, now);
            let is_up = sitting.is_some_and(|one| one.is_healthy(now));
            let server = Server {
                address: seat.address.to_string(),
                port: 80,
                admin: if edge.is_drained(seat.address) { Admin::Drain } else { Admin::Ready },
                health: if is_up { Health::Up } else { Health::Down },
                sessions: Some(if is_at_work && self.flaw != Some(Flaw::DrainedIsIdle) { 5 } else { 0 }),
                queued: 0,
                kept: 0,
                backup: false,
                sticky: false,
            };
            (seat.server, server)
        };
        seats().into_iter().map(server).collect()
    }
}

/// The edge of one simulated host behind its door.
pub struct SimEdgeDoor {
    pub world: World,
    pub host: HostName,
}

impl SimEdgeDoor {
    async fn set(&self, server: &str, admin: Admin) -> Result<(), BalancerError> {
        let seat = seats().into_iter().find(|seat| seat.server == server).expect("a seat");
        self.world.change(&self.host, Op::Edge(seat.address, admin)).await.map(drop).map_err(heard)
    }
}

#[async_trait]
impl LoadBalancer for SimEdgeDoor {
    async fn may_change(&self) -> Result<(), BalancerError> {
        self.world.look(&self.host, |_, _| ()).await.map_err(heard)
    }

    async fn servers(&self, _: &str) -> Result<Servers, BalancerError> {
        self.world.look(&self.host, |state, now| state.seats(&self.host, now)).await.map_err(heard)
    }

    async fn drain(&self, _: &str, server: &str) -> Result<(), BalancerError> {
        self.set(server, Admin::Drain).await
    }

    async fn admit(&self, _: &str, server: &str) -> Result<(), BalancerError> {
        self.set(server, Admin::Ready).await
    }

    async fn close(&self) {}
}
