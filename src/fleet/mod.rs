//! The machines of an environment and how each is reached. Data only: connections are made in
//! [`crate::transport`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::name::HostName;

pub mod act;
pub mod checkup;
pub mod key;
pub mod layers;
pub mod ledger;
pub mod machine;
pub mod observed;
pub mod parse;
pub mod select;
pub mod serving;
pub mod settings;
pub mod setup;
pub mod stamp;
pub mod status;
pub mod stock;

/// One machine of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the manifest.
    pub name: HostName,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// What it is for, such as `web`; services may be written differently for a role.
    pub role: Option<String>,
    /// Labels that placement constraints and templates refer to.
    pub labels: BTreeMap<String, String>,
}

/// How a Docker engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Through the user's OpenSSH; the engine's socket is forwarded.
    Ssh(SshDestination),
    /// A Docker API address with mutual TLS, or plain where `tls` is `None` (the manifest said `insecure: true`).
    Tcp {
        /// DNS name or address, without brackets.
        host: String,
        /// TCP port, usually 2376 (TLS) or 2375 (plain).
        port: u16,
        /// Certificates for mutual TLS.
        tls: Option<TlsFiles>,
    },
    /// A socket on this machine.
    Unix(PathBuf),
}

impl Endpoint {
    /// Name or address of the machine as the manifest has it; the operator's own machine is `localhost`. A name of
    /// `~/.ssh/config` is not looked up.
    pub fn address(&self) -> &str {
        match self {
            Self::Ssh(destination) => &destination.host,
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "localhost",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(destination) => write!(f, "ssh://{destination}"),
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// PEM files of a mutual TLS endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities that may have signed the engine's certificate.
    pub ca: PathBuf,
    /// Our certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Where OpenSSH connects to: `[user@]host[:port]`, checked so that it can never be read as an option
/// or be expanded by a shell (CVE-2017-1000117, CVE-2023-51385).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshDestination {
    /// Login name; `None` leaves it to the user's ssh configuration.
    pub user: Option<String>,
    /// Host name, address, or an alias of the user's ssh configuration.
    pub host: String,
    /// TCP port; `None` leaves it to the user's ssh configuration.
    pub port: Option<u16>,
}

impl fmt::Display for SshDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            write!(f, "{}", self.host)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        Ok(())
    }
}
