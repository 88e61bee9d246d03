//! The images of a host.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{ContainerSummary, ImageHistoryResponseItem, ImageInspect};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::DockerEngine;
use super::marker::MARKER_LABEL;
use crate::engine::client::{Client, SHORT, call};
use crate::engine::{EngineError, observe};
use crate::fleet::layers::Layer;
use crate::fleet::stock::{Stock, StockedImage, layers};
use crate::image::reference::ImageName;

/// Images that are asked about at the same time.
const AT_ONCE: usize = 8;

impl DockerEngine {
    pub(super) async fn take_stock(&self) -> Result<Stock, EngineError> {
        let all = ListContainersOptionsBuilder::new().all(true).build();
        let (images, containers) = tokio::try_join!(
            self.short(self.docker().list_images(Some(ListImagesOptionsBuilder::new().build()))),
            self.short(self.docker().list_containers(Some(all))),
        )?;
        let ids: BTreeSet<_> = images.into_iter().map(|image| image.id).collect();
        let asked = stream::iter(ids).map(|id| self.stocked(id)).buffer_unordered(AT_ONCE);
        let mut images: BTreeMap<_, _> = asked.try_filter_map(async |image| Ok(image)).try_collect().await?;
        for container in &containers {
            if let Some(image) = container.image_id.as_ref().and_then(|id| images.get_mut(id)) {
                image.users.extend(container_name(container));
            }
        }
        Ok(Stock { images, markers: markers(&containers) })
    }

    /// One image; `None` if it was removed since it was listed.
    async fn stocked(&self, id: String) -> Result<Option<(String, StockedImage)>, EngineError> {
        let about = tokio::try_join!(
            self.short(self.docker().inspect_image(&id)),
            self.short(self.docker().image_history(&id)),
        );
        match about {
            Ok((image, history)) => Ok(Some((id, stocked(&image, &history)))),
            Err(EngineError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn discard_names(&self, names: &[String]) -> Result<(), EngineError> {
        for name in names {
            let options = RemoveImageOptionsBuilder::new().force(false).noprune(false).build();
            match self.short(self.docker().remove_image(name, Some(options), None)).await {
                Ok(_) | Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What an image of an engine consists of.
pub(super) async fn layers_of(client: &Client, name: &str) -> Result<Vec<Layer>, EngineError> {
    let docker = client.docker();
    let (image, history) =
        tokio::try_join!(call(SHORT, docker.inspect_image(name)), call(SHORT, docker.image_history(name)))?;
    let contents = image.root_fs.and_then(|root| root.layers).unwrap_or_default();
    let sized = layers(&contents, &steps(&history));
    Ok(contents.into_iter().zip(sized).map(|(content, sized)| Layer { content, bytes: sized.bytes }).collect())
}

/// What the steps of an image took, lowest first; the engine begins with the last.
fn steps(history: &[ImageHistoryResponseItem]) -> Vec<u64> {
    history.iter().rev().map(|step| u64::try_from(step.size).unwrap_or_default()).collect()
}

fn stocked(image: &ImageInspect, history: &[ImageHistoryResponseItem]) -> StockedImage {
    let diffs = image.root_fs.as_ref().and_then(|root| root.layers.clone()).unwrap_or_default();
    let digests = image.repo_digests.iter().flatten().filter(|name| !name.starts_with("<none>"));
    StockedImage {
        tags: image.repo_tags.iter().flatten().filter(|name| !name.starts_with("<none>")).cloned().collect(),
        digests: digests.map(|name| complete(name)).collect(),
        created: image.created.as_ref().and_then(|time| observe::timestamp(time)),
        layers: layers(&diffs, &steps(history)),
        users: BTreeSet::new(),
    }
}

/// Engines shorten the names of the default registry.
fn complete(name: &str) -> String {
    name.parse::<ImageName>().map_or_else(|_| name.to_owned(), |name| name.locate(None).to_string())
}

fn container_name(container: &ContainerSummary) -> Option<String> {
    Some(container.names.as_ref()?.first()?.trim_start_matches('/').to_owned())
}

fn markers(containers: &[ContainerSummary]) -> BTreeSet<String> {
    containers.iter().filter_map(|container| container.labels.as_ref()?.get(MARKER_LABEL).cloned()).collect()
}
