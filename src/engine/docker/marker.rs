//! Markers as containers that are never started.

use async_trait::async_trait;
use bollard::body_full;
use bollard::models::{ContainerCreateBody, ContainerSummary, HostConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, CreateImageOptionsBuilder};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;

use super::{DockerEngine, files};
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::marker::{Marker, Markers};
use crate::environment::FileTarget;
use crate::template::rendered::RenderedFile;

/// Label that names a marker.
pub(super) const MARKER_LABEL: &str = "shipctl.marker";
/// Label that holds the first text: it is there from the moment the name is taken.
const TEXT_LABEL: &str = "shipctl.text";
/// Label that orders notes of one name.
const NUMBER_LABEL: &str = "shipctl.number";
/// File that holds later texts.
const TEXT_FILE: &str = "/text";
/// The image of every marker holds nothing, and is made on the spot.
const IMAGE: (&str, &str) = ("shipctl/marker", "1");

#[async_trait]
impl Markers for DockerEngine {
    async fn create(&self, name: &str, text: &str) -> Result<ContainerId, EngineError> {
        let labels = [(MARKER_LABEL, name.to_owned()), (TEXT_LABEL, text.to_owned())];
        self.create_marker(name, &labels).await
    }

    async fn put(&self, name: &str, number: u64, text: &str) -> Result<(), EngineError> {
        let (container, number) = (format!("{name}-{number}"), number.to_string());
        let labels = [(MARKER_LABEL, name.to_owned()), (NUMBER_LABEL, number), (TEXT_LABEL, text.to_owned())];
        let (created, before) = tokio::join!(self.create_marker(&container, &labels), self.notes(name));
        let before = before?;
        match created {
            Ok(_) => {}
            Err(EngineError::Conflict(reason)) => {
                // It was put before, by a call whose answer was lost, or it is another one of that number.
                let there = before.iter().find(|note| note.container == container);
                let Some(there) = there else { return Err(EngineError::Conflict(reason)) };
                if there.text != text {
                    self.remove_container(&there.id).await?;
                    self.create_marker(&container, &labels).await?;
                }
            }
            Err(error) => return Err(error),
        }
        let superseded = before.iter().filter(|note| note.container != container);
        try_join_all(superseded.map(|note| self.remove_container(&note.id))).await.map(drop)
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

/// A note that was put.
struct Note {
    id: ContainerId,
    container: String,
    number: u64,
    text: String,
}

impl DockerEngine {
    /// The text that was put last under this name.
    pub(super) async fn note(&self, name: &str) -> Result<Option<String>, EngineError> {
        let notes = self.notes(name).await?;
        Ok(notes.into_iter().max_by_key(|note| note.number).map(|note| note.text))
    }

    /// The text that was written into a marker, in one request; `None` if there is none. The engine takes a name where it
    /// takes an id.
    pub(super) async fn written(&self, name: &str) -> Result<Option<String>, EngineError> {
        self.text_file(&ContainerId(name.to_owned())).await
    }

    async fn notes(&self, name: &str) -> Result<Vec<Note>, EngineError> {
        let listed = self.labelled(MARKER_LABEL, name).await?;
        let note = |container: ContainerSummary| {
            let labels = container.labels?;
            Some(Note {
                id: ContainerId(container.id?),
                container: container.names?.first()?.trim_start_matches('/').to_owned(),
                number: labels.get(NUMBER_LABEL)?.parse().ok()?,
                text: labels.get(TEXT_LABEL)?.clone(),
            })
        };
        Ok(listed.into_iter().filter_map(note).collect())
    }

    async fn create_marker(&self, name: &str, labels: &[(&str, String)]) -> Result<ContainerId, EngineError> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        self.create_still(name, ContainerCreateBody { labels: Some(labels), ..ContainerCreateBody::default() }).await
    }

    /// Creates a container that is never started: of an image that holds nothing, with nothing but what `body` says.
    pub(super) async fn create_still(&self, name: &str, body: ContainerCreateBody) -> Result<ContainerId, EngineError> {
        match Box::pin(self.try_create_still(name, body.clone())).await {
            Err(EngineError::NotFound(_)) => {
                self.import_image().await?;
                Box::pin(self.try_create_still(name, body)).await
            }
            other => other,
        }
    }

    async fn try_create_still(&self, name: &str, body: ContainerCreateBody) -> Result<ContainerId, EngineError> {
        let host_config = body.host_config.unwrap_or_default();
        let body = ContainerCreateBody {
            image: Some(format!("{}:{}", IMAGE.0, IMAGE.1)),
            // The engine wants a command, although this never runs.
            cmd: Some(vec!["-".to_owned()]),
            host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..host_config }),
            ..body
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
        Ok(files::read(&self.client, id, TEXT_FILE).await?.filter(|text| !text.is_empty()))
    }
}
