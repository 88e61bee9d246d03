//! What the engine of one host says of itself and of its surroundings, as a door. Nothing here changes a host.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;

use super::EngineError;
use crate::environment::Scope;
use crate::fleet::checkup::EngineFacts;

/// Asks an engine about itself.
#[async_trait]
pub trait Checkup: Send + Sync {
    /// What it says of itself, but for its clock; and what time it is there, if it tells.
    async fn facts(&self) -> Result<(EngineFacts, Option<Timestamp>), EngineError>;

    /// TCP ports of the host that running containers have: those of `scope`, and those of others with the containers' names.
    /// Nothing of a container is read for it, which takes room on the host's disk.
    async fn ports(&self, scope: &Scope) -> Result<(BTreeSet<u16>, BTreeMap<u16, String>), EngineError>;

    /// Whether a registry, given as `host[:port]`, answers it, with whatever the engine knows of names, proxies and
    /// certificates. That it does not let us in is an answer.
    async fn reach(&self, registry: &str) -> Result<(), EngineError>;
}
