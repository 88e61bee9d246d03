//! Networks and volumes: what containers of an environment share on a host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A network. Made once per host where it is missing; one that is there is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Full name on the host.
    pub name: String,
    /// Somebody else makes it; where it is missing nothing is deployed.
    pub external: bool,
    /// Its driver, usually `bridge`.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// The user's own labels.
    pub labels: BTreeMap<String, String>,
    /// No way out to the world.
    pub internal: bool,
    /// Addresses of IPv6 too.
    pub ipv6: bool,
    /// Its address ranges; empty leaves the choice to the engine.
    pub subnets: Vec<Subnet>,
}

/// A range of addresses of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// In CIDR notation.
    pub subnet: String,
    /// Part of it from which containers get addresses.
    pub ip_range: Option<String>,
    /// Its gateway.
    pub gateway: Option<String>,
}

/// A volume. Made once per host where it is missing; one that is there is never changed, and none is ever removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Full name on the host.
    pub name: String,
    /// Somebody else makes it; where it is missing nothing is deployed.
    pub external: bool,
    /// Its driver, usually `local`.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// The user's own labels.
    pub labels: BTreeMap<String, String>,
}

impl NetworkSpec {
    /// A bridge of which only the name is known.
    pub fn plain(name: String) -> Self {
        Self {
            name,
            external: false,
            driver: "bridge".to_owned(),
            options: BTreeMap::new(),
            labels: BTreeMap::new(),
            internal: false,
            ipv6: false,
            subnets: Vec::new(),
        }
    }
}

impl VolumeSpec {
    /// A local volume of which only the name is known.
    pub fn plain(name: String) -> Self {
        let (options, labels) = (BTreeMap::new(), BTreeMap::new());
        Self { name, external: false, driver: "local".to_owned(), options, labels }
    }
}
