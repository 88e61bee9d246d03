//! HAProxy through its runtime API: a Unix socket, on a machine that is reached by SSH or on this one.
//!
//! One command per connection, names that cannot end a command, answers with an end and a limit. Only an empty answer to
//! a change is success, and even that is read back (HAProxy's management guide, "Unix Socket commands").

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::counters::{Counters, Counting};
use super::{Admin, BalancerError, Health, LoadBalancer, Servers};
use crate::transport::{Socket, TransportError};

pub(super) mod answer;

/// Longest wait for an answer. HAProxy gives one at once or not at all.
const ANSWER: Duration = Duration::from_secs(5);
/// Longest answer that is read.
pub(super) const LONGEST: u64 = 1024 * 1024;

/// Which of HAProxy's sockets is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HaproxySocket {
    /// `stats socket` of a process. After a reload an old process may still answer on one that was inherited.
    Runtime(PathBuf),
    /// The master's (`haproxy -W -S`), which always leads to the process that takes new connections.
    Master(PathBuf),
}

impl HaproxySocket {
    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::Runtime(path) | Self::Master(path) => path,
        }
    }
}

/// The way to the runtime API of one HAProxy.
#[async_trait]
pub(super) trait Line: Send + Sync {
    /// Gives one command and returns all that comes back.
    async fn exchange(&self, command: &str) -> Result<Vec<u8>, BalancerError>;

    /// Ends the connection.
    async fn close(&self);
}

/// One HAProxy.
pub struct Haproxy(Box<dyn Line>);

/// A socket, with a connection for each command.
struct SocketLine {
    way: Box<dyn Socket>,
    is_master: bool,
}

impl Haproxy {
    /// The HAProxy behind a socket.
    pub fn new(way: Box<dyn Socket>, socket: &HaproxySocket) -> Self {
        Self(Box::new(SocketLine { way, is_master: matches!(socket, HaproxySocket::Master(_)) }))
    }

    /// The HAProxy at the end of a line.
    pub(super) fn at(line: Box<dyn Line>) -> Self {
        Self(line)
    }

    /// Gives one command and returns the whole answer.
    async fn ask(&self, command: &str) -> Result<String, BalancerError> {
        answer::whole(self.0.exchange(command).await?)
    }

    async fn set(&self, backend: &str, server: &str, admin: Admin) -> Result<(), BalancerError> {
        let (backend, server) = (answer::name(backend)?, answer::name(server)?);
        let state = if admin == Admin::Drain { "drain" } else { "ready" };
        answer::done(&self.ask(&format!("set server {backend}/{server} state {state}")).await?)?;
        let servers = self.servers(backend).await?;
        match servers.get(server).map(|server| server.admin) {
            Some(now) if now == admin => Ok(()),
            _ => Err(BalancerError::Refused(format!("HAProxy does not confirm {backend}/{server} as {state}"))),
        }
    }
}

#[async_trait]
impl Line for SocketLine {
    async fn exchange(&self, command: &str) -> Result<Vec<u8>, BalancerError> {
        let lost = |error: TransportError| BalancerError::Unreachable(error.message);
        let mut stream = self.way.open().await.map_err(lost)?;
        let line = if self.is_master { format!("@1 {command}\n") } else { format!("{command}\n") };
        let exchange = async {
            stream.write_all(line.as_bytes()).await?;
            // The master waits for more until it is told that there is none.
            stream.shutdown().await?;
            let mut answer = Vec::new();
            (&mut stream).take(LONGEST + 1).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        match timeout(ANSWER, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(BalancerError::InDoubt(format!("HAProxy's socket: {error}"))),
            Err(_) => Err(BalancerError::InDoubt(format!("HAProxy gave no answer in {} s", ANSWER.as_secs()))),
        }
    }

    async fn close(&self) {
        self.way.close().await;
    }
}

#[async_trait]
impl Counting for Haproxy {
    async fn counters(&self, backend: &str) -> Result<Counters, BalancerError> {
        let backend = answer::name(backend)?;
        let process = self.ask("show info").await?;
        let counters = self.ask(&format!("show stat {backend} 4 -1")).await?;
        answer::counters(backend, &process, &counters)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[async_trait]
impl LoadBalancer for Haproxy {
    async fn may_change(&self) -> Result<(), BalancerError> {
        let level = self.ask("show cli level").await?;
        match level.trim() {
            "admin" => Ok(()),
            other => {
                let other = answer::shown(other);
                Err(BalancerError::Refused(format!(
                    "HAProxy's socket has level `{other}`, and `level admin` is needed"
                )))
            }
        }
    }

    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError> {
        let backend = answer::name(backend)?;
        let states = self.ask(&format!("show servers state {backend}")).await?;
        // Type 4: servers.
        let counters = self.ask(&format!("show stat {backend} 4 -1")).await?;
        answer::servers(backend, &states, &counters)
    }

    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        self.set(backend, server, Admin::Drain).await
    }

    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        self.set(backend, server, Admin::Ready).await
    }

    async fn forget(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        let (backend, server) = (answer::name(backend)?, answer::name(server)?);
        // What it does not check would stay down for ever.
        if self.server(backend, server).await?.is_none_or(|seen| seen.health == Health::Unchecked) {
            return Ok(());
        }
        answer::done(&self.ask(&format!("set server {backend}/{server} health down")).await?)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
