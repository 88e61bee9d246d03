//! Every image of an environment by content: the one outline of building, pushing and resolving.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::errors::Error as EngineError;

use super::build::{Extras, build, engine_error};
use super::digest::Digest;
use super::push::tag;
use super::reference::{DEFAULT_TAG, ImageName, Reference};
use super::{Cause, ImageError, Progress, Sink};
use crate::container::PinnedImage;
use crate::engine::client::Client;
use crate::environment::{Build, Environment, Secret};
use crate::name::{SecretName, ServiceName};
use crate::registry::credentials::Logins;
use crate::registry::{Registry, RegistryError};

mod to_registry;

/// Hexadecimal digits of an image id that make a tag.
const CONTENT_TAG: usize = 12;

/// What images are made and found with.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The engine that builds and pushes; `None` where nothing is built.
    pub builder: Option<&'a Client>,
    /// Resolves tags.
    pub registry: &'a dyn Registry,
    /// Credentials for pushes and for base images.
    pub logins: &'a Arc<Logins>,
    /// Values of the secrets that builds name.
    pub secrets: &'a BTreeMap<SecretName, Secret>,
}

/// Pins the image of every service. Services with the same image and build share one build and one resolution.
pub async fn pin_all(
    environment: &Environment,
    sources: Sources<'_>,
    sink: Sink<'_>,
) -> Result<BTreeMap<ServiceName, PinnedImage>, ImageError> {
    let mut pinned: Vec<(Wanted<'_>, PinnedImage)> = Vec::new();
    let mut images = BTreeMap::new();
    for (name, service) in &environment.services {
        let wanted =
            Wanted { image: &service.image, recipe: service.build.as_ref(), platform: service.platform.as_deref() };
        let image = if let Some((_, done)) = pinned.iter().find(|(earlier, _)| *earlier == wanted) {
            done.clone()
        } else {
            let progress = |progress: Progress| sink(name, progress);
            let pin = Pin { environment, sources, progress: &progress };
            let done = pin.one(wanted).await.map_err(|cause| ImageError { service: name.clone(), cause })?;
            pinned.push((wanted, done.clone()));
            done
        };
        images.insert(name.clone(), image);
    }
    Ok(images)
}

/// An image as a service wants it.
#[derive(Clone, Copy, PartialEq)]
struct Wanted<'e> {
    image: &'e str,
    recipe: Option<&'e Build>,
    platform: Option<&'e str>,
}

/// What it takes to pin one image.
pub(super) struct Pin<'a> {
    pub(super) environment: &'a Environment,
    pub(super) sources: Sources<'a>,
    pub(super) progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Pin<'_> {
    async fn one(&self, Wanted { image, recipe, platform }: Wanted<'_>) -> Result<PinnedImage, Cause> {
        let name: ImageName = image.parse()?;
        let mut pinned = match recipe {
            Some(recipe) => self.built(&name, recipe, platform).await?,
            None => self.found(&name).await?,
        };
        if let PinnedImage::Registry { platform: asked, .. } = &mut pinned {
            *asked = platform.map(str::to_owned);
        }
        Ok(pinned)
    }

    fn registry(&self) -> Option<&str> {
        self.environment.registry.as_ref().map(|registry| registry.host.as_str())
    }

    /// An image that is built here, and pushed where hosts pull from the environment's registry.
    async fn built(&self, name: &ImageName, recipe: &Build, platform: Option<&str>) -> Result<PinnedImage, Cause> {
        if name.digest().is_some() {
            return Err(Cause::BuildOfDigest);
        }
        let client = self.sources.builder.ok_or(Cause::NoBuilder)?;
        let docker = client.docker();
        if self.environment.pushes_to().is_some() {
            // A registry that will not have the image is better known before a long build than after it.
            self.resolve_if_any(&name.clone().locate(self.registry())).await?;
        }
        let id = build(client, &self.environment.root, recipe, self.extras(name.path(), platform)).await?;
        let tag_name = name.tag().map_or_else(|| content_tag(&id), str::to_owned);
        let label = name.label(Some(&tag_name));
        if self.environment.pushes_to().is_none() {
            tag(docker, &id, &name.label(None), &tag_name).await?;
            return Ok(PinnedImage::Local { id, tag: label });
        }
        let image = name.clone().locate(self.registry()).with_tag(&tag_name);
        tag(docker, &id, &image.repository(), &tag_name).await?;
        let digest = self.push(docker, &id, &image).await?;
        Ok(registry_image(&image, &digest, label))
    }

    /// Some registries deny access to a repository that the first push is yet to create.
    pub(super) async fn resolve_if_any(&self, image: &Reference) -> Result<Option<Digest>, RegistryError> {
        match self.sources.registry.resolve(image).await {
            Ok(digest) => Ok(Some(digest)),
            Err(RegistryError::NotFound { .. } | RegistryError::Denied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An image that is not built here.
    async fn found(&self, name: &ImageName) -> Result<PinnedImage, Cause> {
        if let Some(local) = self.found_locally(name).await? {
            return Ok(local);
        }
        let image = name.clone().locate(self.registry());
        let digest = match name.digest() {
            Some(digest) => digest.clone(),
            None => self.sources.registry.resolve(&image).await?,
        };
        let tag = name.label(image.tag());
        (self.progress)(Progress::Resolved { digest: digest.to_string() });
        Ok(registry_image(&image, &digest, tag))
    }

    /// Without a registry, an image of the builder itself, if the name says neither a registry nor a digest.
    async fn found_locally(&self, name: &ImageName) -> Result<Option<PinnedImage>, Cause> {
        let named_fully = name.registry().is_some() || name.digest().is_some();
        if self.registry().is_some() || named_fully {
            return Ok(None);
        }
        self.local(&name.label(Some(name.tag().unwrap_or(DEFAULT_TAG)))).await
    }

    /// An image that the builder has under this tag.
    async fn local(&self, tag: &str) -> Result<Option<PinnedImage>, Cause> {
        Ok(self.labelled(tag).await?.map(|(image, _)| image))
    }

    /// The same, with its labels.
    pub(super) async fn labelled(&self, tag: &str) -> Result<Option<(PinnedImage, BTreeMap<String, String>)>, Cause> {
        let Some(client) = self.sources.builder else { return Ok(None) };
        match client.docker().inspect_image(tag).await {
            Ok(image) => {
                let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
                let named = image.id.map(|id| PinnedImage::Local { id, tag: tag.to_owned() });
                Ok(named.map(|image| (image, labels.into_iter().collect())))
            }
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(Cause::Engine(engine_error(&error))),
        }
    }

    /// What an image of this name is built with.
    pub(super) fn extras<'b>(&'b self, name: &'b str, platform: Option<&'b str>) -> Extras<'b> {
        Extras {
            name,
            logins: self.sources.logins,
            registries: self.registry().into_iter().collect(),
            secrets: self.sources.secrets,
            platform,
            progress: self.progress,
        }
    }
}

fn registry_image(image: &Reference, digest: &Digest, tag: String) -> PinnedImage {
    PinnedImage::Registry { repository: image.repository(), digest: digest.to_string(), tag, platform: None }
}

fn content_tag(id: &str) -> String {
    id.strip_prefix("sha256:").unwrap_or(id).chars().take(CONTENT_TAG).collect()
}
