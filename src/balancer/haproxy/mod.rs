//! HAProxy through its runtime API: a Unix socket, on a machine that is reached by SSH or on this one.
//!
//! One command per connection, names that cannot end a command, answers with an end and a limit. Only an empty answer to
//! a change is success, and even that is read back (HAProxy's management guide, "Unix Socket commands").

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::counters::{Counters, Counting};
use super::{Admin, BalancerError, Health, LoadBalancer, Servers};
use crate::transport::{Socket, TransportError};

pub(super) mod answer;

/// Longest wait for an answer. HAProxy gives one at once or not at all.
const ANSWER: Duration = Duration::from_secs(5);
/// Pauses before a command is given again to a master that has hung up: it starts anew with each reload of HAProxy, and then
/// drops whom it has not answered. Every command here may be given twice.
const AGAIN: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1)];
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

impl SocketLine {
    async fn once(&self, command: &str) -> Result<std::io::Result<Vec<u8>>, BalancerError> {
        let lost = |error: TransportError| BalancerError::Unreachable(error.message);
        let mut stream = self.way.open().await.map_err(lost)?;
        let line = if self.is_master { format!("@1 {command}\n") } else { format!("{command}\n") };
        let exchange = async {
            stream.write_all(line.as_bytes()).await?;
            // The master waits for more until it is told that there is none.
            stream.shutdown().await?;
            let mut answer = Vec::new();
            (&mut stream).take(LONGEST + 1).read_to_end(&mut answer).await?;
            Ok(answer)
        };
        let silent = |_| BalancerError::InDoubt(format!("HAProxy gave no answer in {} s", ANSWER.as_secs()));
        timeout(ANSWER, exchange).await.map_err(silent)
    }
}

#[async_trait]
impl Line for SocketLine {
    async fn exchange(&self, command: &str) -> Result<Vec<u8>, BalancerError> {
        let mut pauses = AGAIN.iter().filter(|_| self.is_master);
        loop {
            let answer = self.once(command).await?;
            let has_hung_up = match &answer {
                Ok(answer) => answer.is_empty(),
                Err(error) => matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
            };
            match pauses.next() {
                Some(pause) if has_hung_up => sleep(*pause).await,
                _ => return answer.map_err(|error| BalancerError::InDoubt(format!("HAProxy's socket: {error}"))),
            }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::duplex;

    use super::*;
    use crate::transport::Stream;

    /// Hangs up so often, and then says `admin`.
    struct Starting(AtomicUsize);

    #[async_trait]
    impl Socket for Starting {
        async fn open(&self) -> Result<Box<dyn Stream>, TransportError> {
            let (near, mut far) = duplex(64);
            let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            tokio::spawn(async move {
                let mut asked = Vec::new();
                far.read_to_end(&mut asked).await.expect("a command");
                if left.is_err() {
                    far.write_all(b"admin\n\n").await.expect("it listens");
                }
            });
            Ok(Box::new(near))
        }

        async fn close(&self) {}
    }

    async fn may_change(hung_up: usize, socket: &HaproxySocket) -> Result<(), BalancerError> {
        Haproxy::new(Box::new(Starting(AtomicUsize::new(hung_up))), socket).may_change().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_master_that_starts_anew_is_asked_again() {
        let master = HaproxySocket::Master("/run/haproxy-master.sock".into());
        assert_eq!(may_change(AGAIN.len(), &master).await, Ok(()));
        assert!(matches!(may_change(AGAIN.len() + 1, &master).await, Err(BalancerError::InDoubt(_))));
        let process = HaproxySocket::Runtime("/run/haproxy.sock".into());
        assert!(matches!(may_change(1, &process).await, Err(BalancerError::InDoubt(_))), "a process has ended");
    }
}
