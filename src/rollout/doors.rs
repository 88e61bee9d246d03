//! The ways out of a rollout: everything it can do to the world, as traits. Production opens real hosts,
//! tests one simulated fleet; the rollout is the same code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::Engine;
use crate::engine::marker::Markers;
use crate::environment::Scope;
use crate::fleet::observed::{HostView, Observed};
use crate::health::Prober;
use crate::name::HostName;

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

/// The doors of a fleet.
#[derive(Clone, Default)]
pub struct Doors {
    /// Hosts with a connection.
    pub hosts: BTreeMap<HostName, HostDoors>,
    /// Hosts without, and what was heard.
    pub unreachable: BTreeMap<HostName, String>,
}

/// Longest look at one host.
const LOOK: Duration = Duration::from_secs(30);
/// Looks at a host that fails to answer, in all.
const LOOKS: u32 = 2;

impl Doors {
    /// Looks once at every host, all at the same time. Changes nothing.
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
        let mut hosts: BTreeMap<_, _> = join_all(looks).await.into_iter().collect();
        hosts.extend(self.unreachable.iter().map(|(name, why)| (name.clone(), HostView::Unreachable(why.clone()))));
        Observed { hosts }
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
