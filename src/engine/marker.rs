//! Small durable notes on a host: the lock and the ledger.
//!
//! They are kept through the engine's API, so that bare Docker endpoints have them too. In production a
//! marker is a container that is never started (its name is taken at most once, which makes it a mutex)
//! with one file in it.

use async_trait::async_trait;

use crate::container::ContainerId;
use crate::engine::EngineError;

/// Markers of one host. Names are global on the host.
#[async_trait]
pub trait Markers: Send + Sync {
    /// Creates a marker with its first text, in one step. [`EngineError::Conflict`] if the name is taken.
    async fn create(&self, name: &str, text: &str) -> Result<ContainerId, EngineError>;

    /// Reads a marker; `None` if there is none.
    async fn read(&self, name: &str) -> Result<Option<Marker>, EngineError>;

    /// Makes `text` the only note of this name. Readers find the old text or the new one, never a part, and a note with a
    /// lower `number` never wins over one with a higher, whenever it arrives. Not for names used with [`Markers::create`].
    async fn put(&self, name: &str, number: u64, text: &str) -> Result<(), EngineError>;

    /// Replaces the text. By id, so that it can never hit a later marker of the same name:
    /// [`EngineError::NotFound`] says that this marker is gone.
    async fn write(&self, id: &ContainerId, text: &str) -> Result<(), EngineError>;

    /// Removes a marker, by id. One that is gone is fine.
    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError>;
}

/// A note that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The one marker that was read; a later one of the same name has another id.
    pub id: ContainerId,
    /// Its text.
    pub text: String,
}
