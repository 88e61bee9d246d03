//! An engine on this machine, by its socket.

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::net::{TcpStream, UnixStream};

use super::{Program, Socket, Stream, Transport, TransportError, lists_of};

/// A way to the engine of this machine.
#[derive(Debug)]
pub struct UnixTransport {
    socket: PathBuf,
}

impl UnixTransport {
    /// The engine that listens at `socket`. Nothing is contacted yet.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    fn error(&self, error: &std::io::Error) -> TransportError {
        let hint = match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                Some("add yourself to the group that owns the socket: sudo usermod -aG docker \"$USER\"")
            }
            std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
                Some("start the engine: sudo systemctl start docker")
            }
            _ => None,
        };
        TransportError {
            message: format!("cannot connect to {}: {error}", self.socket.display()),
            hint: hint.map(str::to_owned),
        }
    }
}

#[async_trait]
impl Transport for UnixTransport {
    async fn engine(&self) -> Result<Box<dyn Stream>, TransportError> {
        match UnixStream::connect(&self.socket).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.error(&error)),
        }
    }

    async fn dial(&self, to: SocketAddr) -> Option<Result<Box<dyn Stream>, TransportError>> {
        Some(match TcpStream::connect(to).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(TransportError { message: format!("cannot connect to {to}: {error}"), hint: None }),
        })
    }

    async fn sockets(&self, process: u32) -> Option<Result<String, TransportError>> {
        let mut text = String::new();
        for list in lists_of(process) {
            // What is not there lists nothing; the reader knows what it must not do without.
            text.push_str(&tokio::fs::read_to_string(list).await.unwrap_or_default());
        }
        Some(Ok(text))
    }

    async fn start(&self, _words: &[String]) -> Option<Result<Program, TransportError>> {
        None
    }

    fn address(&self) -> Option<String> {
        None
    }

    async fn close(&self) {}
}

/// A socket of this machine that is not an engine's.
#[derive(Debug)]
pub struct UnixSocket(pub PathBuf);

#[async_trait]
impl Socket for UnixSocket {
    async fn open(&self) -> Result<Box<dyn Stream>, TransportError> {
        let failed =
            |error| TransportError { message: format!("cannot connect to {}: {error}", self.0.display()), hint: None };
        Ok(Box::new(UnixStream::connect(&self.0).await.map_err(failed)?))
    }

    async fn close(&self) {}
}
