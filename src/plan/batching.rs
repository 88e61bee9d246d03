//! In which order hosts are replaced, and how many together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::environment::{Canary, Ceiling, Promote, UpdatePolicy};
use crate::name::ServiceName;
use crate::plan::capacity::Capacity;
use crate::plan::{Batch, Replacement};

/// Cuts the replacements of one service into batches, the canary first where others follow it, in this rollout or later.
///
/// Hosts on which the service is not settled now come first, then others on which it does not serve: they cost no capacity,
/// and a half-done host of an earlier rollout must be healed before another one is touched. Then by name.
/// A batch takes no more hosts out of service than may be out, those counted that are out anyway; but at least one.
pub(super) fn batches(
    service: &ServiceName,
    policy: &UpdatePolicy,
    capacity: &Capacity,
    mut all: Vec<Replacement>,
    others_wait: bool,
) -> Vec<Batch> {
    let of = capacity.hosts.len();
    let serves = |one: &Replacement| capacity.serves(&one.host);
    all.sort_by(|a, b| (a.before_settled, serves(a), &a.host).cmp(&(b.before_settled, serves(b), &b.host)));
    let mut waiting = VecDeque::from(all);
    let mut serving: BTreeSet<_> = capacity.hosts.keys().filter(|host| capacity.serves(host)).cloned().collect();
    let comes_first = |canary: &Canary| match canary.promote {
        Promote::Automatic => canary.hosts.of(of) < waiting.len(),
        Promote::Manual => others_wait,
    };
    let mut canary = policy.canary.filter(comes_first);
    let mut batches = Vec::new();
    while !waiting.is_empty() {
        let first = canary.take();
        let most = first.map_or(policy.together(of), |canary| canary.hosts.of(of));
        // A limit that the manifest sets holds for a canary too.
        let is_free = first.is_some() && policy.max_unavailable == Ceiling::Batch;
        let most_out = capacity.most_out.max(if is_free { most } else { 0 });
        let (mut replacements, mut taken) = (Vec::new(), BTreeSet::new());
        while let Some(next) = waiting.front().filter(|_| replacements.len() < most) {
            let pauses = next.pauses() && serving.contains(&next.host);
            if pauses && !replacements.is_empty() && of - serving.len() + taken.len() >= most_out {
                break;
            }
            if pauses {
                taken.insert(next.host.clone());
            }
            replacements.extend(waiting.pop_front());
        }
        let left = serving.difference(&taken).count();
        let back = replacements.iter().map(|one| &one.host).filter(|host| capacity.will_serve(host));
        serving.extend(back.cloned());
        batches.push(Batch {
            service: service.clone(),
            beside: BTreeMap::new(),
            canary: first.is_some(),
            monitor: first.map_or(policy.monitor, |canary| canary.monitor),
            delay: policy.delay,
            progress_deadline: policy.progress_deadline,
            failure_action: policy.failure_action,
            may_fail: if first.is_some() || others_wait { 0 } else { policy.max_failures.of(of) },
            compare: None,
            queries: Vec::new(),
            keep: if taken.is_empty() { 0 } else { left.min(of.saturating_sub(most_out)) },
            replacements,
        });
    }
    batches
}
