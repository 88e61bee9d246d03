//! The other hosts of a fleet as a source of images: what a registry does not give one host, another one may have.
//!
//! A host that is still pulling an image may have it soon, so who cannot pull it waits for those who can.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bollard::models::ImageInspect;
use tokio::sync::watch;
use tokio::time::sleep;

use super::depot::{self, Once};
use super::parcel::Stored;
use crate::container::PinnedImage;
use crate::engine::client::{self, Client, SHORT};
use crate::engine::{EngineError, content};
use crate::name::HostName;

/// How long others may take to begin a pull.
const BEGUN: Duration = Duration::from_secs(2);

/// The engines of a fleet, and the images that they are pulling.
#[derive(Default)]
pub struct Seeds {
    engines: RwLock<BTreeMap<HostName, Client>>,
    images: Mutex<BTreeMap<String, Wanted>>,
}

/// An image that hosts are to have.
struct Wanted {
    /// How many of them are pulling it.
    pulling: watch::Sender<usize>,
    /// As one of them saves it, by what it consists of: under one digest there may be images for several platforms.
    stored: BTreeMap<String, Once<Arc<Stored>>>,
}

/// A host that has an image, proven by its digest.
pub(super) struct Seed {
    /// Which.
    pub(super) host: HostName,
    /// What the image consists of.
    pub(super) content: String,
    /// Its id there.
    id: String,
    client: Client,
}

/// A pull that is under way.
pub(super) struct Pulling(watch::Sender<usize>);

impl Drop for Pulling {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Seeds {
    /// The hosts that may be asked.
    pub fn know(&self, engines: BTreeMap<HostName, Client>) {
        *self.engines.write().unwrap_or_else(PoisonError::into_inner) = engines;
    }

    /// A host has begun to pull this, until what comes back is dropped.
    pub(super) fn pulling(&self, image: &PinnedImage) -> Pulling {
        let sender = self.of(image, |wanted| wanted.pulling.clone());
        sender.send_modify(|count| *count += 1);
        Pulling(sender)
    }

    /// The first host, but for those that are `barren`, that has one that `suits`; `None` once none has it and none is pulling
    /// it any more.
    pub(super) async fn find(
        &self,
        image: &PinnedImage,
        barren: &BTreeSet<HostName>,
        suits: &(dyn Fn(&ImageInspect) -> bool + Sync),
    ) -> Option<Seed> {
        let mut pulling = self.of(image, |wanted| wanted.pulling.subscribe());
        let mut is_first = true;
        loop {
            let count = *pulling.borrow_and_update();
            if let Some(seed) = self.look(image, barren, suits).await {
                return Some(seed);
            }
            match count {
                // A registry may refuse sooner than others have begun to ask it.
                0 if is_first => sleep(BEGUN).await,
                0 => return None,
                _ => pulling.changed().await.ok()?,
            }
            is_first = false;
        }
    }

    async fn look(
        &self,
        image: &PinnedImage,
        barren: &BTreeSet<HostName>,
        suits: &(dyn Fn(&ImageInspect) -> bool + Sync),
    ) -> Option<Seed> {
        let engines = self.engines.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (host, client) in engines.into_iter().filter(|(host, _)| !barren.contains(host)) {
            // Who does not answer has nothing to give.
            let Ok(seen) = client::call(SHORT, client.docker().inspect_image(&image.reference())).await else {
                continue;
            };
            let is_good = is_proven(&seen, image) && suits(&seen);
            if let (true, Some(content), Some(id)) = (is_good, content::content(&seen), seen.id) {
                return Some(Seed { host, content, id, client });
            }
        }
        None
    }

    /// The image of a seed, saved once for all who lack it.
    pub(super) async fn stored(&self, image: &PinnedImage, seed: &Seed) -> Result<Arc<Stored>, EngineError> {
        let once = self.of(image, |wanted| Arc::clone(wanted.stored.entry(seed.content.clone()).or_default()));
        let save = async || {
            let saved = depot::save(seed.client.docker(), &seed.id, seed.host.as_str()).await?;
            Ok(Arc::new(Stored::new(saved)))
        };
        once.get_or_try_init(save).await.cloned()
    }

    fn of<T>(&self, image: &PinnedImage, take: impl FnOnce(&mut Wanted) -> T) -> T {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = || Wanted { pulling: watch::Sender::new(0), stored: BTreeMap::new() };
        take(images.entry(image.reference()).or_insert_with(wanted))
    }
}

/// Whether an engine has had this digest from its registry.
pub(super) fn is_proven(seen: &ImageInspect, image: &PinnedImage) -> bool {
    let suffix = format!("@{}", image.digest());
    seen.repo_digests.iter().flatten().any(|known| known.ends_with(&suffix))
}
