//! Where the containers of a replacement sit behind the edge of their host.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::balancer::Admin;
use crate::container::ContainerId;
use crate::environment::edge::{EdgeRoute, Seat, balancer};
use crate::environment::{Drain, Route};
use crate::fleet::observed::{BackendView, ObservedContainer};
use crate::name::{BalancerName, HostName, ServiceName};
use crate::plan::incumbent::{Cast, is_active};
use crate::plan::planner::Planner;
use crate::plan::{Subject, Traffic};

/// The seats of a replacement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seating {
    /// The network that the seats are on.
    pub network: String,
    /// The edge.
    pub balancer: BalancerName,
    /// Its backend.
    pub backend: String,
    /// How a container is taken out of traffic.
    pub drain: Drain,
    /// How long the edge may take to find a container healthy.
    #[serde(with = "crate::duration::text")]
    pub up_deadline: Duration,
    /// The seat of the container that is to run.
    pub new: Seat,
    /// Whether it sits there when the plan is made.
    pub new_sits: bool,
    /// The seat of what ran before, also if it has to be started again.
    pub old: Seat,
    /// The seats of others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<ContainerId, Seat>,
}

impl Seating {
    /// The seat of a container; `None` for one that has none.
    pub fn seat(&self, subject: &Subject) -> Option<&Seat> {
        match subject {
            Subject::New | Subject::Own => Some(&self.new),
            Subject::Old => Some(&self.old),
            Subject::Left(id, _) | Subject::Kept(id, _) => self.left.get(id),
        }
    }

    /// A seat as what is told to a balancer.
    pub fn traffic(&self, seat: &Seat) -> Traffic {
        let Self { balancer, backend, drain, up_deadline, .. } = self;
        let route = Route { balancer: balancer.clone(), backend: backend.clone(), server: seat.server.clone() };
        Traffic { routes: vec![route], drain: *drain, up_deadline: *up_deadline }
    }
}

impl Planner<'_> {
    /// The seats of what a host runs of a service; `None` where it is not behind an edge, or was drained by hand: then it is
    /// not seated until an operator admits it.
    pub(super) fn seating(&self, host: &HostName, service: &ServiceName, cast: &Cast<'_>) -> Option<Seating> {
        let sits = cast.active.iter().copied().chain(cast.wanted).any(|one| is_active(one) && one.seat.is_some());
        let is_held = !sits && self.held(host, service).is_some();
        self.seats(host, service, cast).filter(|_| !is_held)
    }

    /// The same, whoever has drained it.
    pub(super) fn seats(&self, host: &HostName, service: &ServiceName, cast: &Cast<'_>) -> Option<Seating> {
        let edge = self.edge_route(host, service)?;
        let sits = |container: &ObservedContainer| edge.seat(container.seat?).filter(|_| is_active(container));
        let held: Vec<&Seat> = cast.active.iter().copied().chain(cast.wanted).filter_map(sits).collect();
        // With none left the engine refuses, and the host goes back: no seat is ever taken from one who sits there.
        let free = |not: &[&Seat]| {
            let all = edge.seats.iter();
            all.clone().find(|seat| !held.contains(seat) && !not.contains(seat)).or_else(|| all.last()).cloned()
        };
        let (new, old) = (cast.wanted.and_then(sits), cast.before.and_then(sits));
        let new_sits = new.is_some();
        let new = new.cloned().or_else(|| free(&[]))?;
        let old = old.cloned().or_else(|| free(&[&new]))?;
        let left = cast.active.iter().filter_map(|one| Some((one.id.clone(), sits(one)?.clone()))).collect();
        let (network, backend) = (edge.network.clone(), edge.backend.clone());
        let (drain, up_deadline) = (edge.drain, edge.up_deadline);
        Some(Seating { network, balancer: balancer(host), backend, drain, up_deadline, new, new_sits, old, left })
    }

    /// Whether a container that should sit behind the edge does not, or its seat is drained.
    pub(super) fn is_unseated(&self, host: &HostName, seating: Option<&Seating>) -> bool {
        let Some(seating) = seating else { return false };
        let key = (balancer(host), seating.backend.clone());
        let is_drained = match self.observed.backends.get(&key) {
            Some(BackendView::Seen(servers)) => {
                servers.get(&seating.new.server).is_some_and(|server| server.admin == Admin::Drain)
            }
            Some(BackendView::Unseen(_)) | None => false,
        };
        !seating.new_sits || is_drained
    }

    fn edge_route(&self, host: &HostName, service: &ServiceName) -> Option<&EdgeRoute> {
        self.environment.on(host, self.environment.services.get(service)?).edge.as_ref()
    }
}
