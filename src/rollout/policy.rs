//! What a failure means for the fleet. Pure.

use crate::environment::{FailureAction, Point};
use crate::rollout::report::Outcome;

/// How the undoing of one host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// The host runs what it ran before, healthy.
    Restored,
    /// The host could not be told, or did not obey.
    Failed,
    /// What it ran before is not healthy either.
    OldUnhealthy,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The hosts that failed go back alone, and the others follow.
    GoOn,
    /// The promoted hosts go back.
    Rollback,
    /// Nothing further is changed.
    Halt,
}

/// After a forward failure whose hosts were undone with these results.
///
/// A fleet is never moved towards a release that is known not to be healthy, and a host that does not answer
/// is no reason to leave the others on a release that failed.
pub fn after_failure(action: FailureAction, undone: &[Undo], failed: &Failed) -> Next {
    let is_whole = undone.iter().all(|undo| *undo == Undo::Restored);
    match action {
        _ if is_whole && failed.may() => Next::GoOn,
        FailureAction::Pause => Next::Halt,
        FailureAction::Rollback | FailureAction::Continue if undone.contains(&Undo::OldUnhealthy) => Next::Halt,
        FailureAction::Rollback | FailureAction::Continue => Next::Rollback,
    }
}

/// How many hosts have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// So many; none if what failed is not the failure of a host.
    pub hosts: usize,
    /// Most that may.
    pub most: usize,
}

impl Failed {
    /// What failed is not the failure of a host.
    pub const NO_HOST: Self = Self { hosts: 0, most: 0 };

    /// Whether the others may follow nevertheless.
    pub fn may(&self) -> bool {
        (1..=self.most).contains(&self.hosts)
    }
}

/// Whether what failed is left as it is: a container that ran, was started anew and was found not to be healthy would not be
/// healthier if that were done once more.
pub fn has_had_its_chance(is_of_running: bool, unhealthy: bool) -> bool {
    is_of_running && unhealthy
}

/// After a batch on the way back. A rollback is never rolled back.
pub fn after_undo(undone: &[Undo]) -> Next {
    if undone.contains(&Undo::OldUnhealthy) { Next::Halt } else { Next::Rollback }
}

/// After a failure before a batch. Where nothing was begun there is nothing to go back from.
pub fn after_failure_before(action: FailureAction, is_begun: bool) -> Next {
    if is_begun { after_failure(action, &[], &Failed::NO_HOST) } else { Next::Halt }
}

/// Whether a rollout is stopped by a hook that fails: those that come before something can keep it from being done; what
/// has been done is not undone by a program that was only to be told.
pub fn stops(hook: Point) -> bool {
    match hook {
        Point::BeforePlan | Point::AfterPlan | Point::BeforeBatch => true,
        Point::AfterBatch | Point::Success | Point::Failure | Point::Rollback => false,
    }
}

/// The hook that comes after the end; none where it is not the end yet.
pub fn hook_after(outcome: &Outcome) -> Option<Point> {
    match outcome {
        Outcome::Completed => Some(Point::Success),
        Outcome::Canary => None,
        Outcome::RolledBack => Some(Point::Rollback),
        Outcome::Partial | Outcome::Halted | Outcome::Cancelled | Outcome::Unchanged | Outcome::Locked(_) => {
            Some(Point::Failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Failed = Failed { hosts: 1, most: 0 };

    #[test]
    fn a_fleet_is_not_moved_to_a_release_that_is_unhealthy_too() {
        let after = |action, undone: &[Undo]| after_failure(action, undone, &ONE);
        assert_eq!(after(FailureAction::Rollback, &[Undo::Restored]), Next::Rollback);
        assert_eq!(after(FailureAction::Rollback, &[Undo::Failed]), Next::Rollback);
        assert_eq!(after(FailureAction::Rollback, &[Undo::Restored, Undo::OldUnhealthy]), Next::Halt);
        assert_eq!(after(FailureAction::Pause, &[Undo::Restored]), Next::Halt);
        assert_eq!(after_failure_before(FailureAction::Rollback, true), Next::Rollback);
        assert_eq!(after_failure_before(FailureAction::Continue, true), Next::Rollback);
        assert_eq!(after_failure_before(FailureAction::Rollback, false), Next::Halt);
        assert_eq!(after_failure_before(FailureAction::Pause, true), Next::Halt);
        assert_eq!(after_undo(&[Undo::Failed, Undo::Restored]), Next::Rollback);
        assert_eq!(after_undo(&[Undo::OldUnhealthy]), Next::Halt);
    }

    #[test]
    fn a_rollout_goes_on_only_when_so_few_failed_and_all_of_them_are_whole() {
        let after = |action, undone: &[Undo], hosts| after_failure(action, undone, &Failed { hosts, most: 2 });
        for action in [FailureAction::Rollback, FailureAction::Pause, FailureAction::Continue] {
            assert_eq!(after(action, &[Undo::Restored], 2), Next::GoOn);
            assert_ne!(after(action, &[Undo::Restored], 3), Next::GoOn);
            assert_ne!(after(action, &[Undo::Restored, Undo::Failed], 2), Next::GoOn);
            assert_ne!(after(action, &[], 0), Next::GoOn, "it is not a host that failed");
        }
        assert_eq!(after(FailureAction::Continue, &[Undo::Restored], 3), Next::Rollback);
        assert_eq!(after(FailureAction::Continue, &[Undo::OldUnhealthy], 1), Next::Halt);
    }
}
