//! How a service is rolled out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `deploy.update_config` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// Hosts replaced together.
    pub parallelism: BatchSize,
    /// Hosts that come first, and are watched before the others follow.
    pub canary: Option<Canary>,
    /// Which of the two containers is there alone for a moment.
    pub order: Order,
    /// After promotion, a failure within this time still counts.
    pub monitor: Duration,
    /// From one batch to the next.
    pub delay: Duration,
    /// What happens to the fleet when a host fails.
    pub failure_action: FailureAction,
}

/// `deploy.update_config.canary`: the first batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// Its hosts.
    pub hosts: BatchSize,
    /// How long they are watched before the others follow.
    pub monitor: Duration,
}

/// Hosts per batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// So many (at least 1).
    Count(usize),
    /// A share of the service's hosts in percent (1 to 100), rounded down, at least one host.
    Percent(u8),
    /// All at once (`parallelism: 0`, as in the Compose Specification).
    All,
}

impl BatchSize {
    /// Hosts per batch of a fleet of `hosts`; at least 1.
    pub fn of(self, hosts: usize) -> usize {
        match self {
            Self::Count(count) => count.max(1),
            Self::Percent(percent) => (hosts * usize::from(percent) / 100).max(1),
            Self::All => hosts.max(1),
        }
    }
}

/// The Compose Specification's `order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Stop the old container, then start the new one: the only way where both want the same host port.
    StopFirst,
    /// Start the new container beside the old one, gate it, then stop the old one.
    StartFirst,
}

/// What happens to the fleet when a host fails. The failing host itself is always unwound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureAction {
    /// Every host already promoted goes back to what it ran before.
    Rollback,
    /// The rollout halts; promoted hosts keep the new release.
    Pause,
}
