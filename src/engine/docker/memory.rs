//! Secrets in a host's memory, through the engine alone: a container that is never started mounts [`memory::ROOT`], so that
//! what is copied into it lands there. Nothing can be deleted this way, but a file can take a directory's place.

use bollard::body_full;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::UploadToContainerOptionsBuilder;

use super::{DockerEngine, files};
use crate::container::ContainerId;
use crate::engine::{EngineError, memory};
use crate::template::rendered::RenderedFile;

/// The container, on every host.
const WINDOW: &str = "shipctl-memory";
/// Where the host's directory is in it.
const PLACE: &str = "/memory";
/// Is written last, beside the files: without it they are not all there.
const COMPLETE: &str = "complete";

impl DockerEngine {
    /// Makes the files be there, in the order of [`memory::mounts`].
    pub(super) async fn put_in_memory(&self, directory: &str, files: &[&RenderedFile]) -> Result<(), EngineError> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut pack = || {
            let place = format!("{}/{directory}", &PLACE[1..]);
            files::append_directory(&mut archive, &place, 0o700)?;
            for (index, file) in files.iter().enumerate() {
                files::append(&mut archive, &format!("{place}/{index}"), &file.target, file.bytes())?;
            }
            files::append_plain(&mut archive, &format!("{place}/{COMPLETE}"), b"1")
        };
        pack()
            .and_then(|()| archive.into_inner())
            .map_err(|error| unpacked(&error))
            .map(|archive| self.upload_to_memory(archive))?
            .await
    }

    /// Whether all files of a directory are there: they are gone when the host was restarted.
    pub(super) async fn is_in_memory(&self, directory: &str) -> Result<bool, EngineError> {
        let window = ContainerId(WINDOW.to_owned());
        let found = files::read(&self.client, &window, &format!("{PLACE}/{directory}/{COMPLETE}")).await?;
        Ok(found.is_some())
    }

    /// Takes the files of a container out of memory, unless another container has the same ones.
    pub(super) async fn forget(&self, id: &ContainerId, directory: &str) -> Result<(), EngineError> {
        let users = self.labelled(memory::LABEL, directory).await?;
        if users.iter().any(|user| user.id.as_ref() != Some(&id.0)) {
            return Ok(());
        }
        self.clear_memory(directory).await
    }

    /// Takes a directory out of memory. What is left is an empty file of its name, until the host is restarted.
    pub(super) async fn clear_memory(&self, directory: &str) -> Result<(), EngineError> {
        let mut archive = tar::Builder::new(Vec::new());
        files::append_plain(&mut archive, &format!("{}/{directory}", &PLACE[1..]), b"")
            .and_then(|()| archive.into_inner())
            .map_err(|error| unpacked(&error))
            .map(|archive| self.upload_to_memory(archive))?
            .await
    }

    async fn upload_to_memory(&self, archive: Vec<u8>) -> Result<(), EngineError> {
        let bind = format!("{}:{PLACE}", memory::ROOT);
        let body = ContainerCreateBody {
            host_config: Some(HostConfig { binds: Some(vec![bind]), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        match Box::pin(self.create_still(WINDOW, body)).await {
            Ok(_) | Err(EngineError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        // Without the engine's protection of directories: one is to be replaced.
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        self.short(self.docker().upload_to_container(WINDOW, Some(options), body_full(archive.into()))).await
    }
}

fn unpacked(error: &std::io::Error) -> EngineError {
    EngineError::Refused(format!("cannot pack secrets: {error}"))
}
