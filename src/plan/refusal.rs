//! Why no plan can be made.

use crate::environment::Route;
use crate::name::{BalancerName, HostName, ServiceName};
use crate::release::ReleaseId;

/// Why no plan can be made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Selected hosts that did not answer, with what was heard.
    #[error("{}", .0.iter().map(|(host, why)| format!("host {host} cannot be reached: {why}")).collect::<Vec<_>>().join("\n"))]
    Unreachable(Vec<(HostName, String)>),
    /// Two names of the manifest lead to one machine.
    #[error("hosts {0} and {1} are the same engine: each needs a machine of its own")]
    SameEngine(HostName, HostName),
    /// A host port that the release needs is held by a container of somebody else.
    #[error("port {port} on host {host} is held by {holder}")]
    PortTaken {
        /// Where.
        host: HostName,
        /// Which.
        port: u16,
        /// The container that publishes it.
        holder: String,
    },
    /// A balancer did not answer, or lacks a backend; what was heard.
    #[error("balancer {0}: {1}")]
    Balancer(BalancerName, String),
    /// A host is no server of the backend that the service is behind.
    #[error("balancer {}: backend {} has no server {}{}", .route.balancer, .route.backend, .route.server, known(.servers))]
    NoServer {
        /// The server that was looked for.
        route: Route,
        /// Those that there are.
        servers: Vec<String>,
    },
    /// A rollback's containers are gone.
    #[error("release {release} cannot be restored: {}", .missing.iter().map(|(host, service)| format!("host {host} keeps no container of {service} from it")).collect::<Vec<_>>().join("; "))]
    NotKept {
        /// The release that was asked for.
        release: ReleaseId,
        /// Where nothing of it is left.
        missing: Vec<(HostName, ServiceName)>,
    },
}

fn known(servers: &[String]) -> String {
    if servers.is_empty() { String::new() } else { format!("; it has {}", servers.join(", ")) }
}
