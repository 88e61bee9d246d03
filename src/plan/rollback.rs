//! The backward part of a failed rollout: each promoted host returns to what it ran before, by the forward
//! plan's own record. A fleet that was mixed before is mixed afterwards.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::environment::{Ceiling, Together, UpdatePolicy, WayBack};
use crate::name::{HostName, ServiceName};
use crate::plan::unwind::{demote, unwind};
use crate::plan::{Batch, Cause, Plan, Replacement, Step};

/// A service on a host.
pub type Key = (HostName, ServiceName);

/// How far a forward plan got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// What runs its new release.
    pub promoted: BTreeSet<Key>,
    /// What was attempted, failed, and was undone already.
    pub undone: BTreeSet<Key>,
    /// What failed after it was promoted: it goes back first.
    pub failed: Option<Key>,
}

/// How a service goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Hosts that go back together; those that came together where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<usize>,
    /// How long failures still count after a host is back.
    #[serde(with = "crate::duration::text")]
    pub monitor: Duration,
    /// Pause before the next batch.
    #[serde(with = "crate::duration::text")]
    pub delay: Duration,
}

impl Back {
    /// Of a service on so many hosts; `None` if it goes back as it came. A limit of hosts that may be out of service holds here
    /// too.
    pub(super) fn of(policy: &UpdatePolicy, hosts: usize) -> Option<Self> {
        let WayBack { together, monitor, delay } = policy.back;
        let most = if policy.max_unavailable == Ceiling::Batch { hosts } else { policy.most_out(hosts) };
        let together = match together {
            Together::AsForward => None,
            Together::Of(size) => Some(size.of(hosts).min(most).max(1)),
        };
        (policy.back != WayBack::default()).then_some(Self { together, monitor, delay })
    }

    /// The same batches, in its own way.
    fn cut(&self, batches: Vec<Batch>) -> Vec<Batch> {
        let paced = |batch: Batch| Batch { monitor: self.monitor, delay: self.delay, ..batch };
        let (Some(together), Some(first)) = (self.together, batches.first().cloned()) else {
            return batches.into_iter().map(paced).collect();
        };
        let all: Vec<_> = batches.into_iter().flat_map(|batch| batch.replacements).collect();
        let cut = all.chunks(together).map(|some| paced(Batch { replacements: some.to_vec(), ..first.clone() }));
        cut.collect()
    }
}

impl Display for Back {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.together {
            Some(together) => write!(f, "{together} at a time")?,
            None => f.write_str("as it came")?,
        }
        write!(f, ", then monitor {}", crate::duration::display(self.monitor))?;
        if self.delay.is_zero() { Ok(()) } else { write!(f, ", then wait {}", crate::duration::display(self.delay)) }
    }
}

/// Batches that bring the fleet back, one service after the other in the reverse order, so that nothing needs what has gone
/// back already. Of a service: what failed, alone; then hosts that an earlier rollout had left half-done and this one never
/// came to, which cost no capacity; then what was promoted, the last first. No more hosts at a time than on the way forward, unless the
/// plan says otherwise.
pub fn rollback(forward: &Plan, reached: &Reached) -> Vec<Batch> {
    let key = |one: &Replacement| (one.host.clone(), one.service.clone());
    let is_failed = |one: &Replacement| reached.failed.as_ref() == Some(&key(one));
    let is_promoted = |one: &Replacement| reached.promoted.contains(&key(one));
    let is_left = |one: &Replacement| {
        !is_promoted(one) && !reached.undone.contains(&key(one)) && !one.before_settled && one.before.is_some()
    };
    let all = |service: &ServiceName| -> Vec<&Batch> {
        let all = forward.batches.iter().rev().chain(forward.resumed.iter().rev());
        all.filter(|batch| batch.service == *service).collect()
    };
    let of_service = |service: &ServiceName| {
        let all = all(service);
        let failed = all.iter().filter_map(|batch| part(batch, |one| is_promoted(one) && is_failed(one), demote));
        let left = all.iter().filter_map(|batch| part(batch, is_left, |one| unwind(one, &one.staging)));
        let promoted = all.iter().filter_map(|batch| part(batch, |one| is_promoted(one) && !is_failed(one), demote));
        let rest: Vec<_> = left.chain(promoted).collect();
        match forward.back.get(service) {
            Some(back) => back.cut(failed.collect()).into_iter().chain(back.cut(rest)).collect(),
            None => failed.chain(rest).collect::<Vec<_>>(),
        }
    };
    forward.order.iter().rev().flat_map(of_service).collect()
}

/// The replacements of a batch that are `wanted`, with the steps that undo them.
fn part(
    batch: &Batch,
    wanted: impl Fn(&Replacement) -> bool,
    undo: impl Fn(&Replacement) -> Vec<Step>,
) -> Option<Batch> {
    let reverse = |one: &Replacement| Replacement { cause: Cause::RollingBack, steps: undo(one), ..one.clone() };
    let replacements: Vec<_> = batch.replacements.iter().filter(|one| wanted(one)).map(reverse).collect();
    let (monitor, delay) = (Duration::ZERO, Duration::ZERO);
    (!replacements.is_empty()).then(|| Batch { monitor, delay, replacements, ..batch.clone() })
}
