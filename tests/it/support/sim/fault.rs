//! What can go wrong with one call.

use std::time::Duration;

/// A fault of one call, by the number of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused; it did not take hold.
    Refuse,
    /// It took hold, and an error came back.
    FailAfter,
    /// The host could not be reached; the call was never made.
    Unreachable,
    /// It took hold; the answer was lost.
    LoseReply,
    /// It did not take hold; nobody knows.
    LoseCall,
    /// No answer; it takes hold later.
    Late(Duration),
    /// The run is killed before it takes hold.
    CrashBefore,
    /// The run is killed after it took hold.
    CrashAfter,
    /// The host loses power during the call, and is back after so long.
    PowerCut(Duration),
    /// The host loses power during the call, for good.
    PowerOff,
    /// Another host loses power for good while the call goes well: the last by name that the call is not about.
    Elsewhere,
    /// The operator interrupts the run while the call goes well.
    Interrupt,
}

impl Fault {
    /// The faults of one call that leave everybody alive: the exhaustive part of the sweep.
    pub const OF_CALLS: [Self; 6] = [
        Self::Refuse,
        Self::FailAfter,
        Self::Unreachable,
        Self::LoseReply,
        Self::LoseCall,
        Self::Late(Duration::from_secs(8)),
    ];

    /// Whether the fault ends the run.
    pub fn kills(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }

    /// Whether the fault is one of a host, not of a call.
    pub fn fells_host(self) -> bool {
        matches!(self, Self::PowerCut(_) | Self::PowerOff | Self::Elsewhere)
    }
}
