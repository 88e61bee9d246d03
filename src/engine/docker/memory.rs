//! Secrets in a host's memory, through the engine alone: a container that is never started mounts [`memory::ROOT`], so that
//! what is copied into it lands there. Nothing can be deleted this way, but a file can take a directory's place.

use std::collections::BTreeSet;

use bollard::body_full;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::{DockerEngine, files};
use crate::container::ContainerId;
use crate::engine::client::{SHORT, call};
use crate::engine::memory::Held;
use crate::engine::{EngineError, memory};
use crate::environment::Scope;
use crate::fleet::stamp::SCOPE_LABEL;
use crate::template::rendered::RenderedFile;

/// The container, on every host.
const WINDOW: &str = "shipctl-memory";
/// Where the host's directory is in it.
const PLACE: &str = "/memory";
/// Directories that are made to see what they are on, with so many empty files in each.
const PROBES: [(&str, usize); 2] = [("probe-one", 1), ("probe-four", 4)];
/// What a directory of a tmpfs grows by with each entry, of which it has two from the start (`BOGO_DIRENT_SIZE` of Linux). On
/// no other file system is a directory's size that, whatever is in it, and its size is all that engines show of it.
const ENTRY: usize = 20;
/// Is written last, beside the files: without it they are not all there.
const COMPLETE: &str = "complete";

impl DockerEngine {
    /// Makes the files be there, in the order of [`memory::mounts`].
    pub(super) async fn put_in_memory(&self, directory: &str, files: &[&RenderedFile]) -> Result<(), EngineError> {
        self.memory.get_or_try_init(|| self.insist_on_memory(directory)).await?;
        let mut archive = tar::Builder::new(Vec::new());
        let mut pack = || {
            let place = format!("{}/{directory}", &PLACE[1..]);
            files::append_directory(&mut archive, &place, 0o700)?;
            for (index, file) in files.iter().enumerate() {
                files::append(&mut archive, &format!("{place}/{index}"), &file.target, file.bytes())?;
            }
            files::append_plain(&mut archive, &format!("{place}/{COMPLETE}"), b"1")
        };
        pack()
            .and_then(|()| archive.into_inner())
            .map_err(|error| unpacked(&error))
            .map(|archive| self.upload_to_memory(archive))?
            .await
    }

    /// Refuses a host whose [`memory::ROOT`] is on a disk, before a secret is put there.
    async fn insist_on_memory(&self, directory: &str) -> Result<(), EngineError> {
        // Another project may ask the same at the same time.
        let mark = hex::encode(&Sha256::digest(directory)[..4]);
        let probes = PROBES.map(|(name, count)| (format!("{name}-{mark}"), count));
        let packed = |place: fn(&mut tar::Builder<Vec<u8>>, &str, usize) -> std::io::Result<()>| {
            let mut archive = tar::Builder::new(Vec::new());
            let mut places = probes.iter().map(|(name, count)| (format!("{}/{name}", &PLACE[1..]), *count));
            let packed = places.try_for_each(|(name, count)| place(&mut archive, &name, count));
            packed.and_then(|()| archive.into_inner()).map_err(|error| unpacked(&error))
        };
        let directories = packed(|archive, name, count| {
            files::append_directory(archive, name, 0o700)?;
            (0..count).try_for_each(|file| files::append_plain(archive, &format!("{name}/{file}"), b""))
        })?;
        self.upload_to_memory(directories).await?;
        let mut is_memory = true;
        for (name, count) in &probes {
            let options = ContainerArchiveInfoOptionsBuilder::new().path(&format!("{PLACE}/{name}")).build();
            let seen = self.short(self.docker().get_container_archive_info(WINDOW, Some(options))).await?;
            is_memory &= usize::try_from(seen.size).is_ok_and(|size| size == ENTRY * (2 + count));
        }
        self.upload_to_memory(packed(|archive, name, _| files::append_plain(archive, name, b""))?).await?;
        if is_memory {
            return Ok(());
        }
        let root = memory::ROOT;
        let why =
            format!("{root} of the host is not a tmpfs: a secret with `tmpfs: true` would be written to its disk");
        Err(EngineError::Refused(why))
    }

    /// Whether all files of a directory are there: they are gone when the host was restarted.
    pub(super) async fn is_in_memory(&self, directory: &str) -> Result<bool, EngineError> {
        let window = ContainerId(WINDOW.to_owned());
        let found = files::read(&self.client, &window, &format!("{PLACE}/{directory}/{COMPLETE}")).await?;
        Ok(found.is_some())
    }

    /// Takes the files of a container out of memory, unless another container has the same ones.
    pub(super) async fn forget(&self, id: &ContainerId, directory: &str) -> Result<(), EngineError> {
        let users = self.labelled(memory::LABEL, directory).await?;
        if users.iter().any(|user| user.id.as_ref() != Some(&id.0)) {
            return Ok(());
        }
        self.clear_memory(directory).await
    }

    /// Takes a directory out of memory. What is left is an empty file of its name, until the host is restarted.
    pub(super) async fn clear_memory(&self, directory: &str) -> Result<(), EngineError> {
        let mut archive = tar::Builder::new(Vec::new());
        files::append_plain(&mut archive, &format!("{}/{directory}", &PLACE[1..]), b"")
            .and_then(|()| archive.into_inner())
            .map_err(|error| unpacked(&error))
            .map(|archive| self.upload_to_memory(archive))?
            .await
    }

    /// Directories of containers of `scope`, those that are all there.
    pub(super) async fn held_in_memory(&self, scope: &Scope) -> Result<Held, EngineError> {
        let mut directories = BTreeSet::new();
        for container in self.labelled(SCOPE_LABEL, &scope.label()).await? {
            directories.extend(container.labels.unwrap_or_default().remove(memory::LABEL));
        }
        let mut held = Held::default();
        for directory in directories {
            if !self.is_in_memory(&directory).await? {
                continue;
            }
            let options = DownloadFromContainerOptionsBuilder::new().path(&format!("{PLACE}/{directory}")).build();
            let parts = self.docker().download_from_container(WINDOW, Some(options));
            held.0.push(call(SHORT, parts.map_ok(|part| part.to_vec()).try_concat()).await?);
        }
        Ok(held)
    }

    /// Puts directories back, where memory is still memory.
    pub(super) async fn put_back_in_memory(&self, held: &Held) -> Result<(), EngineError> {
        if held.0.is_empty() {
            return Ok(());
        }
        self.insist_on_memory(WINDOW).await?;
        for archive in &held.0 {
            let archive = files::beneath(archive, PLACE).map_err(|error| unpacked(&error))?;
            self.upload_to_memory(archive).await?;
        }
        Ok(())
    }

    async fn upload_to_memory(&self, archive: Vec<u8>) -> Result<(), EngineError> {
        let bind = format!("{}:{PLACE}", memory::ROOT);
        let body = ContainerCreateBody {
            host_config: Some(HostConfig { binds: Some(vec![bind]), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        match Box::pin(self.create_still(WINDOW, body)).await {
            Ok(_) | Err(EngineError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        // Without the engine's protection of directories: one is to be replaced.
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        self.short(self.docker().upload_to_container(WINDOW, Some(options), body_full(archive.into()))).await
    }
}

fn unpacked(error: &std::io::Error) -> EngineError {
    EngineError::Refused(format!("cannot pack secrets: {error}"))
}
