//! Why no plan can be made.

use crate::name::{HostName, ServiceName};
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
    /// A rollback's containers are gone.
    #[error("release {release} cannot be restored: {}", .missing.iter().map(|(host, service)| format!("host {host} keeps no container of {service} from it")).collect::<Vec<_>>().join("; "))]
    NotKept {
        /// The release that was asked for.
        release: ReleaseId,
        /// Where nothing of it is left.
        missing: Vec<(HostName, ServiceName)>,
    },
}
