//! A socket or port of a machine that is reached by SSH, other than its engine's.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use openssh::{ForwardType, Session, Socket as Target};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::master::Master;
use super::private_dir::PrivateDir;
use crate::fleet::SshDestination;
use crate::transport::{Place, Socket, Stream, TransportError};

const CONTROL: &str = "c";
const FORWARDED: &str = "s";

/// One socket behind a connection of its own. A connection that was lost is made anew by the next call.
pub struct SshSocket {
    destination: SshDestination,
    place: Place,
    line: Mutex<Option<Arc<Line>>>,
}

struct Line {
    local: PathBuf,
    // Dropped in this order: the master ends before its sockets go.
    master: Master,
    _dir: PrivateDir,
}

impl SshSocket {
    /// Nothing is connected yet.
    pub fn new(destination: SshDestination, place: Place) -> Self {
        Self { destination, place, line: Mutex::default() }
    }

    async fn line(&self) -> Result<Arc<Line>, TransportError> {
        let mut line = self.line.lock().await;
        if let Some(line) = line.as_ref().filter(|line| line.master.is_alive()) {
            return Ok(Arc::clone(line));
        }
        let fresh = Arc::new(self.connect().await?);
        *line = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn connect(&self) -> Result<Line, TransportError> {
        let dir = PrivateDir::create().map_err(|error| self.failed(&format!("no private directory: {error}")))?;
        let master = Master::start(&self.destination, &dir, CONTROL).await?;
        let session = Session::resume_mux(dir.join(CONTROL).into_boxed_path(), None);
        let local = dir.join(FORWARDED);
        let (target, name) = match &self.place {
            Place::Socket(path) => (Target::from(path.as_path()), path.display().to_string()),
            Place::Port(host, port) => (Target::new(host.as_str(), *port), format!("{host}:{port}")),
        };
        let forward = session.request_port_forward(ForwardType::Local, local.as_path(), target).await;
        forward.map_err(|error| self.failed(&format!("{name} cannot be forwarded: {error}")))?;
        Ok(Line { local, master, _dir: dir })
    }

    fn failed(&self, what: &str) -> TransportError {
        TransportError { message: format!("ssh {}: {what}", self.destination), hint: None }
    }
}

#[async_trait]
impl Socket for SshSocket {
    async fn open(&self) -> Result<Box<dyn Stream>, TransportError> {
        let line = self.line().await?;
        match UnixStream::connect(&line.local).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.failed(&format!("the connection is lost: {error}"))),
        }
    }

    async fn close(&self) {
        let line = self.line.lock().await.take();
        if let Some(line) = line {
            line.master.close().await;
        }
    }
}
