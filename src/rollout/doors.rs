//! The ways out of a rollout: everything it can do to the world, as traits. Production opens real hosts,
//! tests one simulated fleet; the rollout is the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::balancer::LoadBalancer;
use crate::balancer::counters::Counting;
use crate::engine::Engine;
use crate::engine::marker::Markers;
use crate::environment::Scope;
use crate::fleet::layers::{Holding, Layers};
use crate::fleet::observed::{BackendView, HostView, Observed};
use crate::health::Prober;
use crate::metrics::Metrics;
use crate::name::{BalancerName, HostName};
use crate::power::Machine;

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
    /// Those whose counts are asked for.
    pub counting: BTreeMap<BalancerName, Arc<dyn Counting>>,
    /// Hosts that may be told to reboot; empty but for a command that does.
    pub machines: BTreeMap<HostName, Arc<dyn Machine>>,
    /// What was measured, by the address of whom it is asked of.
    pub metrics: BTreeMap<String, Arc<dyn Metrics>>,
}

/// Longest look at a host or a balancer.
const LOOK: Duration = Duration::from_secs(30);
/// Looks at one that fails to answer, in all.
const LOOKS: u32 = 2;

impl Doors {
    /// Looks once at every host and balancer, all at the same time. Changes nothing. A host that may be rebooted and does not
    /// say which life it is in counts as one that does not answer.
    pub async fn observe(&self, scope: &Scope) -> Observed {
        let looks = self.hosts.iter().map(|(name, doors)| async move {
            let boot = match self.machines.get(name) {
                Some(machine) => again(|| machine.boot()).await.map(Some),
                None => Ok(None),
            };
            let seen = match boot {
                Ok(boot) => again(|| doors.engine.observe(scope)).await.map(|host| (host, boot)),
                Err(why) => Err(why),
            };
            (name.clone(), seen)
        });
        let (looks, backends) = tokio::join!(join_all(looks), self.backends());
        let (mut hosts, mut boots) = (BTreeMap::new(), BTreeMap::new());
        for (name, seen) in looks {
            let view = match seen {
                Ok((host, boot)) => {
                    boots.extend(boot.map(|boot| (name.clone(), boot)));
                    HostView::Seen(Box::new(host))
                }
                Err(why) => HostView::Unreachable(why),
            };
            hosts.insert(name, view);
        }
        hosts.extend(self.unreachable.iter().map(|(name, why)| (name.clone(), HostView::Unreachable(why.clone()))));
        Observed { hosts, backends, boots, layers: Layers::default() }
    }

    /// What each host has of images. One that does not say is left out: nothing depends on it.
    pub async fn holdings(&self) -> BTreeMap<HostName, Holding> {
        let asked = self.hosts.iter().map(|(name, doors)| async move {
            let held = timeout(LOOK, doors.engine.holding()).await.ok()?.ok()?;
            Some((name.clone(), held))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Looks once at every backend.
    pub async fn backends(&self) -> BTreeMap<(BalancerName, String), BackendView> {
        let all = self.balancers.iter().flat_map(|(name, door)| door.backends.iter().map(move |one| (name, door, one)));
        let looks = all.map(|(name, door, backend)| async move {
            let view = match again(|| door.balancer.servers(backend)).await {
                Ok(servers) => BackendView::Seen(servers),
                Err(why) => BackendView::Unseen(why),
            };
            ((name.clone(), backend.clone()), view)
        });
        join_all(looks).await.into_iter().collect()
    }
}

/// Looks, and looks again if there is no answer; what was heard last.
async fn again<T, E: Display, F: Future<Output = Result<T, E>>>(look: impl Fn() -> F) -> Result<T, String> {
    let mut last = String::new();
    for _ in 0..LOOKS {
        last = match timeout(LOOK, look()).await {
            Ok(Ok(seen)) => return Ok(seen),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LOOK.as_secs()),
        };
    }
    Err(last)
}
