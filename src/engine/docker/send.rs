//! Sending an image: what the engine lacks of it, as an archive that it loads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::errors::Error as DockerError;
use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{ImportImageOptionsBuilder, ListImagesOptions};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::DockerEngine;
use super::parcel::{Parcel, Stored};
use super::pull::STALL;
use crate::container::{OWN_REPOSITORIES, PinnedImage};
use crate::engine::content;
use crate::engine::thin::thin;
use crate::engine::{Arrival, EngineError, PullProgress, Sent};
use crate::fleet::layers::{Holding, Store};
use crate::name::HostName;

/// The most images, newest first, that are asked for their layers; and how many at a time.
const ASKED: usize = 200;
const AT_ONCE: usize = 8;
/// How long an engine may say nothing once it has everything: it unpacks then.
const UNPACK: Duration = Duration::from_mins(10);

impl DockerEngine {
    /// Under the name that says its content there may be anything: what counts is what is there.
    pub(super) async fn make_sent(&self, image: &PinnedImage, progress: &PullProgress) -> Result<Arrival, EngineError> {
        if let Some(there) = self.there(&image.reference(), image.digest()).await? {
            let of = content::layers(&there).map_or(0, <[String]>::len);
            return self.suits(image, &there).map(|()| Arrival::Sent(Sent { of, ..Sent::default() }));
        }
        let sent = self.send(image, progress).await?;
        match self.there(&image.reference(), image.digest()).await? {
            Some(there) => self.suits(image, &there).map(|()| Arrival::Sent(sent)),
            None => Err(EngineError::Refused(format!("the engine took {image}, and does not have its content"))),
        }
    }

    /// Sends what the engine lacks of an image of the builder.
    async fn send(&self, image: &PinnedImage, progress: &PullProgress) -> Result<Sent, EngineError> {
        let Some(depot) = &self.supply.depot else {
            return Err(EngineError::NotFound(format!(
                "image {image} is not here, and there is no builder to send it"
            )));
        };
        let stored = depot.stored(image).await?;
        self.send_stored(&stored, &image.reference(), image.digest(), progress).await
    }

    /// An image that the registry does not give this host, from another host that has it. `refused` is what the pull came to,
    /// and what is told if no other host has it either.
    pub(super) async fn make_seeded(
        &self,
        image: &PinnedImage,
        refused: EngineError,
        progress: &PullProgress,
    ) -> Result<Arrival, EngineError> {
        let (Some(seeds), Some(name)) = (&self.supply.seeds, image.passed_on()) else { return Err(refused) };
        // The registry is not what is wrong with an engine that does not answer, or has no room.
        if matches!(refused, EngineError::Unreachable(_)) || refused.is_out_of_room() {
            return Err(refused);
        }
        let suits = |seen: &ImageInspect| self.suits(image, seen).is_ok();
        // One that has the image, and cannot give it, keeps no other from it.
        let (mut barren, mut cause) = (BTreeSet::new(), None);
        let (seed, stored) = loop {
            let Some(seed) = seeds.find(image, &barren, &suits).await else { return Err(cause.unwrap_or(refused)) };
            match seeds.stored(image, &seed).await {
                Ok(stored) => break (seed, stored),
                Err(error) => {
                    cause = Some(not_sent(&refused, &seed.host, &error));
                    barren.insert(seed.host);
                }
            }
        };
        let passed_on = async {
            let sent = self.send_stored(&stored, &name, &seed.content, progress).await?;
            match self.there(&name, &seed.content).await? {
                Some(there) => self.suits(image, &there).map(|()| sent),
                None => Err(EngineError::Refused("the engine took it, and does not have its content".to_owned())),
            }
        };
        let host = &seed.host;
        match passed_on.await {
            Ok(sent) => Ok(Arrival::Sent(Sent { from: Some((host.clone(), refused.to_string())), ..sent })),
            Err(error) if error.in_doubt() => Err(error),
            Err(error) => Err(not_sent(&refused, host, &error)),
        }
    }

    /// Sends what the engine lacks, under the name that it is to have this content by. If it lacks more than it seemed to, it gets
    /// everything: some engines refuse what they cannot complete, and others take it and have an image that is of no use.
    async fn send_stored(
        &self,
        stored: &Stored,
        name: &str,
        content: &str,
        progress: &PullProgress,
    ) -> Result<Sent, EngineError> {
        let there = self.held_layers().await?;
        let layers: Vec<_> = stored.saved.layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let held = there.has(&layers);
        let missing = stored.saved.layers.iter().zip(&held).filter(|(_, held)| !**held);
        self.has_room_to_load(missing.map(|(layer, _)| layer.size).sum()).await?;
        let parcel = |held: &[bool]| stored.parcel(thin(&stored.saved, name, there.store, held));
        let of = layers.len();
        let missing = parcel(&held).await?;
        let bytes = missing.size();
        let refused = match self.load(missing, progress).await {
            Err(EngineError::Refused(why)) if held.contains(&true) => why,
            Err(error) => return Err(error),
            Ok(()) if held.contains(&true) && self.there(name, content).await?.is_none() => {
                "it lacked others too".to_owned()
            }
            Ok(()) => {
                let layers = held.iter().filter(|held| !**held).count();
                return Ok(Sent { layers, of, bytes, ..Sent::default() });
            }
        };
        let all = parcel(&vec![false; of]).await?;
        let bytes = bytes + all.size();
        self.load(all, progress).await?;
        Ok(Sent { layers: of, of, bytes, refused: Some(refused), from: None })
    }

    /// What the engine has under this name, if that is its content.
    async fn there(&self, name: &str, content: &str) -> Result<Option<ImageInspect>, EngineError> {
        let there = self.seen(name).await?;
        Ok(there.filter(|there| content::content(there).as_deref() == Some(content)))
    }

    /// An image, if it is there with all that is in it: of others, the containerd store does not tell what an image has.
    pub(super) async fn seen(&self, name: &str) -> Result<Option<ImageInspect>, EngineError> {
        let seen = async {
            match self.docker().inspect_image(name).await {
                Err(DockerError::JsonDataError { .. }) => Ok(None),
                seen => seen.map(Some),
            }
        };
        match self.short(seen).await {
            Err(EngineError::NotFound(_)) => Ok(None),
            seen => seen,
        }
    }

    /// What the engine's images consist of, as far as that is of use for one that is sent. The containerd store keeps layers as
    /// they came, and those that came from a registry are packed in ways of their own: only what was sent counts there.
    pub(super) async fn held_layers(&self) -> Result<Holding, EngineError> {
        let store = self.nature().await?.store;
        self.holding(store, |image| store == Store::Graph || was_sent(image)).await
    }

    /// The same of those images that are meant.
    pub(super) async fn holding(
        &self,
        store: Store,
        is_meant: impl Fn(&ImageSummary) -> bool,
    ) -> Result<Holding, EngineError> {
        let mut images = self.short(self.docker().list_images(None::<ListImagesOptions>)).await?;
        images.retain(is_meant);
        images.sort_by_key(|image| std::cmp::Reverse(image.created));
        images.truncate(ASKED);
        let asked = images.into_iter().map(|image| async move { self.layers_of(&image.id).await });
        let layers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        Ok(Holding { store, images: layers.into_iter().collect::<Result<_, _>>()? })
    }

    async fn layers_of(&self, id: &str) -> Result<Vec<String>, EngineError> {
        let image = self.seen(id).await?;
        Ok(image.as_ref().and_then(content::layers).unwrap_or_default().to_vec())
    }

    /// Has the engine load an archive.
    async fn load(&self, parcel: Parcel, progress: &PullProgress) -> Result<(), EngineError> {
        let total = parcel.size();
        let done = Arc::new(AtomicU64::new(0));
        let (told, counted) = (Arc::clone(progress), Arc::clone(&done));
        let chunks = parcel.chunks().inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                let done = counted.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
                told(done, total);
            }
        });
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let mut messages = Box::pin(self.docker().import_image(options, bollard::body_try_stream(chunks), None));
        let mut seen = 0;
        loop {
            let patience = if seen == total { UNPACK } else { STALL };
            match timeout(patience, messages.next()).await {
                Err(_) => {
                    let now = done.load(Ordering::Relaxed);
                    if now == seen {
                        let silent = format!("the engine took nothing and said nothing for {} s", patience.as_secs());
                        return Err(EngineError::InDoubt(silent));
                    }
                    seen = now;
                }
                Ok(None) => return Ok(()),
                Ok(Some(Ok(message))) => {
                    if let Some(error) = message.error_detail.and_then(|detail| detail.message) {
                        return Err(EngineError::Refused(error));
                    }
                }
                // As with a pull, what is there is asked afterwards in any case.
                Ok(Some(Err(DockerError::IOError { err })))
                    if err.to_string().contains("bytes remaining on stream") =>
                {
                    return Ok(());
                }
                Ok(Some(Err(error))) => return Err(error.into()),
            }
        }
    }
}

fn not_sent(refused: &EngineError, host: &HostName, error: &EngineError) -> EngineError {
    EngineError::Refused(format!("{refused}; {host} has it, and it cannot be sent: {error}"))
}

fn was_sent(image: &ImageSummary) -> bool {
    image.repo_tags.iter().any(|tag| tag.starts_with(OWN_REPOSITORIES))
}
