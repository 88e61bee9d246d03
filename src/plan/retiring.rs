//! What hosts no longer need after the last batch.

use crate::fleet::ledger::Entry;
use crate::plan::incumbent::cast;
use crate::plan::planner::{Planner, Wants};
use crate::plan::{Plan, Retirement};

impl Planner<'_> {
    /// Beyond the current one, each host keeps the newest `keep_releases` containers of a service.
    pub(super) fn retire(&self, plan: &mut Plan, wants: &Wants<'_>) {
        if plan.is_noop() {
            return;
        }
        let ledger = self.observed.ledger();
        for ((host_name, service), want) in wants {
            let (true, Some(host)) = (self.selection.has_host(host_name), self.observed.seen(host_name)) else {
                continue;
            };
            if !self.selection.has_service(service) {
                continue;
            }
            let cast = cast(host, service, &want.digest);
            let place = |entry: &Entry| entry.placements.get(host_name)?.get(service).cloned();
            let in_force = ledger.current().and_then(place);
            let in_force = host.of_service(service).find(|one| Some(&one.stamp.spec) == in_force.as_ref());
            let in_force = in_force.map(|container| container.id.clone());
            // What runs now ends last, so it heads the kept ones. Rollouts on selected hosts may be many: the release in
            // force stays whatever its age.
            let proven =
                cast.active.iter().copied().filter(|container| container.proven).chain(cast.kept.iter().copied());
            let unproven =
                cast.active.iter().copied().filter(|container| !container.proven).chain(cast.left.iter().copied());
            let retired = proven.skip(self.environment.keep_releases).chain(unproven).map(|container| Retirement {
                id: container.id.clone(),
                name: container.name.clone(),
                release: container.stamp.release,
            });
            let retired: Vec<_> = retired.filter(|one| Some(&one.id) != in_force.as_ref()).collect();
            if !retired.is_empty() {
                plan.retirements.entry(host_name.clone()).or_default().extend(retired);
            }
        }
    }
}
