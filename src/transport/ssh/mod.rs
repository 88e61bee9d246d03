//! A host behind the user's own OpenSSH: their configuration, agent, jump hosts and known keys.
//!
//! One master connection per host; every stream is a channel of it. Host keys are checked strictly,
//! whatever the configuration says. The variable `SHIPCTL_SSH_CONFIG` names a configuration file that ssh
//! reads in place of the usual ones.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Program, Stream, Transport, TransportError};
use crate::fleet::SshDestination;

mod link;
mod master;
mod private_dir;
mod refusal;
mod relay;
mod socket;
mod words;

use link::Link;
pub use master::SSH_CONFIG_VARIABLE;
pub use socket::SshSocket;

/// A way to a host by SSH. A connection that was lost is made anew by the next call that needs it; the call
/// that it was lost under fails, because only its caller knows what that means.
pub struct SshTransport {
    destination: SshDestination,
    state: Mutex<State>,
}

enum State {
    Open(Arc<Link>),
    Lost,
    Closed,
}

impl SshTransport {
    /// Connects and finds the engine.
    pub async fn connect(destination: &SshDestination) -> Result<Self, TransportError> {
        let transport = Self::reach(destination).await?;
        transport.link().await?.find_engine().await?;
        Ok(transport)
    }

    /// Connects. The engine is looked for when it is asked for.
    pub async fn reach(destination: &SshDestination) -> Result<Self, TransportError> {
        let link = Link::open(destination).await?;
        Ok(Self { destination: destination.clone(), state: Mutex::new(State::Open(Arc::new(link))) })
    }

    async fn link(&self) -> Result<Arc<Link>, TransportError> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Open(link) if link.is_alive() => return Ok(Arc::clone(link)),
            State::Closed => {
                return Err(TransportError { message: format!("ssh {}: closed", self.destination), hint: None });
            }
            State::Open(_) | State::Lost => {}
        }
        *state = State::Lost;
        let link = Arc::new(Link::open(&self.destination).await?);
        *state = State::Open(Arc::clone(&link));
        Ok(link)
    }
}

#[async_trait]
impl Transport for SshTransport {
    async fn engine(&self) -> Result<Box<dyn Stream>, TransportError> {
        self.link().await?.engine().await
    }

    async fn dial(&self, to: SocketAddr) -> Option<Result<Box<dyn Stream>, TransportError>> {
        Some(match self.link().await {
            Ok(link) => link.dial(to).await,
            Err(error) => Err(error),
        })
    }

    async fn sockets(&self, process: u32) -> Option<Result<String, TransportError>> {
        Some(match self.link().await {
            Ok(link) => link.sockets(process).await,
            Err(error) => Err(error),
        })
    }

    async fn start(&self, words: &[String]) -> Option<Result<Program, TransportError>> {
        Some(match self.link().await {
            Ok(link) => link.start(words).await,
            Err(error) => Err(error),
        })
    }

    fn address(&self) -> Option<String> {
        Some(self.destination.host.clone())
    }

    async fn close(&self) {
        let state = std::mem::replace(&mut *self.state.lock().await, State::Closed);
        if let State::Open(link) = state {
            link.close().await;
        }
    }
}
