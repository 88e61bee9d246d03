//! Which servers of the old release a batch is compared with while it is watched.

use serde::{Deserialize, Serialize};

use crate::environment::error_rate::ErrorRate;
use crate::environment::{Route, UpdatePolicy};
use crate::fleet::ledger::Kind;
use crate::name::{HostName, ServiceName};
use crate::plan::planner::Planner;
use crate::plan::{Batch, Note, Plan, Replacement};

/// A comparison of a batch's servers with those that still run something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What may differ.
    pub rate: ErrorRate,
    /// The servers that it is compared with.
    pub old: Vec<Route>,
}

impl Planner<'_> {
    /// Says of each batch what it is compared with: what later batches replace, and what is not selected. Going back is
    /// not compared: the release that is left is no measure.
    pub(super) fn compare(
        &self,
        plan: &mut Plan,
        service: &ServiceName,
        policy: &UpdatePolicy,
        unselected: &[HostName],
        batches: &mut [Batch],
    ) {
        let Some(rate) = policy.error_rate.as_ref().filter(|_| plan.kind == Kind::Deploy) else { return };
        let elsewhere: Vec<Route> = unselected.iter().flat_map(|host| self.routes(host, service)).collect();
        let mut without = Vec::new();
        for at in 0..batches.len() {
            let (done, later) = batches.split_at_mut(at + 1);
            let later = later.iter().flat_map(|batch| &batch.replacements).filter(|one| one.before_settled);
            let old: Vec<_> = later.flat_map(routes).chain(&elsewhere).cloned().collect();
            let batch = &mut done[at];
            if old.is_empty() || batch.replacements.iter().all(|one| routes(one).next().is_none()) {
                without.extend(batch.replacements.iter().map(|one| one.host.clone()));
            } else {
                batch.compare = Some(Comparison { rate: rate.clone(), old });
            }
        }
        if !without.is_empty() {
            plan.notes.push(Note::NotCompared(service.clone(), without));
        }
    }

    /// The servers that a host is.
    fn routes(&self, host: &HostName, service: &ServiceName) -> Vec<Route> {
        let Some(service) = self.environment.services.get(service) else { return Vec::new() };
        let service = self.environment.on(host, service);
        service.traffic.as_ref().map(|traffic| traffic.routes(host, service.instance)).unwrap_or_default()
    }
}

/// Has queries asked about batches. Going back asks nothing.
pub(super) fn ask(kind: Kind, policy: &UpdatePolicy, batches: &mut [Batch]) {
    for batch in batches.iter_mut().filter(|_| kind == Kind::Deploy) {
        batch.queries = policy.queries.iter().map(|gate| gate.query.clone()).collect();
    }
}

/// The servers that a replacement is about.
fn routes(replacement: &Replacement) -> impl Iterator<Item = &Route> {
    replacement.traffic.iter().flat_map(|traffic| &traffic.routes)
}
