//! What the containers of one host tell while somebody listens, as a door: production listens to a real engine, tests to a
//! host in memory. Nothing here changes a host.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use super::EngineError;
use super::usage::Usage;
use crate::container::ContainerId;
use crate::environment::Scope;
use crate::name::ServiceName;

/// The containers of one host, to be listened to.
#[async_trait]
pub trait Console: Send + Sync {
    /// The containers of services of `scope`, also those that do not run, in one request.
    async fn sightings(&self, scope: &Scope) -> Result<Vec<Sighting>, EngineError>;

    /// What a container has printed, in its order. With `follow` the stream goes on until the container ends, and ends without
    /// an error then; a connection that is lost ends it with one.
    fn said(&self, id: &ContainerId, wanted: &Wanted) -> BoxStream<'static, Result<Said, EngineError>>;

    /// What a container uses. An engine takes a second or two to tell.
    async fn usage(&self, id: &ContainerId) -> Result<Usage, EngineError>;

    /// What has happened to containers of services of `scope`, in order, as far as the engine still knows it, and what happens
    /// from now on; the stream ends by itself only at `until`.
    fn happened(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> BoxStream<'static, Result<Happened, EngineError>>;

    /// Each time that a container of `scope` is started. The stream has no end but an error.
    fn starts(&self, scope: &Scope) -> BoxStream<'static, Result<(), EngineError>>;
}

/// Something that has happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When, by the host's clock.
    pub at: Timestamp,
    /// Whose container it is.
    pub service: ServiceName,
    /// Number of the release that created it.
    pub release: u64,
    /// Its name.
    pub container: String,
    /// What, in the engine's words.
    pub action: String,
    /// Exit code of a container that has ended.
    pub exit_code: Option<i64>,
}

/// A container of a service, at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Engine's id.
    pub id: ContainerId,
    /// Name without a leading slash.
    pub name: String,
    /// Whose container it is.
    pub service: ServiceName,
    /// Number of the release that created it.
    pub release: u64,
    /// Whether it runs, or is about to be started again by the engine.
    pub runs: bool,
}

/// Which lines of a container are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// None before this; the engine may give some that are up to a second earlier.
    pub since: Option<Timestamp>,
    /// None after this; the engine may give some that are up to a second later.
    pub until: Option<Timestamp>,
    /// At most so many, the last ones.
    pub tail: Option<usize>,
    /// Whether to wait for more.
    pub follow: bool,
}

/// A line that a container has printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When, by the host's clock.
    pub at: Timestamp,
    /// Where to.
    pub stream: Stream,
    /// Without what would act on a terminal.
    pub text: String,
}

/// Where a program prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output, and all that a program with a terminal prints.
    Stdout,
    /// Standard error.
    Stderr,
}
