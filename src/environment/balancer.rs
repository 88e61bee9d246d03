//! `balancers:`, the load balancers that are there already.

use core::net::SocketAddr;
use std::time::Duration;

use crate::balancer::haproxy::HaproxySocket;
use crate::fleet::SshDestination;
use crate::name::SecretName;
use crate::transport::Place;

/// An entry of `balancers:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balancer {
    /// A HAProxy.
    Haproxy {
        /// The machine that it runs on; `None` is this one.
        ssh: Option<SshDestination>,
        /// Its runtime API.
        socket: HaproxySocket,
    },
    /// A Caddy.
    Caddy {
        /// The machine that it runs on; `None` is this one.
        ssh: Option<SshDestination>,
        /// Its admin API.
        admin: Place,
    },
    /// Consul, by the agent of each host.
    Consul {
        /// Where an agent listens, as its host sees it.
        agent: SocketAddr,
        /// An ACL token.
        token: Option<SecretName>,
        /// Consumers take up a change within this time.
        settle: Duration,
    },
    /// A kamal-proxy on each host.
    KamalProxy(KamalService),
    /// Whatever the operator's own programs speak to.
    Command(Programs),
}

/// Programs on this machine that speak to a balancer. One with a slash in its name that is not absolute is beneath the
/// project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Takes a server out of traffic.
    pub drain: Vec<String>,
    /// Puts it back.
    pub admit: Vec<String>,
    /// Says how the servers of a backend stand; without it nothing can be read back.
    pub state: Option<Vec<String>>,
    /// When each of them is ended.
    pub timeout: Duration,
}

/// A service of kamal-proxy, as it is on each host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KamalService {
    /// The container that the proxy runs in.
    pub container: String,
    /// What the proxy sends requests to, `name:port` on a network that both are on.
    pub target: String,
    /// Further arguments of its `deploy`, such as `--host=shop.example.com`.
    pub deploy: Vec<String>,
    /// How long requests may wait in the proxy while a host is in hand.
    pub max_pause: Duration,
}

impl Balancer {
    /// The secret that it takes to be let in.
    pub fn secret(&self) -> Option<&SecretName> {
        match self {
            Self::Consul { token, .. } => token.as_ref(),
            Self::Haproxy { .. } | Self::Caddy { .. } | Self::KamalProxy(_) | Self::Command(_) => None,
        }
    }
}
