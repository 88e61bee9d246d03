//! How a service is rolled out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error_rate::ErrorRate;
use super::query::QueryGate;

/// `deploy.update_config` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// Hosts replaced together.
    pub parallelism: BatchSize,
    /// How many hosts may be out of service at a time.
    pub max_unavailable: Ceiling,
    /// How many hosts may run both containers at a time, with `order: start-first`.
    pub max_surge: Ceiling,
    /// Hosts that come first, and are watched before the others follow.
    pub canary: Option<Canary>,
    /// Which of the two containers is there alone for a moment.
    pub order: Order,
    /// After promotion, a failure within this time still counts.
    pub monitor: Duration,
    /// From one batch to the next.
    pub delay: Duration,
    /// How long a batch may go on without another of its hosts getting ready.
    pub progress_deadline: Duration,
    /// What happens to the fleet when more hosts fail than may.
    pub failure_action: FailureAction,
    /// The hosts that may fail before that: they alone go back, and the rollout goes on.
    pub max_failures: Share,
    /// How hosts go back when a rollout fails.
    pub back: WayBack,
    /// What is compared with the old servers while hosts are watched; `None` is nothing.
    pub error_rate: Option<ErrorRate>,
    /// What Prometheus is asked when hosts have been watched.
    pub queries: Vec<QueryGate>,
}

impl UpdatePolicy {
    /// How long after promotion a failure still counts, where nothing is said.
    pub const MONITOR: Duration = Duration::from_secs(5);
    /// How long a batch may go on without progress, where nothing is said.
    pub const PROGRESS: Duration = Duration::from_mins(10);

    /// What holds where nothing is said.
    pub fn usual() -> Self {
        Self {
            parallelism: BatchSize::Count(1),
            max_unavailable: Ceiling::Batch,
            max_surge: Ceiling::Batch,
            canary: None,
            order: Order::StopFirst,
            monitor: Self::MONITOR,
            delay: Duration::ZERO,
            progress_deadline: Self::PROGRESS,
            failure_action: FailureAction::Rollback,
            max_failures: Share::NONE,
            back: WayBack::default(),
            error_rate: None,
            queries: Vec::new(),
        }
    }
}

/// `deploy.rollback_config` of a service: how hosts go back when a rollout fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WayBack {
    /// Hosts that go back together.
    pub together: Together,
    /// After a host is back, a failure within this time still counts.
    pub monitor: Duration,
    /// From one batch to the next.
    pub delay: Duration,
}

/// Hosts that go back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Together {
    /// Those that went forward together.
    #[default]
    AsForward,
    /// So many.
    Of(BatchSize),
}

/// `deploy.update_config.canary`: the first batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// Its hosts.
    pub hosts: BatchSize,
    /// How long they are watched before the others follow.
    pub monitor: Duration,
    /// Who says that they may.
    pub promote: Promote,
}

/// Who says that the others may follow the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promote {
    /// Nobody: they do if it was healthy for as long as it was watched.
    Automatic,
    /// The operator, by `promote`.
    Manual,
}

/// The most hosts of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// As many as are replaced together: the manifest sets no limit of its own.
    Batch,
    /// So many.
    Count(usize),
    /// A share of the service's hosts in percent (0 to 100).
    Percent(u8),
}

/// A part of something, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u32);

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0);
    /// The whole.
    pub const ALL: Self = Self(1_000_000);

    /// Of so many, rounded down.
    pub fn of(self, whole: usize) -> usize {
        let part = whole as u128 * u128::from(self.0) / u128::from(Self::ALL.0);
        usize::try_from(part).unwrap_or(whole)
    }
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

impl UpdatePolicy {
    /// Most hosts that are replaced together, of a service on so many.
    pub fn together(&self, hosts: usize) -> usize {
        let most = match (self.order, self.max_surge) {
            (Order::StopFirst, _) => self.most_out(hosts),
            (Order::StartFirst, Ceiling::Batch) => self.parallelism.of(hosts),
            (Order::StartFirst, Ceiling::Count(count)) => count,
            (Order::StartFirst, Ceiling::Percent(percent)) => (hosts * usize::from(percent)).div_ceil(100),
        };
        self.parallelism.of(hosts).min(most).max(1)
    }

    /// Most hosts that may be out of service at a time, of a service on so many.
    pub fn most_out(&self, hosts: usize) -> usize {
        match self.max_unavailable {
            Ceiling::Batch => self.parallelism.of(hosts),
            Ceiling::Count(count) => count.min(hosts),
            // Where the old container stops first, a share of a few hosts that is none at all would let nothing be replaced.
            Ceiling::Percent(percent) if self.order == Order::StopFirst => BatchSize::Percent(percent).of(hosts),
            Ceiling::Percent(percent) => hosts * usize::from(percent) / 100,
        }
    }
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
    /// As [`Rollback`](Self::Rollback), but hosts may fail unless the manifest says otherwise.
    Continue,
}
