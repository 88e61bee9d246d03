//! What a balancer's servers are, as the manifest has it.

use std::collections::BTreeMap;

use crate::name::HostName;

/// The servers that hosts are, by backend and their name in it.
pub type Members = BTreeMap<String, BTreeMap<String, Member>>;

/// A server that is a service on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The host.
    pub host: HostName,
    /// What it may be called where requests come from; the first is how it is reached from here.
    pub addresses: Vec<String>,
    /// The ports of the host that the service publishes; none where it is on the host's own network.
    pub ports: Vec<u16>,
    /// The one address of the host that the first of them is published at; `None` if it is all.
    pub bound: Option<String>,
}

impl Member {
    /// Whether requests for an address and port reach it.
    pub fn is_at(&self, address: &str, port: u16) -> bool {
        port != 0
            && self.addresses.iter().any(|own| own.eq_ignore_ascii_case(address))
            && (self.ports.is_empty() || self.ports.contains(&port))
    }
}
