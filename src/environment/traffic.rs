//! How requests reach a service: the load balancers in front of its hosts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::{BalancerName, HostName};

/// `traffic:` of a service: every host of it is a server of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// The balancers; all must agree.
    pub balancers: Vec<BalancerName>,
    /// The backend, of the same name in each.
    pub backend: String,
    /// Name of the host's server in it; `None` is the host's own name. The server of the second of several containers on
    /// the host has `-2` behind it.
    pub server: Option<String>,
    /// How a server is taken out of traffic.
    pub drain: Drain,
    /// How long a balancer may take to find a container healthy that has passed its gate.
    pub up_deadline: Duration,
}

/// How a server is taken out of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// How long requests may take to end.
    #[serde(with = "crate::duration::text")]
    pub deadline: Duration,
    /// What becomes of those that do not.
    pub on_deadline: OnDeadline,
}

/// What becomes of requests that do not end while a server is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadline {
    /// The server gets traffic again, and the rollout has failed.
    Abort,
    /// They are cut off; how many is reported.
    Force,
}

/// One server of one balancer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    /// Which balancer.
    pub balancer: BalancerName,
    /// Which backend.
    pub backend: String,
    /// Which server.
    pub server: String,
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.balancer, self.backend, self.server)
    }
}

impl Traffic {
    /// The servers that a host is, where it runs the service as its `instance`-th container of it (from 1).
    pub fn routes(&self, host: &HostName, instance: usize) -> Vec<Route> {
        let server = self.server.as_deref().unwrap_or(host.as_str());
        let server = if instance == 1 { server.to_owned() } else { format!("{server}-{instance}") };
        let route = |balancer: &BalancerName| Route {
            balancer: balancer.clone(),
            backend: self.backend.clone(),
            server: server.clone(),
        };
        self.balancers.iter().map(route).collect()
    }
}

/// Whether this can be the name of a backend or server: what HAProxy takes for one, so that it can be part of a command of
/// its runtime API (its configuration manual, "Proxies"), and what other balancers take too.
pub fn is_server_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'.' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(plain)
}
