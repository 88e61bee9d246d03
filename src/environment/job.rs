//! `jobs:`, containers of a release that run once, before or after its rollout.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::{HostName, JobName, ServiceName};

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub name: JobName,
    /// The service whose image, configuration, secrets, networks and volumes it gets.
    pub service: ServiceName,
    /// The one host that it runs on, which runs the service.
    pub host: HostName,
    /// What is run instead of the service's command.
    pub command: Vec<String>,
    /// What is put before the command; `None` is as in the service.
    pub entrypoint: Option<Vec<String>>,
    /// When it runs.
    pub when: When,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether the release before can still run once it has.
    pub reversible: bool,
}

/// When a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// When every host is prepared, and nothing is changed yet.
    Before,
    /// When every host runs the release.
    After,
}
