//! One probe of one container, as a door. No loops: intervals, deadlines and verdicts are the gate's
//! (`rollout::gate`).

use std::time::Duration;

use async_trait::async_trait;

use crate::container::ContainerId;
use crate::environment::{Check, Port};

pub mod prober;

/// Asks containers of one host.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Asks once, and waits at most `timeout` for the answer. Anything but a clear yes is [`NotReady`].
    async fn probe(
        &self,
        container: &ContainerId,
        ports: &[Port],
        check: &Check,
        timeout: Duration,
    ) -> Result<(), NotReady>;

    /// Whether something on the host accepts connections on a TCP port now; `None` if that cannot be told.
    async fn port_in_use(&self, port: u16) -> Option<bool>;
}

/// The container did not say yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);
