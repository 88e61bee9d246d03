//! Programs that somebody runs by hand in the containers of one host, as a door.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::EngineError;
use super::console::Stream;
use crate::container::ContainerId;
use crate::environment::Scope;
use crate::fleet::stamp::Stamp;

/// Runs programs in containers.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Starts a program in a container that runs.
    async fn exec(&self, id: &ContainerId, program: &Program) -> Result<Session, EngineError>;

    /// Creates a container beside one of a service: of the same image and configuration, with the same environment, networks,
    /// volumes and files, but without ports, health check, restart policy and a seat behind the edge, and under no name of the
    /// service's.
    async fn create_beside(&self, id: &ContainerId, one_off: &OneOff) -> Result<ContainerId, EngineError>;

    /// Starts it, with its ends in our hands from the first byte on.
    async fn start_attached(&self, id: &ContainerId, one_off: &OneOff) -> Result<Session, EngineError>;

    /// Starts it, and leaves it alone.
    async fn start(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Tells a program with a terminal how large it is.
    async fn resize(&self, running: &Running, size: Size) -> Result<(), EngineError>;

    /// How a program has ended; `None` if the engine does not know.
    async fn code(&self, running: &Running) -> Result<Option<i64>, EngineError>;
}

/// What is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// As whom; the container's own user if `None`.
    pub user: Option<String>,
    /// Where; the container's own directory if `None`.
    pub directory: Option<String>,
    /// Whether it is given something to read.
    pub reads: bool,
    /// The terminal that it gets, if any.
    pub terminal: Option<Size>,
}

/// A container for one program.
#[derive(Debug, Clone)]
pub struct OneOff {
    /// Project and environment.
    pub scope: Scope,
    /// The container's name.
    pub name: String,
    /// What it says about itself: that it is none of the service's.
    pub stamp: Stamp,
    /// What it runs; its words are in the place of the service's command.
    pub program: Program,
    /// In the place of the image's entrypoint.
    pub entrypoint: Option<String>,
    /// Files that were copied into the service's container, and are copied from there.
    pub files: Vec<String>,
    /// Whether it stays when the program has ended; otherwise the engine removes it.
    pub keep: bool,
}

/// Size of a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// A program that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Running {
    /// In a container that has a program of its own, by the engine's id.
    Exec(String),
    /// As the program of a container.
    Container(ContainerId),
}

/// What a program has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where to.
    pub stream: Stream,
    /// Just as it is.
    pub bytes: Bytes,
}

/// The two ends of a program.
pub struct Session {
    /// Which program.
    pub running: Running,
    /// What it writes; ends when the program has.
    pub output: BoxStream<'static, Result<Written, EngineError>>,
    /// What it reads; to be shut down at the end.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// How it will have ended, where the engine is not to be asked for that afterwards.
    pub ended: Option<BoxFuture<'static, Result<Option<i64>, EngineError>>>,
}
