//! Markers as containers that are never started.

use std::collections::HashMap;

use async_trait::async_trait;
use bollard::body_full;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, DownloadFromContainerOptionsBuilder,
};
use futures_util::TryStreamExt;

use super::{DockerEngine, files};
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::marker::{Marker, Markers};
use crate::environment::FileTarget;
use crate::template::rendered::RenderedFile;

/// Label that names a marker.
const MARKER_LABEL: &str = "shipctl.marker";
/// Label that holds the first text: it is there from the moment the name is taken.
const TEXT_LABEL: &str = "shipctl.text";
/// File that holds later texts.
const TEXT_FILE: &str = "/text";
/// The image of every marker holds nothing, and is made on the spot.
const IMAGE: (&str, &str) = ("shipctl/marker", "1");

#[async_trait]
impl Markers for DockerEngine {
    async fn create(&self, name: &str, text: &str) -> Result<ContainerId, EngineError> {
        match self.create_marker(name, text).await {
            Err(EngineError::NotFound(_)) => {
                self.import_image().await?;
                self.create_marker(name, text).await
            }
            other => other,
        }
    }

    async fn read(&self, name: &str) -> Result<Option<Marker>, EngineError> {
        let Some(found) = self.inspect_named(name).await? else { return Ok(None) };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let (Some(id), true) = (found.id.map(ContainerId), labels.contains_key(MARKER_LABEL)) else {
            return Err(EngineError::Conflict(format!("container {name} is not a marker of shipctl")));
        };
        let text = match self.text_file(&id).await? {
            Some(text) => text,
            None => labels.get(TEXT_LABEL).cloned().unwrap_or_default(),
        };
        Ok(Some(Marker { id, text }))
    }

    async fn write(&self, id: &ContainerId, text: &str) -> Result<(), EngineError> {
        let target = FileTarget { path: TEXT_FILE.to_owned(), uid: 0, gid: 0, mode: 0o600 };
        let archive = files::archive(&[RenderedFile::config(target, text.to_owned())]);
        self.upload(id, archive.map_err(|error| EngineError::Refused(format!("cannot pack a marker's text: {error}")))?)
            .await
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.remove_container(id).await
    }
}

impl DockerEngine {
    async fn create_marker(&self, name: &str, text: &str) -> Result<ContainerId, EngineError> {
        let labels =
            HashMap::from([(MARKER_LABEL.to_owned(), name.to_owned()), (TEXT_LABEL.to_owned(), text.to_owned())]);
        let body = ContainerCreateBody {
            image: Some(format!("{}:{}", IMAGE.0, IMAGE.1)),
            // The engine wants a command, although this never runs.
            cmd: Some(vec!["-".to_owned()]),
            labels: Some(labels),
            host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let created = self.short(self.docker().create_container(Some(options), body)).await?;
        Ok(ContainerId(created.id))
    }

    async fn import_image(&self) -> Result<(), EngineError> {
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(IMAGE.0).tag(IMAGE.1).build();
        let import = self.docker().create_image(Some(options), Some(body_full(files::empty_archive().into())), None);
        self.short(import.try_for_each(|_| async { Ok(()) })).await
    }

    /// The text that was written last; `None` if none ever was, or if the host lost power before it was on its disk.
    async fn text_file(&self, id: &ContainerId) -> Result<Option<String>, EngineError> {
        let options = DownloadFromContainerOptionsBuilder::new().path(TEXT_FILE).build();
        let download =
            self.docker().download_from_container(&id.0, Some(options)).map_ok(|part| part.to_vec()).try_concat();
        match self.short(download).await {
            Ok(archive) => Ok(files::only_file(&archive).ok().filter(|text| !text.is_empty())),
            Err(EngineError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
