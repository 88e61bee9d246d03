//! Sets of files in volumes and directories of a host. They are written and read through a container that mounts the
//! place and is never started, so nothing need be installed on the host, and every endpoint will do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use bollard::body_full;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest};
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;

use super::held::{Held, path, unpack};
use super::{DockerEngine, files, live};
use crate::container::ContainerId;
use crate::delivery::{FileSet, Place};
use crate::engine::EngineError;
use crate::environment::{FileTarget, Scope};
use crate::fleet::stamp::{SCOPE_LABEL, Stamp};
use crate::template::rendered::RenderedFile;

/// Label of volumes that hold a set of files; its value is the scope.
const FILES_LABEL: &str = "shipctl.files";
/// Label of the containers through which places are reached.
const HATCH_LABEL: &str = "shipctl.hatch";
/// Where they mount the place.
const INSIDE: &str = "/files";

impl DockerEngine {
    pub(super) async fn deliver_files(
        &self,
        scope: &Scope,
        set: &FileSet,
        files: &[RenderedFile],
    ) -> Result<(), EngineError> {
        let complete = set.files.iter().all(|wanted| files.iter().any(|file| file.stamp(None) == *wanted));
        if !complete {
            return Err(EngineError::Refused(format!("the contents for {} are not at hand", set.place)));
        }
        if let Place::Volume(name) = &set.place {
            let labels = [(SCOPE_LABEL, scope.label()), (FILES_LABEL, scope.label())];
            let request = VolumeCreateRequest {
                name: Some(name.clone()),
                labels: Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
                ..VolumeCreateRequest::default()
            };
            self.short(self.docker().create_volume(request)).await?;
        }
        let hatch = self.open_hatch(scope, &set.place).await?;
        let delivered = self.fill(&hatch, set, files).await;
        let closed = self.remove_container(&hatch).await;
        delivered.and(closed)
    }

    async fn fill(&self, hatch: &ContainerId, set: &FileSet, files: &[RenderedFile]) -> Result<(), EngineError> {
        let wanted = Held::wanted(set, files);
        // A place in use is not written to for nothing: its readers would find a file missing for a moment.
        let held = self.held(hatch, &set.place).await?;
        if held.satisfies(&wanted, set) {
            return Ok(());
        }
        let packed =
            archive(set, files, &held).map_err(|error| EngineError::Refused(format!("cannot pack files: {error}")))?;
        self.put(hatch, packed).await?;
        if self.held(hatch, &set.place).await?.satisfies(&wanted, set) {
            return Ok(());
        }
        Err(EngineError::Refused(format!("{} holds something else than what was put there", set.place)))
    }

    pub(super) async fn tidy_files(&self, scope: &Scope, candidates: &[Place]) -> Result<(), EngineError> {
        let label = scope.label();
        for hatch in self.labelled(HATCH_LABEL, &label).await?.into_iter().filter_map(|hatch| hatch.id) {
            self.remove_container(&ContainerId(hatch)).await?;
        }
        let containers = self.labelled(SCOPE_LABEL, &label).await?;
        let labels = containers.into_iter().filter_map(|it| Some(it.labels?.into_iter().collect()));
        let used: BTreeSet<Place> =
            labels.filter_map(|labels| Stamp::read(&labels)).flat_map(|it| it.mounted).collect();
        let filters = HashMap::from([("label".to_owned(), vec![format!("{FILES_LABEL}={label}")])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.short(self.docker().list_volumes(Some(options))).await?.volumes.unwrap_or_default();
        for volume in listed.into_iter().filter(|volume| !used.contains(&Place::Volume(volume.name.clone()))) {
            let options = RemoveVolumeOptionsBuilder::new().build();
            match self.short(self.docker().remove_volume(&volume.name, Some(options))).await {
                // Somebody else's container has it.
                Ok(()) | Err(EngineError::NotFound(_) | EngineError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        for place in candidates.iter().filter(|place| !used.contains(place)) {
            let Place::Directory { name, .. } = place else { continue };
            let hatch = self.open_hatch(scope, place).await?;
            let emptied = match self.held(&hatch, place).await {
                Ok(held) if held.is_empty() => Ok(()),
                Ok(_) => self.put(&hatch, tombstone(name)).await,
                Err(error) => Err(error),
            };
            let closed = self.remove_container(&hatch).await;
            emptied.and(closed)?;
        }
        Ok(())
    }

    /// A container that mounts the place. One that an earlier call left is taken over.
    pub(super) async fn open_hatch(&self, scope: &Scope, place: &Place) -> Result<ContainerId, EngineError> {
        let name = match place {
            Place::Volume(volume) => format!("{volume}-hatch"),
            Place::Directory { name, .. } => format!("{}-{name}-hatch", scope.prefix()),
        };
        let host = match place {
            Place::Volume(volume) => HostConfig {
                mounts: Some(vec![Mount {
                    typ: Some(MountType::VOLUME),
                    source: Some(volume.clone()),
                    target: Some(INSIDE.to_owned()),
                    volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
                    ..Mount::default()
                }]),
                ..HostConfig::default()
            },
            // In this form the engine makes a missing directory.
            Place::Directory { folder, .. } => {
                HostConfig { binds: Some(vec![format!("{folder}:{INSIDE}")]), ..HostConfig::default() }
            }
        };
        let body = ContainerCreateBody {
            labels: Some([(HATCH_LABEL.to_owned(), scope.label())].into()),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        match self.create_still(&name, body).await {
            Err(EngineError::Conflict(why)) => {
                let ours = self.labelled(HATCH_LABEL, &scope.label()).await?;
                let left = self
                    .find_container(&name)
                    .await?
                    .filter(|id| ours.iter().any(|other| other.id.as_ref() == Some(&id.0)));
                left.ok_or(EngineError::Conflict(why))
            }
            other => other,
        }
    }

    pub(super) async fn put(&self, hatch: &ContainerId, archive: Vec<u8>) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path(INSIDE).build();
        self.short(self.docker().upload_to_container(&hatch.0, Some(options), body_full(archive.into()))).await
    }

    pub(super) async fn held(&self, hatch: &ContainerId, place: &Place) -> Result<Held, EngineError> {
        let path = match place {
            Place::Volume(_) => INSIDE.to_owned(),
            Place::Directory { name, .. } => format!("{INSIDE}/{name}"),
        };
        let options = DownloadFromContainerOptionsBuilder::new().path(&path).build();
        let parts = self.docker().download_from_container(&hatch.0, Some(options));
        let archive = match self.short(parts.map_ok(|part| part.to_vec()).try_concat()).await {
            Ok(archive) => archive,
            Err(EngineError::NotFound(_)) => return Ok(Held::default()),
            Err(error) => return Err(error),
        };
        unpack(&archive).map_err(|error| EngineError::InDoubt(format!("{place} could not be read: {error}")))
    }
}

/// The set as an archive, to be unpacked where the place is mounted: directories that anyone may enter, then the files.
fn archive(set: &FileSet, files: &[RenderedFile], held: &Held) -> io::Result<Vec<u8>> {
    let prefix = match &set.place {
        Place::Volume(_) => String::new(),
        Place::Directory { name, .. } => format!("{name}/"),
    };
    let mut archive = tar::Builder::new(Vec::new());
    let names = files.iter().map(|file| format!("{prefix}{}", path(set, file)));
    let names: Vec<String> = names.collect();
    let folders = names.iter().flat_map(|name| name.match_indices('/').map(|(end, _)| &name[..=end]));
    for folder in folders.collect::<BTreeSet<_>>() {
        files::append_directory(&mut archive, folder, 0o755)?;
    }
    for (name, file) in names.iter().zip(files) {
        files::append(&mut archive, name, &file.target, file.bytes())?;
    }
    let links = if set.version.is_some() { live::links(set) } else { BTreeMap::new() };
    for (name, to) in links.into_iter().filter(|(name, to)| held.links.get(name) != Some(to)) {
        files::append_link(&mut archive, &format!("{prefix}{name}"), &to)?;
    }
    archive.into_inner()
}

/// An empty file in the place of a directory: unpacking it takes away all that is there. The engine has no other way to
/// remove something from a host.
fn tombstone(name: &str) -> Vec<u8> {
    let target = FileTarget { path: name.to_owned(), uid: 0, gid: 0, mode: 0o444 };
    let mut archive = tar::Builder::new(Vec::new());
    let packed = files::append(&mut archive, name, &target, b"").and_then(|()| archive.into_inner());
    packed.unwrap_or_else(|error| unreachable!("it is written to memory: {error}"))
}
