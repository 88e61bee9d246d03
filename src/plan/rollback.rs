//! The backward part of a failed rollout: each promoted host returns to what it ran before, by the forward
//! plan's own record. A fleet that was mixed before is mixed afterwards.

use crate::name::{HostName, ServiceName};
use crate::plan::unwind::demote;
use crate::plan::{Batch, Cause, Plan, Replacement};

/// Batches that demote `promoted`: the one that failed (`first`) alone, then the rest, last promoted first, no more
/// hosts at a time than on the way forward.
pub fn rollback(forward: &Plan, promoted: &[(HostName, ServiceName)], first: Option<&(HostName, ServiceName)>) -> Vec<Batch> {
    let key = |replacement: &Replacement| (replacement.host.clone(), replacement.service.clone());
    let only = |batch: &Batch, wanted: &dyn Fn(&Replacement) -> bool| {
        let replacements: Vec<_> = batch.replacements.iter().filter(|one| wanted(one)).map(reverse).collect();
        (!replacements.is_empty()).then(|| Batch { replacements, ..batch.clone() })
    };
    let failed = |one: &Replacement| promoted.contains(&key(one)) && first == Some(&key(one));
    let others = |one: &Replacement| promoted.contains(&key(one)) && first != Some(&key(one));
    let failed = forward.batches.iter().filter_map(|batch| only(batch, &failed));
    let others = forward.batches.iter().rev().filter_map(|batch| only(batch, &others));
    failed.chain(others).collect()
}

fn reverse(forward: &Replacement) -> Replacement {
    Replacement { cause: Cause::RollingBack, steps: demote(forward), ..forward.clone() }
}
