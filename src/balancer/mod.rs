//! The door to a load balancer: how it sees its servers, and taking one of them out of traffic and back.
//!
//! Deliberately absent: plans, engines, waiting, and any choice of when to drain. Those are the planner's and the
//! rollout's.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::engine::EngineError;

pub mod caddy;
pub mod command;
pub mod consul;
pub mod counters;
pub mod edge;
mod exec;
pub mod haproxy;
mod http;
pub mod kamal_proxy;
mod member;
mod servers;

pub use member::{Member, Members};
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

    /// One server of a backend; `None` if there is none of that name.
    async fn server(&self, backend: &str, server: &str) -> Result<Option<Server>, BalancerError> {
        Ok(self.servers(backend).await?.remove(server))
    }

    /// From now on the server is given nothing new; what it is at is finished. Its health goes on being checked. When
    /// this returns the balancer has confirmed it.
    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError>;

    /// The server is given requests again, as far as the balancer finds it healthy. When this returns the balancer has
    /// confirmed it.
    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError>;

    /// What its own checks have found of a server no longer holds, as another container is about to run there: it counts as
    /// healthy when they have found it so anew. Nothing is done where it has no checks, or none that can be told so.
    async fn forget(&self, _backend: &str, _server: &str) -> Result<(), BalancerError> {
        Ok(())
    }

    /// For how long `drain` and `admit` may keep us waiting, beyond what any call may.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

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
