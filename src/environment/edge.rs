//! The edge: an HAProxy that shipctl itself runs on a host, as a service of the release, and the services behind it.
//!
//! A service that is behind it has a few *seats* there: addresses on a network of the host that only the edge and what it
//! sends requests to are on. A container gets requests by being attached at one of them, and in no other way.

use core::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Drain, Route};
use crate::name::{BalancerName, HostName};

/// The edge's name among the services.
pub const EDGE: &str = "edge";
/// The last part of the name of the network that holds the seats.
pub const SEATS: &str = "edge-seats";
/// Seats of one container: for the one that serves, for its successor, and for what an unfinished rollout may have left.
pub const SEATS_EACH: u32 = 3;

/// The program in the edge's container that carries one command to HAProxy and prints the answer.
pub const ASK: [&str; 4] = ["haproxy", "-db", "-f", "/usr/local/etc/shipctl-edge/ask.cfg"];
/// The variable that holds the command; without it the program asks whether HAProxy is well.
pub const ASK_VARIABLE: &str = "SHIPCTL_ASK";

/// `traffic: { edge: … }` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRoute {
    /// Domains; empty is every one that no other service has.
    pub hosts: Vec<String>,
    /// Requests for this path and everything beneath it; `/` is all.
    pub path: String,
    /// Where the container listens.
    pub port: u16,
    /// How a container is taken out of traffic.
    pub drain: Drain,
    /// How long the edge may take to find a container healthy that has passed its gate.
    pub up_deadline: Duration,
    /// The network that holds the seats, by its full name.
    pub network: String,
    /// The backend in the edge's configuration.
    pub backend: String,
    /// The service's seats.
    pub seats: Vec<Seat>,
}

/// A place behind the edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    /// The server in the edge's backend.
    pub server: String,
    /// The address on the seats' network.
    pub address: Ipv4Addr,
}

/// What the edge of a host is called among balancers.
pub fn balancer(host: &HostName) -> BalancerName {
    let name = format!("{EDGE}-{host}").parse();
    name.or_else(|_| host.as_str().parse()).unwrap_or_else(|_| unreachable!("a host's name is a name"))
}

impl EdgeRoute {
    /// A seat as one server of one balancer.
    pub fn route(&self, host: &HostName, seat: &Seat) -> Route {
        Route { balancer: balancer(host), backend: self.backend.clone(), server: seat.server.clone() }
    }

    /// The seat of an address.
    pub fn seat(&self, address: Ipv4Addr) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.address == address)
    }
}
