//! `hooks:`, programs of the operator's own that run on this machine at named points of a rollout.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is run at a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The program and its arguments. One with a slash in it that is not absolute is beneath the project.
    pub command: Vec<String>,
    /// When it is ended.
    #[serde(with = "crate::duration::text")]
    pub timeout: Duration,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// Before the hosts are looked at and images are built.
    BeforePlan,
    /// When the plan is agreed to, and nothing is done yet.
    AfterPlan,
    /// Before the hosts of a batch are touched.
    BeforeBatch,
    /// When the hosts of a batch run the release and were watched.
    AfterBatch,
    /// When the release is in force on what was selected.
    Success,
    /// When it came to nothing, or to anything that is neither success nor rollback.
    Failure,
    /// When the fleet has gone back.
    Rollback,
}

impl Point {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 7] = [
        Self::BeforePlan,
        Self::AfterPlan,
        Self::BeforeBatch,
        Self::AfterBatch,
        Self::Success,
        Self::Failure,
        Self::Rollback,
    ];

    /// Its name in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforePlan => "before-plan",
            Self::AfterPlan => "after-plan",
            Self::BeforeBatch => "before-batch",
            Self::AfterBatch => "after-batch",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Rollback => "rollback",
        }
    }
}

impl Display for Point {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
