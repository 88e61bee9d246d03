//! Whether a service does its work on a host, as far as an engine and balancers can tell.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::balancer::{Admin, Server};
use crate::environment::Route;
use crate::fleet::observed::{BackendView, EngineHealth, HostView, Observed};
use crate::name::{HostName, ServiceName};

/// Why a service is not in service on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Out {
    /// The host does not answer.
    Unreachable,
    /// No container of it runs that has proved itself.
    NotRunning,
    /// Its container fails the engine's own health check.
    Unhealthy,
    /// Somebody has put a server of it into maintenance, where it stays.
    Maintenance(Route),
    /// A balancer sends it no requests, or cannot be asked.
    NoRequests(Route),
    /// An operator has drained it, and it stays so until an operator admits it.
    Held,
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the host does not answer"),
            Self::NotRunning => f.write_str("not running"),
            Self::Unhealthy => f.write_str("unhealthy"),
            Self::Maintenance(route) => write!(f, "{route} is in maintenance"),
            Self::NoRequests(route) => write!(f, "{route} gets no requests"),
            Self::Held => f.write_str("drained by hand"),
        }
    }
}

/// `Ok` if the service is in service on the host: a proven container of it runs, the engine does not call it unhealthy, and
/// every balancer sends requests to its servers.
pub fn serving(observed: &Observed, host: &HostName, service: &ServiceName, routes: &[Route]) -> Result<(), Out> {
    let Some(HostView::Seen(seen)) = observed.hosts.get(host) else { return Err(Out::Unreachable) };
    let mut settled = seen.of_service(service).filter(|one| one.settled()).peekable();
    if settled.peek().is_none() {
        return Err(Out::NotRunning);
    }
    if settled.all(|one| matches!(one.state.health, EngineHealth::Unhealthy(_))) {
        return Err(Out::Unhealthy);
    }
    let is_kept_out = |route: &&Route| server(observed, route).is_some_and(|server| server.admin == Admin::Maintenance);
    if let Some(route) = routes.iter().find(is_kept_out) {
        return Err(Out::Maintenance(route.clone()));
    }
    match routes.iter().find(|route| !server(observed, route).is_some_and(Server::is_in_traffic)) {
        Some(route) => Err(Out::NoRequests(route.clone())),
        None => Ok(()),
    }
}

/// Whether requests may reach a service that is not in service for this reason: one balancer of several sends none, or the
/// engine alone calls it unhealthy. Where a balancer cannot be asked they may.
pub fn may_be_reached(observed: &Observed, out: &Out, routes: &[Route]) -> bool {
    match out {
        Out::Unreachable | Out::NotRunning => false,
        Out::Unhealthy if routes.is_empty() => true,
        Out::Unhealthy | Out::Maintenance(_) | Out::NoRequests(_) | Out::Held => {
            routes.iter().any(|route| server(observed, route).is_none_or(Server::is_in_traffic))
        }
    }
}

fn server<'o>(observed: &'o Observed, route: &Route) -> Option<&'o Server> {
    match observed.backends.get(&(route.balancer.clone(), route.backend.clone()))? {
        BackendView::Seen(servers) => servers.get(&route.server),
        BackendView::Unseen(_) => None,
    }
}
