//! Files of containers of Docker.

use async_trait::async_trait;
use bollard::body_stream;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::DockerEngine;
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::archives::Archives;

/// Says in a mode, as Go writes it, that it is a directory's.
const DIRECTORY: u32 = 1 << 31;

#[async_trait]
impl Archives for DockerEngine {
    fn read(&self, id: &ContainerId, path: &str) -> BoxStream<'static, Result<Bytes, EngineError>> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        self.docker().download_from_container(&id.0, Some(options)).map(|part| Ok(part?)).boxed()
    }

    async fn is_directory(&self, id: &ContainerId, path: &str) -> Result<bool, EngineError> {
        // With a slash behind it the engine follows a link, and takes nothing but a directory.
        let path = format!("{}/", path.trim_end_matches('/'));
        let options = ContainerArchiveInfoOptionsBuilder::new().path(&path).build();
        match self.short(self.docker().get_container_archive_info(&id.0, Some(options))).await {
            Ok(facts) => Ok(facts.file_mode & DIRECTORY != 0),
            Err(EngineError::NotFound(_)) => Ok(false),
            // An answer to this question has no words, only a status.
            Err(EngineError::Refused(why)) if why.starts_with("status 4") => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, id: &ContainerId, path: &str, archive: BoxStream<'static, Bytes>) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path(path).no_overwrite_dir_non_dir("true").build();
        // As long as it takes: who waits sees how far it is.
        Ok(self.docker().upload_to_container(&id.0, Some(options), body_stream(archive)).await?)
    }
}
