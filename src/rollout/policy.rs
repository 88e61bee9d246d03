//! What a failure means for the fleet. Pure.

use crate::environment::FailureAction;

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
    /// The promoted hosts go back.
    Rollback,
    /// Nothing further is changed.
    Halt,
}

/// After a forward failure whose hosts were undone with these results.
///
/// A fleet is never moved towards a release that is known not to be healthy, and a host that does not answer
/// is no reason to leave the others on a release that failed.
pub fn after_failure(action: FailureAction, undone: &[Undo]) -> Next {
    match action {
        FailureAction::Pause => Next::Halt,
        FailureAction::Rollback if undone.contains(&Undo::OldUnhealthy) => Next::Halt,
        FailureAction::Rollback => Next::Rollback,
    }
}

/// After a batch on the way back. A rollback is never rolled back.
pub fn after_undo(undone: &[Undo]) -> Next {
    if undone.contains(&Undo::OldUnhealthy) { Next::Halt } else { Next::Rollback }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_not_moved_to_a_release_that_is_unhealthy_too() {
        assert_eq!(after_failure(FailureAction::Rollback, &[Undo::Restored]), Next::Rollback);
        assert_eq!(after_failure(FailureAction::Rollback, &[Undo::Failed]), Next::Rollback);
        assert_eq!(after_failure(FailureAction::Rollback, &[Undo::Restored, Undo::OldUnhealthy]), Next::Halt);
        assert_eq!(after_failure(FailureAction::Pause, &[Undo::Restored]), Next::Halt);
        assert_eq!(after_undo(&[Undo::Failed, Undo::Restored]), Next::Rollback);
        assert_eq!(after_undo(&[Undo::OldUnhealthy]), Next::Halt);
    }
}
