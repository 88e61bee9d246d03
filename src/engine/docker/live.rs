//! Files that a running container can be switched to. Their place holds every version in a directory of its own; a link
//! leads to the one that counts, and the names that the container reads lead through it. So nobody finds files of two
//! versions in one place; but an engine takes an old link away before it makes the new one, so for a moment there is none.

use std::collections::BTreeMap;

use bollard::query_parameters::{KillContainerOptionsBuilder, RenameContainerOptionsBuilder};

use super::held::Held;
use super::{DockerEngine, files};
use crate::container::{ContainerId, ContainerSpec, SWITCHING_SUFFIX, final_name};
use crate::delivery::{FileSet, LiveFiles, Place};
use crate::engine::{EngineError, observe};
use crate::environment::{RestartPolicy, Scope};

/// The link to the version that counts.
const CURRENT: &str = ".current";

/// The directory of a version.
pub(super) fn directory(version: &str) -> String {
    format!(".version-{version}")
}

/// The names that a container reads, and what they lead to: the first part of each path in the set.
pub(super) fn links(set: &FileSet) -> BTreeMap<String, String> {
    let inside = set.files.iter().map(|file| set.inside(&file.target.path));
    let first = inside.map(|path| path.split_once('/').map_or(path, |(first, _)| first));
    first.map(|name| (name.to_owned(), format!("{CURRENT}/{name}"))).collect()
}

impl DockerEngine {
    pub(super) async fn doubt_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.set_restart(id, &RestartPolicy::No).await?;
        let name = observe::name(&self.inspect(&id.0).await?);
        if name != final_name(&name) {
            return Ok(());
        }
        let options = RenameContainerOptionsBuilder::new().name(&format!("{name}{SWITCHING_SUFFIX}")).build();
        self.short(self.docker().rename_container(&id.0, options)).await
    }

    pub(super) async fn switch_files(&self, scope: &Scope, live: &LiveFiles, version: &str) -> Result<(), EngineError> {
        for place in &live.places {
            let hatch = self.open_hatch(scope, place).await?;
            let switched = self.turn(&hatch, place, version).await;
            let closed = self.remove_container(&hatch).await;
            switched.and(closed)?;
        }
        Ok(())
    }

    /// Whether a place holds this version.
    pub(super) async fn holds_version(&self, scope: &Scope, place: &Place, version: &str) -> Result<bool, EngineError> {
        let hatch = self.open_hatch(scope, place).await?;
        let held = self.held(&hatch, place).await;
        let closed = self.remove_container(&hatch).await;
        held.and_then(|held| closed.map(|()| held.has_directory(&directory(version))))
    }

    /// Has the link lead to this version.
    async fn turn(&self, hatch: &ContainerId, place: &Place, version: &str) -> Result<(), EngineError> {
        let directory = directory(version);
        let leads_there = |held: &Held| held.links.get(CURRENT) == Some(&directory);
        let held = self.held(hatch, place).await?;
        if !held.has_directory(&directory) {
            return Err(EngineError::Refused(format!("{place} does not hold the files {version}")));
        }
        if leads_there(&held) {
            return Ok(());
        }
        let prefix = match place {
            Place::Volume(_) => String::new(),
            Place::Directory { name, .. } => format!("{name}/"),
        };
        let mut archive = tar::Builder::new(Vec::new());
        files::append_link(&mut archive, &format!("{prefix}{CURRENT}"), &directory)
            .map_err(|error| EngineError::Refused(format!("cannot pack files: {error}")))?;
        let packed =
            archive.into_inner().map_err(|error| EngineError::Refused(format!("cannot pack files: {error}")))?;
        self.put(hatch, packed).await?;
        if leads_there(&self.held(hatch, place).await?) {
            return Ok(());
        }
        Err(EngineError::Refused(format!("{place} could not be switched to the files {version}")))
    }

    /// The signal that ends a container. It has to be said at creation: an engine takes any signal for the end of a
    /// container that does not say it, and does not restart it any more (`daemon/kill.go` of Moby).
    pub(super) async fn stop_signal_of(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        if let Some(signal) = &spec.runtime.stop_signal {
            return Ok(signal.clone());
        }
        let image = self.image(&spec.image).await?;
        let own = image.config.and_then(|config| config.stop_signal).filter(|signal| !signal.is_empty());
        Ok(own.unwrap_or_else(|| "SIGTERM".to_owned()))
    }

    pub(super) async fn signal_container(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        match self.short(self.docker().kill_container(&id.0, Some(options))).await {
            // It does not run.
            Err(EngineError::Conflict(_)) => self.start_container(id).await,
            other => other,
        }
    }
}
