//! What the operator should know about a plan. Data; the words are made in `plan::display`.

use serde::{Deserialize, Serialize};

use crate::environment::Route;
use crate::name::{HostName, ServiceName};

/// Something about the plan or the fleet that changes nothing in the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A container of ours whose service the release does not have on this host. It is left alone.
    Orphan {
        /// Where it is.
        host: HostName,
        /// Its name.
        container: String,
    },
    /// The service is out of service for a moment on each host, because its host port allows only one container.
    Downtime {
        /// Which.
        service: ServiceName,
        /// Hosts that still serve meanwhile.
        still_serving: usize,
        /// Of so many.
        of: usize,
    },
    /// The same, but no request is lost by it: a balancer is told beforehand.
    Drained {
        /// Which.
        service: ServiceName,
        /// Hosts that still serve meanwhile.
        still_serving: usize,
        /// Of so many.
        of: usize,
    },
    /// The container is only watched for running: the manifest says `health: none`.
    NoHealth(ServiceName),
    /// Hosts of the environment that were not selected and run something else than the release.
    NotSelected(HostName),
    /// An earlier rollout did not finish on this host; it is healed first.
    Unfinished(HostName),
    /// Somebody has put the server into maintenance. It stays there, so the host gets no requests.
    Maintenance(Route),
    /// The balancer may send the server's requests to something else than the service on the host.
    Elsewhere {
        /// Which server.
        route: Route,
        /// Where the balancer sends them.
        to: String,
        /// The host that the server is.
        host: HostName,
    },
    /// The balancer does not check the server: it gets requests whether it answers or not.
    Unchecked(Route),
    /// Nothing to go back to: a failure means that the service is removed again.
    FirstDeploy(ServiceName),
    /// What the host runs was fingerprinted with a key that is not there any more, so its secrets cannot be compared.
    KeyGone(HostName),
}
