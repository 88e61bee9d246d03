//! The door to a load balancer: how it sees its servers, and taking one of them out of traffic and back.
//!
//! Deliberately absent: plans, engines, waiting, and any choice of when to drain. Those are the planner's and the
//! rollout's.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::engine::EngineError;

pub mod haproxy;
mod servers;

pub use servers::{Admin, Health, Server};

/// All servers of one backend, by name, as one balancer sees them.
pub type Servers = BTreeMap<String, Server>;

/// One load balancer. Every call may be made again: it changes nothing that is already so.
#[async_trait]
pub trait LoadBalancer: Send + Sync {
    /// Whether we are allowed to change anything; [`BalancerError::Refused`] says why not.
    async fn may_change(&self) -> Result<(), BalancerError>;

    /// The servers of a backend.
    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError>;

    /// From now on the server is given nothing new; what it is at is finished. Its health goes on being checked. When
    /// this returns the balancer has confirmed it.
    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError>;

    /// The server is given requests again, as far as the balancer finds it healthy. When this returns the balancer has
    /// confirmed it.
    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError>;

    /// Ends the connection.
    async fn close(&self);
}

/// Why a call to a balancer did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BalancerError {
    /// It answered, and refused: the call did not take hold.
    #[error("{0}")]
    Refused(String),
    /// It could not be reached, so the call was never made.
    #[error("{0}")]
    Unreachable(String),
    /// No answer, or not a whole one: the call may have taken hold, may not have, or may still do so later.
    #[error("{0}")]
    InDoubt(String),
}

/// A rollout repeats, doubts and undoes calls to balancers by the same rules as calls to engines.
impl From<BalancerError> for EngineError {
    fn from(error: BalancerError) -> Self {
        match error {
            BalancerError::Refused(why) => Self::Refused(why),
            BalancerError::Unreachable(why) => Self::Unreachable(why),
            BalancerError::InDoubt(why) => Self::InDoubt(why),
        }
    }
}
