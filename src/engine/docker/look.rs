//! Looking at a host: everything of a scope, in two rounds of requests.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder};
use futures_util::future::try_join_all;
use zeroize::Zeroizing;

use super::DockerEngine;
use crate::engine::{EngineError, observe};
use crate::environment::Scope;
use crate::fleet::key::{self, FingerprintKey};
use crate::fleet::ledger::{self, Ledger};
use crate::fleet::observed::{EngineFacts, ObservedContainer, ObservedHost};
use crate::fleet::stamp::SCOPE_LABEL;

type Filters = HashMap<String, Vec<String>>;

/// A container of ours; one whose labels another version wrote is refused by name, never passed over.
fn readable(inspected: &ContainerInspectResponse) -> Result<Option<ObservedContainer>, EngineError> {
    let unreadable = || {
        let name = observe::name(inspected);
        EngineError::Refused(format!("container {name} carries labels that this version of shipctl cannot read"))
    };
    observe::container(inspected).map(Some).ok_or_else(unreadable)
}

impl DockerEngine {
    pub(super) async fn look(&self, scope: &Scope) -> Result<ObservedHost, EngineError> {
        let label = scope.label();
        let ours: Filters = HashMap::from([("label".to_owned(), vec![format!("{SCOPE_LABEL}={label}")])]);
        let (engine, containers, running, networks, volumes, ledger, key): (_, Vec<_>, _, _, _, _, _) = tokio::try_join!(
            self.facts(),
            self.containers(&ours),
            self.running(),
            self.networks(&ours),
            self.volumes(&ours),
            self.ledger(scope),
            self.key(scope),
        )?;
        let foreign_ports = observe::foreign_ports(&running, &label);
        let (jobs, containers) = containers.into_iter().partition(|container| container.stamp.job.is_some());
        Ok(ObservedHost { engine, containers, jobs, foreign_ports, networks, volumes, ledger, key })
    }

    async fn facts(&self) -> Result<EngineFacts, EngineError> {
        let id = self.nature().await?.id.clone();
        let version = self.client.version();
        Ok(EngineFacts {
            id,
            version: version.engine.clone(),
            api: version.api.clone(),
            platform: format!("{}/{}", version.os, version.architecture),
        })
    }

    async fn containers(&self, ours: &Filters) -> Result<Vec<ObservedContainer>, EngineError> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(ours).build();
        let listed = self.short(self.docker().list_containers(Some(options))).await?;
        let inspections = listed.into_iter().filter_map(|container| container.id).map(|id| async move {
            match self.inspect(&id).await {
                Ok(inspected) => {
                    let Some(mut container) = readable(&inspected)? else { return Ok(None) };
                    if let (Some(directory), false) = (observe::memory(&inspected), container.state.is_running()) {
                        container.emptied = !self.is_in_memory(directory).await?;
                    }
                    Ok(Some(container))
                }
                // Removed since it was listed.
                Err(EngineError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let mut containers: Vec<_> = try_join_all(inspections).await?.into_iter().flatten().collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    pub(super) async fn running(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        self.short(self.docker().list_containers(Some(ListContainersOptionsBuilder::new().build()))).await
    }

    async fn networks(&self, ours: &Filters) -> Result<BTreeSet<String>, EngineError> {
        let options = ListNetworksOptionsBuilder::new().filters(ours).build();
        let listed = self.short(self.docker().list_networks(Some(options))).await?;
        Ok(listed.into_iter().filter_map(|network| network.name).collect())
    }

    pub(super) async fn has_network(&self, name: &str) -> Result<bool, EngineError> {
        // The engine looks for names that contain this one.
        let filters: Filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let listed = self.short(self.docker().list_networks(Some(options))).await?;
        Ok(listed.iter().any(|network| network.name.as_deref() == Some(name)))
    }

    async fn volumes(&self, ours: &Filters) -> Result<BTreeSet<String>, EngineError> {
        let options = ListVolumesOptionsBuilder::new().filters(ours).build();
        let listed = self.short(self.docker().list_volumes(Some(options))).await?;
        Ok(listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }

    async fn key(&self, scope: &Scope) -> Result<Option<FingerprintKey>, EngineError> {
        let text = match self.written(&key::marker_name(scope)).await {
            // Older engines read no file of a container on a full disk. What runs there can be told all the same; a rollout ends
            // before it needs a key, as it finds no room for its lock either.
            Err(error) if error.is_out_of_room() => return Ok(None),
            text => text?.map(Zeroizing::new),
        };
        Ok(text.and_then(|text| FingerprintKey::parse(&text)))
    }

    async fn ledger(&self, scope: &Scope) -> Result<Ledger, EngineError> {
        match self.note(&ledger::marker_name(scope)).await? {
            Some(text) => observe::ledger(&text),
            None => Ok(Ledger::default()),
        }
    }
}
