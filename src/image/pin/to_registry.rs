//! How an image of the builder gets to the registry: pushed by the builder, or by shipctl.

use std::sync::Arc;

use bollard::Docker;

use super::Pin;
use crate::engine::EngineError;
use crate::engine::docker::depot;
use crate::environment::Pusher;
use crate::image::build::engine_error;
use crate::image::digest::Digest;
use crate::image::parcel::Parcel;
use crate::image::push::{PushError, push};
use crate::image::reference::{ImageName, Reference};
use crate::image::{Cause, Progress};

/// What came of a push.
enum Pushed {
    /// There was nothing to push.
    Present(Digest),
    New(Digest),
}

impl Pin<'_> {
    /// Pushes what the engine has under this name, unless the registry has just that.
    pub(in crate::image) async fn push(&self, docker: &Docker, id: &str, image: &Reference) -> Result<Digest, Cause> {
        let who = self.environment.registry.as_ref().map(|registry| registry.push).unwrap_or_default();
        let pushed = match who {
            Pusher::Builder => self.push_by_builder(docker, id, image).await?,
            Pusher::Shipctl => self.push_from_here(docker, id, image).await?,
        };
        let pushed = match pushed {
            Pushed::Present(digest) => {
                (self.progress)(Progress::Present { digest: digest.to_string() });
                return Ok(digest);
            }
            Pushed::New(digest) => digest,
        };
        // By digest and not by tag: another push may have taken the tag since, and this rollout keeps its own content.
        let found = self.sources.registry.resolve(&image.with_digest(pushed.clone())).await?;
        if found != pushed {
            return Err(PushError::Differs { registry: image.registry().to_owned(), found, pushed }.into());
        }
        (self.progress)(Progress::Pushed { digest: pushed.to_string() });
        Ok(pushed)
    }

    async fn push_by_builder(&self, docker: &Docker, id: &str, image: &Reference) -> Result<Pushed, Cause> {
        if let Some(digest) = self.present(docker, id, image).await? {
            return Ok(Pushed::Present(digest));
        }
        let credentials = self.sources.logins.of(image.registry()).await?;
        Ok(Pushed::New(push(docker, image, &credentials, self.progress).await?))
    }

    /// By shipctl, for a builder that has no access to the registry. Its image is not read if the registry has one of this
    /// configuration under the tag: it names the layers by what is in them.
    async fn push_from_here(&self, docker: &Docker, id: &str, image: &Reference) -> Result<Pushed, Cause> {
        let registry = self.sources.registry;
        let there = match self.resolve_if_any(image).await? {
            Some(digest) => registry.configuration(&image.with_digest(digest.clone())).await?.map(|it| (digest, it)),
            None => None,
        };
        let is_there = |config: &str| there.as_ref().filter(|(_, of)| of.as_str() == config);
        if let Some((digest, _)) = is_there(id) {
            return Ok(Pushed::Present(digest.clone()));
        }
        let engine = |error: EngineError| Cause::Engine(error.to_string());
        // By id and not by tag, which may be another image by now.
        let saved = Arc::new(depot::save(docker, id, "the builder").await.map_err(engine)?);
        // In one kind of store an id is no configuration's digest.
        if let Some((digest, _)) = is_there(Digest::of(&saved.config).as_str()) {
            return Ok(Pushed::Present(digest.clone()));
        }
        let parcel = Parcel::pack(&saved, depot::spool).await.map_err(|error| PushError::Failed {
            image: image.to_string(),
            reason: format!("it cannot be packed: {error}"),
        })?;
        let told = |done, total| (self.progress)(Progress::Pushing { done, total });
        Ok(Pushed::New(registry.push(image, &parcel, &self.neighbours(image), &told).await?))
    }

    /// Other repositories of the environment in the same registry, which may have layers already.
    fn neighbours(&self, image: &Reference) -> Vec<Reference> {
        let names = self.environment.services.values().filter_map(|service| service.image.parse::<ImageName>().ok());
        let mut others: Vec<Reference> = Vec::new();
        for other in names.map(|name| name.locate(self.registry())) {
            let is_new = others.iter().all(|known| known.path() != other.path());
            if is_new && other.registry() == image.registry() && other.path() != image.path() {
                others.push(other);
            }
        }
        others
    }

    /// The digest under which the registry has this very image as this very tag, if the engine knows that from an earlier
    /// push. It saves the push, and registries with immutable tags refuse a second one.
    async fn present(&self, docker: &Docker, id: &str, image: &Reference) -> Result<Option<Digest>, Cause> {
        let Some(digest) = self.resolve_if_any(image).await? else { return Ok(None) };
        let details = docker.inspect_image(id).await.map_err(|error| Cause::Engine(engine_error(&error)))?;
        let known = details.repo_digests.unwrap_or_default();
        // Engines shorten the names of the default registry; such an image is pushed again, which does no harm.
        Ok(known.contains(&image.with_digest(digest.clone()).to_string()).then_some(digest))
    }
}
