//! The backward part of a failed rollout: each promoted host returns to what it ran before, by the forward
//! plan's own record. A fleet that was mixed before is mixed afterwards.

use std::collections::BTreeSet;

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

/// Batches that bring the fleet back: what failed, alone; then hosts that an earlier rollout had left half-done and this
/// one never came to, which cost no capacity; then what was promoted, the last first. No more hosts at a time than on
/// the way forward.
pub fn rollback(forward: &Plan, reached: &Reached) -> Vec<Batch> {
    let key = |one: &Replacement| (one.host.clone(), one.service.clone());
    let is_failed = |one: &Replacement| reached.failed.as_ref() == Some(&key(one));
    let is_promoted = |one: &Replacement| reached.promoted.contains(&key(one));
    let is_left = |one: &Replacement| {
        !is_promoted(one) && !reached.undone.contains(&key(one)) && !one.before_settled && one.before.is_some()
    };
    let all = || forward.batches.iter().rev().chain(forward.resumed.iter().rev());
    let failed = all().filter_map(|batch| part(batch, |one| is_promoted(one) && is_failed(one), demote));
    let left = all().filter_map(|batch| part(batch, is_left, |one| unwind(one, &one.staging)));
    let promoted = all().filter_map(|batch| part(batch, |one| is_promoted(one) && !is_failed(one), demote));
    failed.chain(left).chain(promoted).collect()
}

/// The replacements of a batch that are `wanted`, with the steps that undo them.
fn part(
    batch: &Batch,
    wanted: impl Fn(&Replacement) -> bool,
    undo: impl Fn(&Replacement) -> Vec<Step>,
) -> Option<Batch> {
    let reverse = |one: &Replacement| Replacement { cause: Cause::RollingBack, steps: undo(one), ..one.clone() };
    let replacements: Vec<_> = batch.replacements.iter().filter(|one| wanted(one)).map(reverse).collect();
    (!replacements.is_empty()).then(|| Batch { replacements, ..batch.clone() })
}
