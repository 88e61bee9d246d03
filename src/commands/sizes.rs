//! How large images are, by their registries: asked when a host lacks one, and once for all hosts of a platform.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::container::PinnedImage;
use crate::engine::docker::LayerSizes;
use crate::engine::docker::room::PackedLayer;
use crate::image::reference::ImageName;
use crate::registry::oci::OciRegistry;

/// Longest wait for a registry to say it.
const ASK: Duration = Duration::from_secs(10);

type Answer = Arc<OnceCell<Option<Vec<PackedLayer>>>>;

/// The registries that are asked, and what they have said.
#[derive(Default)]
pub(super) struct Sizes {
    registries: Mutex<Option<Arc<OciRegistry>>>,
    known: Mutex<BTreeMap<(String, String), Answer>>,
}

impl Sizes {
    /// From now on these are asked; before, nobody is.
    pub(super) fn ask(&self, registries: Option<OciRegistry>) {
        *self.registries.lock().unwrap_or_else(PoisonError::into_inner) = registries.map(Arc::new);
    }

    /// As hosts ask for them.
    pub(super) fn lookup(self: &Arc<Self>) -> LayerSizes {
        let sizes = Arc::clone(self);
        Arc::new(move |image, platform| {
            let sizes = Arc::clone(&sizes);
            Box::pin(async move { sizes.of(&image, platform).await })
        })
    }

    async fn of(&self, image: &PinnedImage, platform: String) -> Option<Vec<PackedLayer>> {
        let registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let name: ImageName = image.reference().parse().ok()?;
        let answer = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry((image.reference(), platform.clone())).or_default())
        };
        let ask = async {
            // Whoever pulls it hears what is wrong with the registry.
            let layers = timeout(ASK, registries.layers(&name.locate(None), &platform)).await.ok()?.ok()?;
            Some(layers.into_iter().map(|layer| PackedLayer { diff_id: layer.diff_id, bytes: layer.size }).collect())
        };
        answer.get_or_init(|| ask).await.clone()
    }
}
