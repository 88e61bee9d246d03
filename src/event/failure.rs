//! Why a host failed, with what there is to show for it.

use serde::{Deserialize, Serialize};

use crate::name::{HostName, ServiceName};

/// Why a host failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where; `None` if it is about no host, such as a journal that cannot be written.
    pub host: Option<HostName>,
    /// Which service; `None` before any service is touched.
    pub service: Option<ServiceName>,
    /// What was being done.
    pub doing: String,
    /// Why it failed.
    pub reason: String,
    /// Last lines of the container's output, oldest first.
    pub log: Vec<String>,
}

impl Failure {
    /// One that is about no host.
    pub fn new(doing: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { host: None, service: None, doing: doing.into(), reason: reason.into(), log: Vec::new() }
    }

    /// The same, of a host.
    #[must_use]
    pub fn on(self, host: &HostName) -> Self {
        Self { host: Some(host.clone()), ..self }
    }
}
