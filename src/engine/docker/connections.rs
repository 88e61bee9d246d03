//! The connections of a container, which no engine tells: its first process is known to the engine, and what is open in that
//! one's network to the kernel of its host.

use std::collections::BTreeSet;

use bollard::models::ContainerInspectResponse;

use super::DockerEngine;
use crate::container::ContainerId;
use crate::engine::{EngineError, sockets};

impl DockerEngine {
    pub(super) async fn count_connections(&self, id: &ContainerId) -> Result<Option<u64>, EngineError> {
        let seen = match self.inspect(&id.0).await {
            Ok(seen) => seen,
            // What is gone has nobody who waits for it.
            Err(EngineError::NotFound(_)) => return Ok(Some(0)),
            Err(error) => return Err(error),
        };
        let process = seen.state.as_ref().and_then(|state| state.pid).and_then(|pid| u32::try_from(pid).ok());
        let Some(process) = process.filter(|pid| *pid > 0) else { return Ok(Some(0)) };
        if has_the_hosts_network(&seen) {
            return Ok(None);
        }
        match self.transport.sockets(process).await {
            None => Ok(None),
            Some(Err(error)) => Err(EngineError::InDoubt(error.message)),
            Some(Ok(text)) => Ok(sockets::established(&text, &id.0, &published(&seen))),
        }
    }
}

fn has_the_hosts_network(seen: &ContainerInspectResponse) -> bool {
    let mode = seen.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
    mode.is_some_and(|mode| mode == "host" || mode.starts_with("container:"))
}

/// The TCP ports of the container that are published.
fn published(seen: &ContainerInspectResponse) -> BTreeSet<u16> {
    let bindings = seen.host_config.as_ref().and_then(|config| config.port_bindings.as_ref());
    let ports = bindings.into_iter().flatten().filter_map(|(port, _)| port.strip_suffix("/tcp"));
    ports.filter_map(|port| port.parse().ok()).collect()
}
