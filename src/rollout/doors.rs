//! The ways out of a rollout: everything it can do to the world, as traits. Production opens real hosts,
//! tests one simulated fleet; the rollout is the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::balancer::LoadBalancer;
use crate::engine::Engine;
use crate::engine::marker::Markers;
use crate::environment::Scope;
use crate::fleet::observed::{BackendView, HostView, Observed};
use crate::health::Prober;
use crate::name::{BalancerName, HostName};

/// The doors of one host. Bound to it, so that no call can name the wrong host.
#[derive(Clone)]
pub struct HostDoors {
    /// Its container engine.
    pub engine: Arc<dyn Engine>,
    /// Its notes: lock and ledger.
    pub markers: Arc<dyn Markers>,
    /// Questions to its containers.
    pub prober: Arc<dyn Prober>,
}

/// The door to a load balancer.
#[derive(Clone)]
pub struct BalancerDoor {
    /// The balancer.
    pub balancer: Arc<dyn LoadBalancer>,
    /// Its backends that services of the environment are behind.
    pub backends: BTreeSet<String>,
}

/// The doors of a fleet.
#[derive(Clone, Default)]
pub struct Doors {
    /// Hosts with a connection.
    pub hosts: BTreeMap<HostName, HostDoors>,
    /// Hosts without, and what was heard.
    pub unreachable: BTreeMap<HostName, String>,
    /// The load balancers.
    pub balancers: BTreeMap<BalancerName, BalancerDoor>,
}

/// Longest look at one host.
const LOOK: Duration = Duration::from_secs(30);
/// Looks at a host that fails to answer, in all.
const LOOKS: u32 = 2;

impl Doors {
    /// Looks once at every host and balancer, all at the same time. Changes nothing.
    pub async fn observe(&self, scope: &Scope) -> Observed {
        let looks = self.hosts.iter().map(|(name, doors)| async move {
            let mut view = doors.look(scope).await;
            for _ in 1..LOOKS {
                if let HostView::Unreachable(_) = view {
                    view = doors.look(scope).await;
                }
            }
            (name.clone(), view)
        });
        let (hosts, backends) = tokio::join!(join_all(looks), self.backends());
        let mut hosts: BTreeMap<_, _> = hosts.into_iter().collect();
        hosts.extend(self.unreachable.iter().map(|(name, why)| (name.clone(), HostView::Unreachable(why.clone()))));
        Observed { hosts, backends }
    }

    /// Looks once at every backend.
    pub async fn backends(&self) -> BTreeMap<(BalancerName, String), BackendView> {
        let all = self.balancers.iter().flat_map(|(name, door)| door.backends.iter().map(move |one| (name, door, one)));
        let looks = all.map(|(name, door, backend)| async move {
            let mut view = door.look(backend).await;
            for _ in 1..LOOKS {
                if let BackendView::Unseen(_) = view {
                    view = door.look(backend).await;
                }
            }
            ((name.clone(), backend.clone()), view)
        });
        join_all(looks).await.into_iter().collect()
    }
}

impl BalancerDoor {
    async fn look(&self, backend: &str) -> BackendView {
        match tokio::time::timeout(LOOK, self.balancer.servers(backend)).await {
            Ok(Ok(servers)) => BackendView::Seen(servers),
            Ok(Err(error)) => BackendView::Unseen(error.to_string()),
            Err(_) => BackendView::Unseen(format!("no answer within {} s", LOOK.as_secs())),
        }
    }
}

impl HostDoors {
    async fn look(&self, scope: &Scope) -> HostView {
        match tokio::time::timeout(LOOK, self.engine.observe(scope)).await {
            Ok(Ok(host)) => HostView::Seen(Box::new(host)),
            Ok(Err(error)) => HostView::Unreachable(error.to_string()),
            Err(_) => HostView::Unreachable(format!("no answer within {} s", LOOK.as_secs())),
        }
    }
}
