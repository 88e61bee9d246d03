//! Networks and volumes of a host.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, VolumeCreateRequest};

use super::DockerEngine;
use crate::engine::EngineError;
use crate::environment::{NetworkSpec, Scope, Subnet, VolumeSpec};
use crate::fleet::stamp::SCOPE_LABEL;

impl DockerEngine {
    pub(super) async fn provide_network(&self, scope: &Scope, network: &NetworkSpec) -> Result<(), EngineError> {
        // Looked for first: networks of one name are no conflict to older engines, which make a second one.
        if self.has_network(&network.name).await? {
            return Ok(());
        }
        if network.external {
            return Err(missing("network", &network.name));
        }
        match self.short(self.docker().create_network(network_request(scope, network))).await {
            Ok(_) | Err(EngineError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn provide_volume(&self, scope: &Scope, volume: &VolumeSpec) -> Result<(), EngineError> {
        if volume.external {
            return match self.short(self.docker().inspect_volume(&volume.name)).await {
                Err(EngineError::NotFound(_)) => Err(missing("volume", &volume.name)),
                other => other.map(drop),
            };
        }
        // Gives back a volume that exists.
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            driver: Some(volume.driver.clone()),
            driver_opts: Some(to_hash_map(&volume.options)),
            labels: Some(labels(scope, &volume.labels)),
            ..VolumeCreateRequest::default()
        };
        self.short(self.docker().create_volume(request)).await.map(drop)
    }
}

fn missing(kind: &str, name: &str) -> EngineError {
    EngineError::NotFound(format!("the external {kind} {name} is not on this host"))
}

fn network_request(scope: &Scope, network: &NetworkSpec) -> NetworkCreateRequest {
    let config = |subnet: &Subnet| IpamConfig {
        subnet: Some(subnet.subnet.clone()),
        ip_range: subnet.ip_range.clone(),
        gateway: subnet.gateway.clone(),
        ..IpamConfig::default()
    };
    let ipam = Ipam { config: Some(network.subnets.iter().map(config).collect()), ..Ipam::default() };
    NetworkCreateRequest {
        name: network.name.clone(),
        driver: Some(network.driver.clone()),
        options: Some(to_hash_map(&network.options)),
        internal: Some(network.internal),
        enable_ipv6: Some(network.ipv6),
        ipam: (!network.subnets.is_empty()).then_some(ipam),
        labels: Some(labels(scope, &network.labels)),
        ..NetworkCreateRequest::default()
    }
}

/// Ours is last: it is what a look finds things by.
fn labels(scope: &Scope, own: &BTreeMap<String, String>) -> HashMap<String, String> {
    own.clone().into_iter().chain([(SCOPE_LABEL.to_owned(), scope.label())]).collect()
}

fn to_hash_map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
