//! Files of the containers of one host, as archives that pass, as a door.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::EngineError;
use crate::container::ContainerId;

/// Reads and writes files of containers, running or not.
#[async_trait]
pub trait Archives: Send + Sync {
    /// An archive of a file or directory, under its own name.
    fn read(&self, id: &ContainerId, path: &str) -> BoxStream<'static, Result<Bytes, EngineError>>;

    /// Whether there is a directory at this path, also at the end of a link.
    async fn is_directory(&self, id: &ContainerId, path: &str) -> Result<bool, EngineError>;

    /// Unpacks an archive in a directory of the container. No directory of it is replaced by something else, or the reverse.
    async fn write(&self, id: &ContainerId, path: &str, archive: BoxStream<'static, Bytes>) -> Result<(), EngineError>;
}
