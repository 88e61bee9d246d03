//! One probe of one container, as a door. No loops: intervals, deadlines and verdicts are the gate's
//! (`rollout::gate`).

use async_trait::async_trait;

use crate::container::ContainerId;
use crate::environment::{Health, Port, Smoke};

pub mod prober;

/// Asks containers of one host.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Asks what the gate asks, once, and waits at most its `timeout` for the answer. Anything but a clear yes of this
    /// container is [`NotReady`].
    async fn probe(&self, container: &ContainerId, ports: &[Port], health: &Health) -> Result<(), NotReady>;

    /// Makes one request to the container. Anything but the answer that it must get is [`NotReady`].
    async fn smoke(&self, container: &ContainerId, ports: &[Port], request: &Smoke) -> Result<(), NotReady>;

    /// Whether something on the host accepts connections on a TCP port now; `None` if that cannot be told.
    async fn port_in_use(&self, port: u16) -> Option<bool>;
}

/// The container did not say yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);
