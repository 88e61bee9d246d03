//! Making an image present, and being sure of it.

use std::collections::HashMap;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error as DockerError;
use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::DockerEngine;
use super::seeds::is_proven;
use crate::container::PinnedImage;
use crate::engine::{Arrival, EngineError, PullProgress, content};

/// A pull that says nothing for so long is stuck.
pub(super) const STALL: Duration = Duration::from_mins(1);

impl DockerEngine {
    pub(super) async fn make_present(
        &self,
        image: &PinnedImage,
        progress: &PullProgress,
    ) -> Result<Arrival, EngineError> {
        if image.is_sent() {
            return self.make_sent(image, progress).await;
        }
        match self.image(image).await {
            // Under the digest of an index an engine may have the image of another platform than the one that is asked for.
            Ok(present) => match self.suits(image, &present) {
                Err(_) if image.platform().is_some() => {}
                verdict => return verdict.map(|()| Arrival::Pulled),
            },
            Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let PinnedImage::Registry { repository, digest, .. } = image else {
            return Err(EngineError::NotFound(format!(
                "image {image} is on the engine that built it only, and not here"
            )));
        };
        // From here on: who cannot pull it waits for those who may.
        let pulling = self.supply.seeds.as_ref().map(|seeds| seeds.pulling(image));
        self.has_room_to_pull(image).await?;
        let pulled = self.stream_pull(repository, digest, image.platform(), progress).await;
        drop(pulling);
        if let Err(error) = pulled {
            return self.make_seeded(image, error, progress).await;
        }
        let present = self.image(image).await.map_err(|error| match error {
            EngineError::NotFound(_) => EngineError::Refused(format!("the pull of {image} ended without the image")),
            error => error,
        })?;
        self.suits(image, &present).map(|()| Arrival::Pulled)
    }

    /// What the engine has of an image: by its digest, or by the name that it has if another host has passed it on.
    pub(super) async fn image(&self, image: &PinnedImage) -> Result<ImageInspect, EngineError> {
        let here = self.short(self.docker().inspect_image(&image.reference())).await;
        match (here, image.passed_on()) {
            (Err(missing @ EngineError::NotFound(_)), Some(name)) => {
                let passed_on = self.seen(&name).await?;
                // What is of another platform has no business there, and is pulled anew.
                passed_on.filter(|seen| self.suits(image, seen).is_ok()).ok_or(missing)
            }
            (here, _) => here,
        }
    }

    async fn stream_pull(
        &self,
        repository: &str,
        digest: &str,
        platform: Option<&str>,
        progress: &PullProgress,
    ) -> Result<(), EngineError> {
        let options = CreateImageOptionsBuilder::new().from_image(repository).tag(digest);
        let options = platform.into_iter().fold(options, CreateImageOptionsBuilder::platform).build();
        let mut messages = Box::pin(self.docker().create_image(Some(options), None, self.credentials(repository)));
        let mut layers = Layers::default();
        loop {
            match timeout(STALL, messages.next()).await {
                Err(_) => {
                    return Err(EngineError::InDoubt(format!(
                        "the pull of {repository} made no progress for {} s",
                        STALL.as_secs()
                    )));
                }
                Ok(None) => return Ok(()),
                Ok(Some(Ok(message))) => {
                    if let Some(error) = message.error_detail.as_ref().and_then(|detail| detail.message.clone()) {
                        return Err(EngineError::Refused(error));
                    }
                    if layers.note(&message) {
                        let (done, known) = layers.sum();
                        progress(done, known);
                    }
                }
                // bollard 0.21 takes a line break that is cut in two by the network for more data to come. Whether the image is
                // there is asked afterwards in any case.
                Ok(Some(Err(DockerError::IOError { err })))
                    if err.to_string().contains("bytes remaining on stream") =>
                {
                    return Ok(());
                }
                Ok(Some(Err(error))) => return Err(error.into()),
            }
        }
    }

    fn credentials(&self, repository: &str) -> Option<DockerCredentials> {
        self.supply.logins.as_ref().and_then(|logins| logins(registry_of(repository)))
    }

    /// Checks that what is present is what was asked for, and runs here.
    pub(super) fn suits(&self, image: &PinnedImage, present: &ImageInspect) -> Result<(), EngineError> {
        let was_passed_on =
            image.passed_on().is_some_and(|name| present.repo_tags.iter().flatten().any(|tag| *tag == name));
        if matches!(image, PinnedImage::Registry { .. }) && !was_passed_on && !is_proven(present, image) {
            return Err(EngineError::Refused(format!("the engine has another digest for {image}")));
        }
        if image.is_sent() && content::content(present).as_deref() != Some(image.digest()) {
            return Err(EngineError::Refused(format!("the engine has another image under the name of {image}")));
        }
        let version = self.client.version();
        let (os, architecture) =
            (present.os.as_deref().unwrap_or_default(), present.architecture.as_deref().unwrap_or_default());
        if let Some(platform) = image.platform() {
            let mut wanted = platform.split('/');
            let is_wanted = wanted.next() == Some(os) && wanted.next() == Some(architecture);
            let differs = || format!("image {image} is built for {os}/{architecture}, and not for {platform}");
            return if is_wanted { Ok(()) } else { Err(EngineError::Refused(differs())) };
        }
        let runs = (os.is_empty() || os == version.os)
            && (architecture.is_empty() || runs_on(architecture, &version.architecture));
        if runs {
            return Ok(());
        }
        let host = format!("{}/{}", version.os, version.architecture);
        Err(EngineError::Refused(format!("image {image} is built for {os}/{architecture}, but this host is {host}")))
    }
}

/// Whether machines of one architecture run images of another.
fn runs_on(image: &str, host: &str) -> bool {
    image == host || matches!((image, host), ("386", "amd64") | ("arm", "arm64"))
}

/// The registry in a repository's name; a first part without a dot or port belongs to Docker Hub.
fn registry_of(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}

/// Bytes of each layer: done, and in all.
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    /// Takes note of a message; whether the sum may have changed.
    fn note(&mut self, message: &CreateImageInfo) -> bool {
        let (Some(id), Some(status)) = (&message.id, &message.status) else { return false };
        let positive = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
        match (status.as_str(), &message.progress_detail) {
            ("Downloading", Some(detail)) => {
                let (current, total) = (positive(detail.current), positive(detail.total));
                self.0.insert(id.clone(), (current, total.max(current)));
                true
            }
            ("Download complete" | "Pull complete", _) => self.0.get_mut(id).is_some_and(|(done, all)| {
                *done = *all;
                true
            }),
            _ => false,
        }
    }

    fn sum(&self) -> (u64, u64) {
        self.0.values().fold((0, 0), |(done, known), layer| (done + layer.0, known + layer.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_up_for_the_registry_that_is_asked() {
        for (repository, registry) in [
            ("registry.example:5000/shop/web", "registry.example:5000"),
            ("localhost/web", "localhost"),
            ("ghcr.io/shop/web", "ghcr.io"),
            ("shop/web", "docker.io"),
            ("nginx", "docker.io"),
        ] {
            assert_eq!(registry_of(repository), registry, "{repository}");
        }
    }

    #[test]
    fn progress_is_the_sum_of_all_layers() {
        let message = |json: &str| serde_json::from_str::<CreateImageInfo>(json).unwrap();
        let mut layers = Layers::default();
        assert!(!layers.note(&message(r#"{"status":"Pulling from shop/web","id":"1.4"}"#)));
        assert!(
            layers.note(&message(r#"{"status":"Downloading","progressDetail":{"current":10,"total":100},"id":"a"}"#))
        );
        assert!(
            layers.note(&message(r#"{"status":"Downloading","progressDetail":{"current":5,"total":50},"id":"b"}"#))
        );
        assert_eq!(layers.sum(), (15, 150));
        assert!(layers.note(&message(r#"{"status":"Download complete","progressDetail":{},"id":"a"}"#)));
        assert_eq!(layers.sum(), (105, 150));
    }
}
