//! Reaching one host: a byte stream to its engine's socket, and one to any TCP port as seen from there. And reaching a
//! load balancer's socket.
//!
//! One connection per host and run. There is deliberately no Docker in here, and no retry: who calls
//! knows what a failed call means.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::fleet::{Endpoint, Host, SshDestination};

pub mod process;
pub mod ssh;
pub mod tcp;
pub mod unix;

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A way to one host.
#[async_trait]
pub trait Transport: Send + Sync {
    /// A new stream to the engine's API.
    async fn engine(&self) -> Result<Box<dyn Stream>, TransportError>;

    /// A new stream to a TCP address as the host itself sees it (a container's address, or loopback).
    /// `None` where this transport has no way to do that: a bare Docker endpoint.
    async fn dial(&self, to: SocketAddr) -> Option<Result<Box<dyn Stream>, TransportError>>;

    /// The host's address as seen from here, for published ports; `None` for a socket of this machine (loopback).
    fn address(&self) -> Option<String>;

    /// Ends the connection and everything that belongs to it.
    async fn close(&self);
}

/// A way to one socket of a machine that is not an engine's, such as a load balancer's.
#[async_trait]
pub trait Socket: Send + Sync {
    /// A new stream to it.
    async fn open(&self) -> Result<Box<dyn Stream>, TransportError>;

    /// Ends the connection and everything that belongs to it.
    async fn close(&self);
}

/// The way to a socket of another machine, or of this one. Nothing is contacted yet.
pub fn socket(ssh: Option<&SshDestination>, path: &Path) -> Box<dyn Socket> {
    match ssh {
        Some(destination) => Box::new(ssh::SshSocket::new(destination.clone(), path.to_owned())),
        None => Box::new(unix::UnixSocket(path.to_owned())),
    }
}

/// Why a host cannot be reached.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// What failed and why.
    pub message: String,
    /// The command that would fix it, where there is one.
    pub hint: Option<String>,
}

/// Opens the one connection to a host.
pub async fn connect(host: &Host) -> Result<Arc<dyn Transport>, TransportError> {
    match &host.endpoint {
        Endpoint::Ssh(destination) => Ok(Arc::new(ssh::SshTransport::connect(destination).await?)),
        Endpoint::Tcp { host, port, tls } => Ok(Arc::new(tcp::TcpTransport::connect(host, *port, tls.as_ref())?)),
        Endpoint::Unix(path) => Ok(Arc::new(unix::UnixTransport::new(path.clone()))),
    }
}
