//! Which way a step goes.

use serde::{Deserialize, Serialize};

/// Whether a step goes towards the release or away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the release.
    Forward,
    /// Undoing one host, or the fleet.
    Backward,
}
