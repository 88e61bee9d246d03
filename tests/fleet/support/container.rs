//! A container, as its engine describes it.

use std::collections::HashMap;
use std::fmt;

use bollard::models::{ContainerInspectResponse, ContainerState, HostConfig};

/// Ends the name of a container that has not passed its gate.
const UNPROVEN: &str = "-unproven";

/// What `docker inspect` says.
#[derive(Debug)]
pub struct Container(pub ContainerInspectResponse);

impl Container {
    /// Without the leading slash.
    pub fn name(&self) -> &str {
        self.0.name.as_deref().unwrap_or_default().trim_start_matches('/')
    }

    pub fn id(&self) -> &str {
        self.0.id.as_deref().unwrap_or_default()
    }

    /// The reference it was created from.
    pub fn image(&self) -> &str {
        self.0.config.as_ref().and_then(|config| config.image.as_deref()).unwrap_or_default()
    }

    pub fn labels(&self) -> HashMap<String, String> {
        self.0.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default()
    }

    pub fn host_config(&self) -> HostConfig {
        self.0.host_config.clone().unwrap_or_default()
    }

    pub fn state(&self) -> ContainerState {
        self.0.state.clone().unwrap_or_default()
    }

    pub fn is_running(&self) -> bool {
        self.state().running == Some(true)
    }

    /// Whether it carries its final name.
    pub fn is_promoted(&self) -> bool {
        !self.name().ends_with(UNPROVEN)
    }

    /// Number of the release that created it, by its label.
    pub fn release(&self) -> u64 {
        self.labels().get("shipctl.release").and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// Whether it only keeps a text of shipctl: a lock or a ledger.
    pub fn is_note(&self) -> bool {
        self.labels().contains_key("shipctl.marker")
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, policy) = (self.state(), self.host_config().restart_policy.unwrap_or_default());
        write!(f, "{} {} {:?} {:?} {:?}", self.name(), self.id(), state.status, state.started_at, policy.name)
    }
}
