//! The engine door to Docker.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::errors::Error as DockerError;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::archives::Archives;
use super::checkup::Checkup;
use super::client::{self, Client, SHORT};
use super::console::Console;
use super::marker::Markers;
use super::memory::Held;
use super::session::Sessions;
use super::{Arrival, Engine, EngineError, LineSink, Provision, PullProgress};
use crate::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage};
use crate::delivery::{FileSet, LiveFiles, Place};
use crate::environment::{RestartPolicy, Scope};
use crate::fleet::Host;
use crate::fleet::layers::Holding;
use crate::fleet::observed::{ContainerState, ObservedHost};
use crate::fleet::stamp::Stamp;
use crate::fleet::stock::Stock;
use crate::health::Prober;
use crate::health::prober::DockerProber;
use crate::template::rendered::RenderedFile;
use crate::transport::{self, Transport, TransportError};

mod archives;
mod checkup;
mod connections;
mod console;
mod container;
mod delivery;
pub mod depot;
pub mod files;
mod held;
mod live;
mod look;
mod marker;
mod memory;
mod nature;
mod one_off;
pub(crate) mod output;
mod parcel;
mod pull;
mod resource;
pub mod room;
mod seat;
pub mod seeds;
mod send;
mod session;
mod stock;
mod usage;

use depot::Depot;
use nature::Nature;
use room::PackedLayer;
use seeds::Seeds;

/// Finds the credentials of a registry, given as `host[:port]` (`docker.io` for Docker Hub). Must not block.
pub type RegistryLogins = Arc<dyn Fn(&str) -> Option<DockerCredentials> + Send + Sync>;

/// Finds the layers of an image of a registry on a platform (`os/architecture`), lowest first; `None` where nobody tells.
pub type LayerSizes = Arc<dyn Fn(PinnedImage, String) -> BoxFuture<'static, Option<Vec<PackedLayer>>> + Send + Sync>;

/// All doors of one host.
#[derive(Clone)]
pub struct DockerHost {
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// Its markers.
    pub markers: Arc<dyn Markers>,
    /// Its containers' health.
    pub prober: Arc<dyn Prober>,
    /// What its containers tell.
    pub console: Arc<dyn Console>,
    /// Programs that are run by hand.
    pub sessions: Arc<dyn Sessions>,
    /// Files of its containers.
    pub archives: Arc<dyn Archives>,
    /// What it says of itself.
    pub checkup: Arc<dyn Checkup>,
    /// The connection under all of them. Close it at the end.
    pub transport: Arc<dyn Transport>,
    /// The engine's API, for building images.
    pub client: Client,
}

/// Where the images of a host come from.
#[derive(Clone, Default)]
pub struct Supply {
    /// For pulls; without, they are anonymous.
    pub logins: Option<RegistryLogins>,
    /// For images that are sent; without, none is.
    pub depot: Option<Arc<Depot>>,
    /// For what pulls take; without, nobody knows.
    pub sizes: Option<LayerSizes>,
    /// For images that their registry does not give; without, only it gives them.
    pub seeds: Option<Arc<Seeds>>,
}

/// Connects to a host and its engine.
pub async fn open(host: &Host, supply: Supply) -> Result<DockerHost, TransportError> {
    over(transport::connect(host).await?, supply).await
}

/// Finds the engine at the end of a connection, which is closed if none answers.
pub async fn over(transport: Arc<dyn Transport>, supply: Supply) -> Result<DockerHost, TransportError> {
    let client = match Client::connect(Arc::clone(&transport)).await {
        Ok(client) => client,
        Err(error) => {
            transport.close().await;
            return Err(error);
        }
    };
    let engine = Arc::new(DockerEngine::new(client.clone(), Arc::clone(&transport), supply));
    let prober = Arc::new(DockerProber::new(client.clone(), Arc::clone(&transport)));
    let markers = Arc::clone(&engine) as Arc<dyn Markers>;
    let console = Arc::clone(&engine) as Arc<dyn Console>;
    let sessions = Arc::clone(&engine) as Arc<dyn Sessions>;
    let archives = Arc::clone(&engine) as Arc<dyn Archives>;
    let checkup = Arc::clone(&engine) as Arc<dyn Checkup>;
    Ok(DockerHost { engine, markers, prober, console, sessions, archives, checkup, transport, client })
}

/// The engine of one host, and the markers kept in it.
#[derive(Clone)]
pub struct DockerEngine {
    client: Client,
    transport: Arc<dyn Transport>,
    supply: Supply,
    nature: Arc<OnceCell<Nature>>,
    /// Set once it is known that the host keeps secrets in memory.
    memory: Arc<OnceCell<()>>,
}

impl DockerEngine {
    /// An engine that is reached through `client` on top of `transport`, and gets its images by `supply`.
    pub fn new(client: Client, transport: Arc<dyn Transport>, supply: Supply) -> Self {
        Self { client, transport, supply, nature: Arc::default(), memory: Arc::default() }
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

    async fn pull(&self, image: &PinnedImage, progress: &PullProgress) -> Result<Arrival, EngineError> {
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

    async fn stock(&self) -> Result<Stock, EngineError> {
        self.take_stock().await
    }

    async fn holding(&self) -> Result<Holding, EngineError> {
        self.held_layers().await
    }

    async fn discard(&self, names: &[String]) -> Result<(), EngineError> {
        self.discard_names(names).await
    }

    async fn create(
        &self,
        spec: &ContainerSpec,
        stamp: &Stamp,
        files: &[RenderedFile],
    ) -> Result<ContainerId, EngineError> {
        Box::pin(self.create_container(spec, stamp, files)).await
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.start_container(id).await
    }

    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        self.stop_container(id, grace).await
    }

    async fn seat(&self, id: &ContainerId, network: &str, address: Ipv4Addr) -> Result<(), EngineError> {
        self.seat_container(id, network, address).await
    }

    async fn unseat(&self, id: &ContainerId, network: &str) -> Result<(), EngineError> {
        self.unseat_container(id, network).await
    }

    async fn promote(
        &self,
        id: &ContainerId,
        name: &ContainerName,
        restart: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.promote_container(id, name, restart).await
    }

    async fn doubt(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.doubt_container(id).await
    }

    async fn holds(&self, scope: &Scope, place: &Place, version: &str) -> Result<bool, EngineError> {
        self.holds_version(scope, place, version).await
    }

    async fn switch(&self, scope: &Scope, live: &LiveFiles, version: &str) -> Result<(), EngineError> {
        self.switch_files(scope, live, version).await
    }

    async fn signal(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        self.signal_container(id, signal).await
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.remove_with_memory(id).await
    }

    async fn hold_memory(&self, scope: &Scope) -> Result<Held, EngineError> {
        self.held_in_memory(scope).await
    }

    async fn restore_memory(&self, held: &Held) -> Result<(), EngineError> {
        self.put_back_in_memory(held).await
    }

    async fn state(&self, id: &ContainerId) -> Result<ContainerState, EngineError> {
        Ok(super::observe::state(&self.inspect(&id.0).await?))
    }

    async fn connections(&self, id: &ContainerId) -> Result<Option<u64>, EngineError> {
        self.count_connections(id).await
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        self.read_log(id, lines).await
    }

    async fn follow(&self, id: &ContainerId, skip: usize, line: &LineSink) -> Result<(), EngineError> {
        self.follow_log(id, skip, line).await
    }

    async fn find(&self, name: &str) -> Result<Option<ContainerId>, EngineError> {
        self.find_container(name).await
    }
}
