//! The container engine of one host, as a door: production goes through [`docker`] to a real engine,
//! tests to one simulated fleet.
//!
//! Handles are bound to one host, so no call can name the wrong one. Every mutating call is idempotent
//! and names its container by id (or by a name that is unique per spec), so a repeated or late call
//! changes nothing that the first one did not.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage};
use crate::delivery::{FileSet, LiveFiles, Place};
use crate::engine::memory::Held;
use crate::environment::{NetworkSpec, RestartPolicy, Scope, VolumeSpec};
use crate::fleet::layers::Holding;
use crate::fleet::observed::{ContainerState, ObservedHost};
use crate::fleet::stamp::Stamp;
use crate::fleet::stock::Stock;
use crate::name::HostName;
use crate::template::rendered::RenderedFile;

pub mod archives;
pub mod checkup;
pub mod client;
pub mod console;
pub mod content;
pub mod docker;
pub mod marker;
pub mod memory;
pub mod observe;
pub mod session;
pub mod sockets;
pub mod spec;
pub mod thin;
pub mod usage;

/// The engine of one host.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Looks at everything of `scope`. Changes nothing.
    async fn observe(&self, scope: &Scope) -> Result<ObservedHost, EngineError>;

    /// Makes the image present and verifies its digest afterwards. Reports bytes through `progress`.
    async fn pull(&self, image: &PinnedImage, progress: &PullProgress) -> Result<Arrival, EngineError>;

    /// Makes a network or volume exist; [`EngineError::NotFound`] if it is external and missing.
    async fn provide(&self, scope: &Scope, what: &Provision) -> Result<(), EngineError>;

    /// Makes a set of files present in its place, and reads it back. A place that holds just this is not written to;
    /// `files` are the contents of the set.
    async fn deliver(&self, scope: &Scope, set: &FileSet, files: &[RenderedFile]) -> Result<(), EngineError>;

    /// Removes sets of files that no container of `scope` mounts any more: volumes, and those directories of
    /// `candidates`.
    async fn tidy(&self, scope: &Scope, candidates: &[Place]) -> Result<(), EngineError>;

    /// All images that the host holds, of whom ever. Changes nothing.
    async fn stock(&self) -> Result<Stock, EngineError>;

    /// Layers of the images that the host has, as far as they are of use for one that is sent. Changes nothing.
    async fn holding(&self) -> Result<Holding, EngineError>;

    /// Takes these names from an image, with its digest, its tag, or its id; with the last one the image goes, unless a container
    /// was made from it. A name that is not there is fine. [`EngineError::Conflict`] if the engine holds on to one.
    async fn discard(&self, names: &[String]) -> Result<(), EngineError>;

    /// Creates a container under its name with `-unproven` behind it, with restart policy "no", and copies those of
    /// `files` into it that are delivered so. Sets that it mounts must be there.
    /// A container of that name that was created from the same spec and never started is adopted (its files
    /// are copied again).
    async fn create(
        &self,
        spec: &ContainerSpec,
        stamp: &Stamp,
        files: &[RenderedFile],
    ) -> Result<ContainerId, EngineError>;

    /// Starts a container; one that runs already is left alone. One that does not is taken from its seat behind the edge
    /// first: it has yet to prove itself.
    async fn start(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Sets the restart policy to "no", so that a reboot cannot bring it back, then stops the container:
    /// its stop signal, and SIGKILL after `grace`. When this returns the container has ended; one that is gone
    /// counts as ended.
    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError>;

    /// Attaches a container to the network of the edge's seats, at this address: from now on the edge may send it requests,
    /// also after a restart of the host.
    async fn seat(&self, id: &ContainerId, network: &str, address: Ipv4Addr) -> Result<(), EngineError>;

    /// Takes a container away from there. When this returns no request can reach it any more.
    async fn unseat(&self, id: &ContainerId, network: &str) -> Result<(), EngineError>;

    /// Marks a container as proven: gives it its final name and the declared restart policy.
    async fn promote(&self, id: &ContainerId, name: &ContainerName, restart: &RestartPolicy)
    -> Result<(), EngineError>;

    /// Takes a container's proof away: restart policy "no", and a name with `-switching` behind it, if it had any.
    async fn doubt(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Whether a place for live files holds this version.
    async fn holds(&self, scope: &Scope, place: &Place, version: &str) -> Result<bool, EngineError>;

    /// Switches a container's live files to this version, in all places. [`EngineError::Refused`] if one does not hold it.
    async fn switch(&self, scope: &Scope, live: &LiveFiles, version: &str) -> Result<(), EngineError>;

    /// Has a container take up its live files: sends the signal to its first process, or starts it if it does not run.
    async fn signal(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError>;

    /// Removes a container with its anonymous volumes, killing it if it runs. One that is gone is fine.
    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Secrets of `scope` that the host keeps in memory, to be put back after a reboot has emptied it.
    async fn hold_memory(&self, scope: &Scope) -> Result<Held, EngineError>;

    /// Puts secrets back into the host's memory, where their containers look for them.
    async fn restore_memory(&self, held: &Held) -> Result<(), EngineError>;

    /// The container's state now.
    async fn state(&self, id: &ContainerId) -> Result<ContainerState, EngineError>;

    /// How many connections others have to the ports that the container publishes, or to those that it listens at if it
    /// publishes none. `None` where that cannot be told: over a bare Docker endpoint, or on the host's own network.
    async fn connections(&self, id: &ContainerId) -> Result<Option<u64>, EngineError>;

    /// The last lines of its output, oldest first, cleaned of control characters.
    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError>;

    /// Follows its output from the beginning to its end: passes each line but the first `skip` on, cleaned as in
    /// [`Self::log_tail`].
    async fn follow(&self, id: &ContainerId, skip: usize, line: &LineSink) -> Result<(), EngineError>;

    /// The id of the container of this exact name, if there is one.
    async fn find(&self, name: &str) -> Result<Option<ContainerId>, EngineError>;
}

/// Something a container needs to exist before it is created.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provision {
    /// A network; an external one must be there.
    Network(NetworkSpec),
    /// A volume; an external one must be there.
    Volume(VolumeSpec),
}

/// How an image has come to be on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Out of a registry, if it was not there.
    Pulled,
    /// From the builder.
    Sent(Sent),
}

/// What a host was sent of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many layers: 0 if it had the image.
    pub layers: usize,
    /// Of how many.
    pub of: usize,
    /// Bytes that went to its engine, in all.
    pub bytes: u64,
    /// Why the engine did not take the layers that it seemed to lack alone.
    pub refused: Option<String>,
    /// The host that passed it on, and why it could not be pulled; `None` if the builder sent it.
    pub from: Option<(HostName, String)>,
}

/// Receives the state of a pull: bytes done, bytes known so far.
pub type PullProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Receives lines of output.
pub type LineSink = Arc<dyn Fn(String) + Send + Sync>;

/// Why a call to an engine did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The engine answered, and refused: the call did not take hold.
    #[error("{0}")]
    Refused(String),
    /// There is no such object.
    #[error("{0}")]
    NotFound(String),
    /// The name is taken, or the object is in a state that forbids the call.
    #[error("{0}")]
    Conflict(String),
    /// The host could not be reached, so the call was never made.
    #[error("{0}")]
    Unreachable(String),
    /// No answer: the call may have taken hold, may not have, or may still do so later.
    #[error("{0}")]
    InDoubt(String),
}

impl EngineError {
    /// Whether the disk of the host is full, which engines say in words only.
    pub fn is_out_of_room(&self) -> bool {
        matches!(self, Self::Refused(why) if why.contains("no space left on device"))
    }

    /// Nothing came back for so long.
    pub fn silence(limit: Duration) -> Self {
        Self::InDoubt(format!("no answer within {} s", limit.as_secs()))
    }

    /// Whether the call may have taken hold, now or later.
    pub fn in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt(_))
    }
}

/// A call that is given up after so long; it may take hold later all the same.
pub async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(EngineError::silence(limit)))
}
