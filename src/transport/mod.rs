//! Reaching one host: a byte stream to its engine's socket, and one to any TCP port as seen from there. And reaching a
//! load balancer's socket.
//!
//! One connection per host and run. There is deliberately no Docker in here, and no retry: who calls
//! knows what a failed call means.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::fleet::{Endpoint, Host, SshDestination};

pub mod process;
pub mod ssh;
pub mod tcp;
pub mod unix;

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where the kernel lists what [`Transport::sockets`] reads of a process.
pub(crate) fn lists_of(process: u32) -> [String; 3] {
    ["cgroup", "net/tcp", "net/tcp6"].map(|list| format!("/proc/{process}/{list}"))
}

/// A way to one host.
#[async_trait]
pub trait Transport: Send + Sync {
    /// A new stream to the engine's API.
    async fn engine(&self) -> Result<Box<dyn Stream>, TransportError>;

    /// A new stream to a TCP address as the host itself sees it (a container's address, or loopback).
    /// `None` where this transport has no way to do that: a bare Docker endpoint.
    async fn dial(&self, to: SocketAddr) -> Option<Result<Box<dyn Stream>, TransportError>>;

    /// What the host's kernel lists of a process: the groups that it is in, and behind them the TCP sockets of its network.
    /// `None` where this transport has no way to read that: a bare Docker endpoint.
    async fn sockets(&self, process: u32) -> Option<Result<String, TransportError>>;

    /// Starts a program of the host with just these words, which no shell of the host reads anything else into. `None` where
    /// this transport has no way to do that: an engine's API alone.
    async fn start(&self, words: &[String]) -> Option<Result<Program, TransportError>>;

    /// The host's address as seen from here, for published ports; `None` for a socket of this machine (loopback).
    fn address(&self) -> Option<String>;

    /// Ends the connection and everything that belongs to it.
    async fn close(&self);
}

/// A program that runs on a host. It may run on there when this is dropped.
pub struct Program {
    /// What it reads; the end of that once this is dropped.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// What it writes to its standard output.
    pub output: Box<dyn AsyncRead + Send + Unpin>,
    /// What it writes to its standard error.
    pub complaints: Box<dyn AsyncRead + Send + Unpin>,
    /// Its exit code, once both have come to their end; `None` if a signal or a lost connection has ended it.
    pub ended: BoxFuture<'static, Option<u8>>,
}

/// What became of a program of a host that was run to its end.
pub struct Answer {
    /// Its exit code; `None` if a signal or a lost connection has ended it.
    pub code: Option<u8>,
    /// The beginning of what it wrote to its standard output.
    pub output: String,
    /// The beginning of what it wrote to its standard error.
    pub complaints: String,
}

/// What a program writes beyond so many bytes is not kept.
const MOST: u64 = 1024 * 1024;

impl Program {
    /// Lets it read `input`, and waits for its end.
    pub async fn answer(self, input: &[u8]) -> Answer {
        let Self { input: mut sink, output, complaints, ended } = self;
        let feeding = async move {
            // A program that ends early reads no more; how it ended says why.
            let _early = sink.write_all(input).await;
            let _early = sink.shutdown().await;
            drop(sink);
        };
        let ((), output, complaints) = tokio::join!(feeding, keep(output), keep(complaints));
        Answer { code: ended.await, output, complaints }
    }
}

/// Reads to the end, and keeps the beginning.
async fn keep(stream: Box<dyn AsyncRead + Send + Unpin>) -> String {
    let mut limited = stream.take(MOST);
    let mut kept = Vec::new();
    // What cannot be read is not there; how the program ended says more.
    let _read = limited.read_to_end(&mut kept).await;
    let _rest = tokio::io::copy(&mut limited.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

/// A way to what listens on a machine and is no engine, such as a load balancer's.
#[async_trait]
pub trait Socket: Send + Sync {
    /// A new stream to it.
    async fn open(&self) -> Result<Box<dyn Stream>, TransportError>;

    /// Ends the connection and everything that belongs to it.
    async fn close(&self);
}

/// A TCP port of a host as the host itself sees it, through the connection to the host.
pub struct PortOf(pub Arc<dyn Transport>, pub SocketAddr);

#[async_trait]
impl Socket for PortOf {
    async fn open(&self) -> Result<Box<dyn Stream>, TransportError> {
        let Self(transport, to) = self;
        transport.dial(*to).await.unwrap_or_else(|| {
            let message = format!("there is no way to {to} of a host that is reached by its engine's API alone");
            Err(TransportError { message, hint: Some("reach the host by SSH".to_owned()) })
        })
    }

    /// The connection is the host's.
    async fn close(&self) {}
}

/// Where something listens on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At a Unix socket.
    Socket(PathBuf),
    /// At a TCP port, of this name or address as the machine itself sees it.
    Port(String, u16),
}

/// The way to what listens on another machine, or on this one. Nothing is contacted yet.
pub fn socket(ssh: Option<&SshDestination>, place: Place) -> Box<dyn Socket> {
    match (ssh, place) {
        (Some(destination), place) => Box::new(ssh::SshSocket::new(destination.clone(), place)),
        (None, Place::Socket(path)) => Box::new(unix::UnixSocket(path)),
        (None, Place::Port(host, port)) => Box::new(tcp::TcpSocket(host, port)),
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
        // Boxed because it is deep, and everything that visits hosts is above it.
        Endpoint::Ssh(destination) => Ok(Arc::new(Box::pin(ssh::SshTransport::connect(destination)).await?)),
        Endpoint::Tcp { host, port, tls } => Ok(Arc::new(tcp::TcpTransport::connect(host, *port, tls.as_ref())?)),
        Endpoint::Unix(path) => Ok(Arc::new(unix::UnixTransport::new(path.clone()))),
    }
}

/// Opens the one connection to a host without looking for an engine there, which is done when it is asked for. `None` where
/// there is no other way to the host than its engine's API.
pub async fn reach(host: &Host) -> Option<Result<Arc<dyn Transport>, TransportError>> {
    let Endpoint::Ssh(destination) = &host.endpoint else { return None };
    let opened = Box::pin(ssh::SshTransport::reach(destination)).await;
    Some(opened.map(|transport| Arc::new(transport) as Arc<dyn Transport>))
}
