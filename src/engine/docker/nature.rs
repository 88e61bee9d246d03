//! What an engine is, for as long as a connection to it lasts: asked once, as it is the one slow answer of a look.

use bollard::models::SystemInfo;

use super::DockerEngine;
use crate::engine::EngineError;
use crate::fleet::layers::Store;

/// What cannot change on a connection.
pub(super) struct Nature {
    /// The engine's own id.
    pub(super) id: String,
    /// How it keeps images.
    pub(super) store: Store,
    /// Where it keeps them, as far as that can be told.
    pub(super) place: Option<String>,
}

impl DockerEngine {
    pub(super) async fn nature(&self) -> Result<&Nature, EngineError> {
        let ask = async || {
            let info = self.short(self.docker().info()).await?;
            let store = store_of(&info);
            Ok(Nature { store, place: place_of(&info, store), id: info.id.unwrap_or_default() })
        };
        self.nature.get_or_try_init(ask).await
    }
}

/// How an engine keeps images, by what it says of itself.
fn store_of(info: &SystemInfo) -> Store {
    let mut words = info.driver_status.iter().flatten().flatten();
    if words.any(|word| word.starts_with("io.containerd.")) { Store::Containerd } else { Store::Graph }
}

/// Where the engine keeps its images: beneath its own directory, unless a containerd that is not its own keeps them, whose
/// directory nobody tells; this is where it is if nobody has put it elsewhere.
fn place_of(info: &SystemInfo, store: Store) -> Option<String> {
    let address = info.containerd.as_ref().and_then(|it| it.address.as_deref());
    match (store, address) {
        (Store::Containerd, Some(address)) if !address.contains("/docker/") => Some("/var/lib/containerd".to_owned()),
        (Store::Containerd, None) => None,
        _ => info.docker_root_dir.clone(),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerdInfo;

    use super::*;

    #[test]
    fn images_are_where_the_engine_or_its_containerd_keeps_them() {
        let info = |address: Option<&str>| SystemInfo {
            docker_root_dir: Some("/srv/docker".to_owned()),
            containerd: address.map(|it| ContainerdInfo { address: Some(it.to_owned()), ..ContainerdInfo::default() }),
            ..SystemInfo::default()
        };
        let own = info(Some("/var/run/docker/containerd/containerd.sock"));
        let other = info(Some("/run/containerd/containerd.sock"));
        assert_eq!(place_of(&other, Store::Graph).as_deref(), Some("/srv/docker"));
        assert_eq!(place_of(&own, Store::Containerd).as_deref(), Some("/srv/docker"));
        assert_eq!(place_of(&other, Store::Containerd).as_deref(), Some("/var/lib/containerd"));
        assert_eq!(place_of(&info(None), Store::Containerd), None);
    }
}
