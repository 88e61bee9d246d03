//! What becomes of an event in the journal.

use super::Event;

impl Event {
    /// Whether the journal may leave it out.
    pub fn is_progress(&self) -> bool {
        matches!(
            self,
            Self::Pulling { .. }
                | Self::Sending { .. }
                | Self::Retrying { .. }
                | Self::BuildOutput { .. }
                | Self::JobOutput { .. }
                | Self::HookOutput { .. }
        )
    }

    /// Whether it must be on disk before the next thing happens.
    pub fn is_intent(&self) -> bool {
        matches!(
            self,
            Self::RolloutStarted { .. }
                | Self::Locking(_)
                | Self::Preparing(_)
                | Self::StepStarted { .. }
                | Self::JobStarting { .. }
                | Self::HookStarted { .. }
                | Self::Publishing { .. }
                | Self::Withdrawing { .. }
                | Self::RollingBack { .. }
                | Self::Recording { .. }
                | Self::Retiring { .. }
                | Self::Finished(_)
        )
    }
}
