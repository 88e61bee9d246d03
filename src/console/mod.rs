//! What containers of a whole fleet print, put together: merged by time, followed across what happens to hosts and containers.

use jiff::Timestamp;
use serde::Serialize;

use crate::engine::console::{Said, Sighting, Stream};
use crate::name::{HostName, ServiceName};

pub mod archive;
pub mod bookmark;
pub mod choice;
pub mod follow;
pub mod happenings;
pub mod history;
pub mod merge;
pub mod moment;
pub mod session;
pub mod sieve;
pub mod unpack;
pub mod window;

/// A line that a container of the fleet has printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When, by the host's clock.
    pub at: Timestamp,
    /// Where.
    pub host: HostName,
    /// Of which service.
    pub service: ServiceName,
    /// Number of the release that created the container.
    pub release: u64,
    /// The container's name.
    pub container: String,
    /// Where to.
    pub stream: Stream,
    /// Without what would act on a terminal, and without values of secrets.
    pub line: String,
}

/// A line that a program on a host itself has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostLine {
    /// When it came, by the operator's clock.
    pub at: Timestamp,
    /// Where.
    pub host: HostName,
    /// Where to.
    pub stream: Stream,
    /// Without what would act on a terminal, and without values of secrets.
    pub line: String,
}

impl Line {
    /// What a container on a host has said.
    pub fn of(host: &HostName, container: &Sighting, said: Said) -> Self {
        let Said { at, stream, text } = said;
        let Sighting { service, release, name, .. } = container.clone();
        Self { at, host: host.clone(), service, release, container: name, stream, line: text }
    }
}
