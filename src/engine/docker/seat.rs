//! Seats behind the edge: attachments to the network that they are on. The engine keeps them through every restart.

use std::net::Ipv4Addr;

use bollard::models::{EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};

use super::DockerEngine;
use crate::container::ContainerId;
use crate::engine::{EngineError, observe};

impl DockerEngine {
    pub(super) async fn seat_container(
        &self,
        id: &ContainerId,
        network: &str,
        address: Ipv4Addr,
    ) -> Result<(), EngineError> {
        match observe::seat(&self.inspect(&id.0).await?) {
            Some((_, there)) if there == address => return Ok(()),
            Some((_, there)) => {
                return Err(EngineError::Conflict(format!("container {id} sits at {there}, and not at {address}")));
            }
            None => {}
        }
        let ipam = EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
        let request = NetworkConnectRequest {
            container: id.0.clone(),
            endpoint_config: Some(EndpointSettings { ipam_config: Some(ipam), ..EndpointSettings::default() }),
        };
        self.short(self.docker().connect_network(network, request)).await
    }

    pub(super) async fn unseat_container(&self, id: &ContainerId, network: &str) -> Result<(), EngineError> {
        if self.seat_of(id).await?.is_none() {
            return Ok(());
        }
        let request = NetworkDisconnectRequest { container: id.0.clone(), force: Some(true) };
        match self.short(self.docker().disconnect_network(network, request)).await {
            Ok(()) | Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        match self.seat_of(id).await? {
            None => Ok(()),
            Some((_, address)) => Err(EngineError::InDoubt(format!("container {id} still sits at {address}"))),
        }
    }

    /// One that is about to be started must not get requests by an attachment of its earlier life.
    pub(super) async fn unseat_if_ended(&self, id: &ContainerId) -> Result<(), EngineError> {
        let found = self.inspect(&id.0).await?;
        match observe::seat(&found) {
            Some((network, _)) if !observe::state(&found).is_running() => self.unseat_container(id, &network).await,
            _ => Ok(()),
        }
    }

    async fn seat_of(&self, id: &ContainerId) -> Result<Option<(String, Ipv4Addr)>, EngineError> {
        match self.inspect(&id.0).await {
            Ok(found) => Ok(observe::seat(&found)),
            Err(EngineError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
