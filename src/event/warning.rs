//! What did not go well without changing what a run comes to.

use serde::{Deserialize, Serialize};

use crate::environment::{Point, Route};
use crate::name::{HostName, ServiceName};

/// Something that does not change the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The journal can no longer be written; the rollout ends safely without it.
    Journal(String),
    /// The ledger of a host lacks this rollout; the next one brings it.
    NotRecorded {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// An old container could not be removed.
    NotRetired {
        /// Where.
        host: HostName,
        /// Its name.
        container: String,
        /// Why.
        reason: String,
    },
    /// Files that no container mounts any more could not be removed; a later rollout tries again.
    NotTidied {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// Images that no release needs any more could not be removed; a later rollout tries again.
    NotPruned {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// Requests that did not end in time are cut off.
    CutOff {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// How many that balancers count.
        requests: u64,
        /// How many connections to the container, that no balancer counts a request at.
        #[serde(default, skip_serializing_if = "is_none")]
        connections: u64,
    },
    /// Nobody could tell whether requests were open when it was stopped: balancers count none, and the host does not tell.
    Uncounted {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
    },
    /// A balancer has forgotten that a server is drained, by a reload or by somebody's hand; it is told again.
    NotDrained {
        /// The host that the server is.
        host: HostName,
        /// Which server.
        route: Route,
    },
    /// Somebody has put a server into maintenance meanwhile, where it stays.
    KeptOut {
        /// The host that the server is.
        host: HostName,
        /// Which server.
        route: Route,
    },
    /// The edge could not be asked to let a container go, so its requests were not waited for.
    NotAsked {
        /// The host.
        host: HostName,
        /// Which seat.
        route: Route,
        /// Why.
        reason: String,
    },
    /// The lock could not be taken on a host that the rollout leaves alone.
    NotLocked {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// The lock could not be released; it expires.
    NotUnlocked {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// A hook failed, or was stopped, whose failure changes nothing.
    HookFailed {
        /// When.
        hook: Point,
        /// Why.
        reason: String,
    },
    /// Somebody could not be told what came of it.
    NotNotified {
        /// Who, by their name in the manifest.
        name: String,
        /// Why.
        reason: String,
    },
    /// The lock could not be refreshed this time.
    HeartbeatMissed {
        /// Where.
        host: HostName,
        /// Why.
        reason: String,
    },
}

/// Where none are open, nothing is said of them.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}
