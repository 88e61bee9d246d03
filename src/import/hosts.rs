//! Hosts that an operator names on the command line.

use std::str::FromStr;

use crate::fleet::{Endpoint, SshDestination};
use crate::manifest::node::Node;
use crate::manifest::source::Span;
use crate::name::HostName;

use super::tree;

/// `NAME=ADDRESS`; the address is an SSH destination, or the socket of this machine's engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostArgument {
    /// Its name in the manifest.
    pub name: HostName,
    /// How it is reached: never by TCP, which needs certificates.
    pub endpoint: Endpoint,
}

impl HostArgument {
    /// The key that says how a host is reached, and its value.
    pub(super) fn key(&self) -> (&'static str, String) {
        match &self.endpoint {
            Endpoint::Ssh(destination) => ("ssh", destination.to_string()),
            endpoint => ("docker", endpoint.to_string()),
        }
    }

    pub(super) fn node(&self, at: Span) -> Node {
        let (key, value) = self.key();
        tree::map(at, [(key, tree::text(at, &value))])
    }
}

impl FromStr for HostArgument {
    type Err = String;

    /// Reads `web1=deploy@web1.internal:22`; the error says what is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) =
            text.split_once('=').ok_or("write NAME=ADDRESS, such as `web1=deploy@web1.internal`".to_owned())?;
        let name: HostName = name.parse().map_err(|error| format!("the name of a host {error}"))?;
        let address = address.strip_prefix("ssh://").unwrap_or(address);
        let endpoint = if address.contains("://") {
            let endpoint: Endpoint = address.parse().map_err(|error| format!("{error}"))?;
            if matches!(endpoint, Endpoint::Tcp { .. }) {
                return Err(
                    "a TCP endpoint needs certificates: name another host, and write it into the file".to_owned()
                );
            }
            endpoint
        } else {
            let destination: SshDestination = address.parse().map_err(|error| format!("{error}"))?;
            Endpoint::Ssh(destination)
        };
        Ok(Self { name, endpoint })
    }
}
