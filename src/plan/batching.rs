//! In which order hosts are replaced, and how many together.

use crate::environment::UpdatePolicy;
use crate::name::ServiceName;
use crate::plan::{Batch, Replacement};

/// Cuts the replacements of one service into batches, the canary first where others follow it.
///
/// Hosts on which the service is not settled now come first: they cost no capacity, and a half-done host of an earlier
/// rollout must be healed before another one is touched. Then by name.
/// `hosts` is the number of hosts that run the service, which percentages refer to.
pub(super) fn batches(
    service: &ServiceName,
    policy: &UpdatePolicy,
    hosts: usize,
    mut all: Vec<Replacement>,
) -> Vec<Batch> {
    all.sort_by(|a, b| (a.before_settled, &a.host).cmp(&(b.before_settled, &b.host)));
    let batch = |replacements| Batch {
        service: service.clone(),
        canary: false,
        monitor: policy.monitor,
        delay: policy.delay,
        failure_action: policy.failure_action,
        replacements,
    };
    let mut batches = Vec::new();
    if let Some(canary) = &policy.canary
        && canary.hosts.of(hosts) < all.len()
    {
        let rest = all.split_off(canary.hosts.of(hosts));
        let first = batch(std::mem::replace(&mut all, rest));
        batches.push(Batch { canary: true, monitor: canary.monitor, ..first });
    }
    while !all.is_empty() {
        let rest = all.split_off(policy.parallelism.of(hosts).min(all.len()));
        batches.push(batch(std::mem::replace(&mut all, rest)));
    }
    batches
}
