//! The door to what somebody measured. No bounds and no verdicts: those are the rollout's.

use async_trait::async_trait;

pub mod prometheus;

/// Answers queries.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// The numbers of the answer, now; none where there is no data. An error is whatever keeps it from being told.
    async fn ask(&self, query: &str) -> Result<Vec<Sample>, String>;
}

/// One number of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What it is about, as `{instance="web1"}`; empty where it is about everything.
    pub labels: String,
    /// As it was written: `0.5`, `NaN`, `+Inf`.
    pub value: String,
}

impl Sample {
    /// The number; what cannot be read is none.
    pub fn number(&self) -> f64 {
        self.value.parse().unwrap_or(f64::NAN)
    }
}
