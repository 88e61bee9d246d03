//! The engine door to Docker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::errors::Error as DockerError;
use tokio::sync::OnceCell;

use super::client::{self, Client, SHORT};
use super::marker::Markers;
use super::{Engine, EngineError, Provision, PullProgress};
use crate::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage};
use crate::delivery::{FileSet, Place};
use crate::environment::{RestartPolicy, Scope};
use crate::fleet::Host;
use crate::fleet::observed::{ContainerState, ObservedHost};
use crate::fleet::stamp::Stamp;
use crate::health::Prober;
use crate::health::prober::DockerProber;
use crate::template::rendered::RenderedFile;
use crate::transport::{self, Transport, TransportError};

mod container;
mod delivery;
pub mod files;
mod look;
mod marker;
mod memory;
pub(crate) mod output;
mod pull;
mod resource;

/// Finds the credentials of a registry, given as `host[:port]` (`docker.io` for Docker Hub). Must not block.
pub type RegistryLogins = Arc<dyn Fn(&str) -> Option<DockerCredentials> + Send + Sync>;

/// All doors of one host.
#[derive(Clone)]
pub struct DockerHost {
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// Its markers.
    pub markers: Arc<dyn Markers>,
    /// Its containers' health.
    pub prober: Arc<dyn Prober>,
    /// The connection under all of them. Close it at the end.
    pub transport: Arc<dyn Transport>,
    /// The engine's API, for building images.
    pub client: Client,
}

/// Connects to a host and its engine.
pub async fn open(host: &Host, logins: Option<RegistryLogins>) -> Result<DockerHost, TransportError> {
    let transport = transport::connect(host).await?;
    let client = match Client::connect(Arc::clone(&transport)).await {
        Ok(client) => client,
        Err(error) => {
            transport.close().await;
            return Err(error);
        }
    };
    let engine = Arc::new(DockerEngine::new(client.clone(), logins));
    let prober = Arc::new(DockerProber::new(client.clone(), Arc::clone(&transport)));
    let markers = Arc::clone(&engine) as Arc<dyn Markers>;
    Ok(DockerHost { engine, markers, prober, transport, client })
}

/// The engine of one host, and the markers kept in it.
#[derive(Clone)]
pub struct DockerEngine {
    client: Client,
    logins: Option<RegistryLogins>,
    id: Arc<OnceCell<String>>,
}

impl DockerEngine {
    /// An engine that is reached through `client`, and logs in to registries by `logins`.
    pub fn new(client: Client, logins: Option<RegistryLogins>) -> Self {
        Self { client, logins, id: Arc::default() }
    }

    fn docker(&self) -> &bollard::Docker {
        self.client.docker()
    }

    /// A call that a healthy engine answers at once.
    async fn short<T>(&self, answer: impl Future<Output = Result<T, DockerError>>) -> Result<T, EngineError> {
        client::call(SHORT, answer).await
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn observe(&self, scope: &Scope) -> Result<ObservedHost, EngineError> {
        // Boxed because it holds all requests of a round at once.
        Box::pin(self.look(scope)).await
    }

    async fn pull(&self, image: &PinnedImage, progress: &PullProgress) -> Result<(), EngineError> {
        self.make_present(image, progress).await
    }

    async fn provide(&self, scope: &Scope, what: &Provision) -> Result<(), EngineError> {
        match what {
            Provision::Network(network) => self.provide_network(scope, network).await,
            Provision::Volume(volume) => self.provide_volume(scope, volume).await,
        }
    }

    async fn deliver(&self, scope: &Scope, set: &FileSet, files: &[RenderedFile]) -> Result<(), EngineError> {
        self.deliver_files(scope, set, files).await
    }

    async fn tidy(&self, scope: &Scope, candidates: &[Place]) -> Result<(), EngineError> {
        self.tidy_files(scope, candidates).await
    }

    async fn create(
        &self,
        spec: &ContainerSpec,
        stamp: &Stamp,
        files: &[RenderedFile],
    ) -> Result<ContainerId, EngineError> {
        self.create_container(spec, stamp, files).await
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.start_container(id).await
    }

    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        self.stop_container(id, grace).await
    }

    async fn promote(
        &self,
        id: &ContainerId,
        name: &ContainerName,
        restart: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.promote_container(id, name, restart).await
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.remove_with_memory(id).await
    }

    async fn state(&self, id: &ContainerId) -> Result<ContainerState, EngineError> {
        Ok(super::observe::state(&self.inspect(&id.0).await?))
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        self.read_log(id, lines).await
    }

    async fn find(&self, name: &str) -> Result<Option<ContainerId>, EngineError> {
        self.find_container(name).await
    }
}
