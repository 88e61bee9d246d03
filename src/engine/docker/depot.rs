//! Where images come from that hosts are sent, or that shipctl pushes: the builder's engine. It is connected to when a host
//! lacks one, and each image is saved once for all hosts.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::Docker;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::parcel::Stored;
use super::pull::STALL;
use super::{DockerHost, Supply, stock};
use crate::container::PinnedImage;
use crate::engine::EngineError;
use crate::engine::thin::Saved;
use crate::fleet::layers::Layer;
use crate::fleet::{Endpoint, Host};
use crate::transport::TransportError;

/// Holds an image while it is sent, where `TMPDIR` says nothing: images are large, and /tmp may be memory.
const SPOOL: &str = "/var/tmp";

pub(super) type Once<T> = Arc<OnceCell<T>>;

/// The images of one builder.
pub struct Depot {
    builder: Host,
    host: OnceCell<DockerHost>,
    stored: Mutex<BTreeMap<String, Once<Arc<Stored>>>>,
}

impl Depot {
    /// Contacts nobody yet.
    pub fn new(builder: &Endpoint) -> Self {
        let name = "builder".parse().unwrap_or_else(|error| unreachable!("a fixed name: {error}"));
        let builder = Host { name, endpoint: builder.clone(), role: None, labels: BTreeMap::new() };
        Self { builder, host: OnceCell::new(), stored: Mutex::default() }
    }

    /// An image as the builder saves it.
    pub(super) async fn stored(&self, image: &PinnedImage) -> Result<Arc<Stored>, EngineError> {
        let once = {
            let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(stored.entry(image.reference()).or_default())
        };
        once.get_or_try_init(|| self.save(image)).await.cloned()
    }

    /// What an image consists of, without saving it.
    pub async fn layers(&self, image: &PinnedImage) -> Result<Vec<Layer>, EngineError> {
        stock::layers_of(&self.builder().await?.client, &image.reference()).await
    }

    async fn builder(&self) -> Result<&DockerHost, EngineError> {
        let unreachable = |error: TransportError| {
            EngineError::Unreachable(format!("the builder at {} cannot be reached: {error}", self.builder.endpoint))
        };
        let open = || super::open(&self.builder, Supply::default());
        self.host.get_or_try_init(open).await.map_err(unreachable)
    }

    async fn save(&self, image: &PinnedImage) -> Result<Arc<Stored>, EngineError> {
        let saved = save(self.builder().await?.client.docker(), &image.reference(), "the builder").await;
        saved.map(|saved| Arc::new(Stored::new(saved))).map_err(|error| match error {
            EngineError::NotFound(_) => EngineError::Refused(format!(
                "{image} is neither here nor on the builder any more; deploy that release again from its manifest"
            )),
            error => error,
        })
    }

    /// Ends the connection, if there is one.
    pub async fn close(&self) {
        if let Some(host) = self.host.get() {
            host.transport.close().await;
        }
    }
}

/// A file for a part of an image while it is sent. It has no name, and so is gone with this process.
pub fn spool() -> io::Result<File> {
    let directory = directory();
    tempfile::tempfile_in(&directory).map_err(|error| in_spool(&directory, &error))
}

fn directory() -> PathBuf {
    env::var_os("TMPDIR").map_or_else(|| PathBuf::from(SPOOL), PathBuf::from)
}

fn in_spool(directory: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("it cannot be kept in {} while it is sent: {error}", directory.display()))
}

/// An image of an engine, as that saves it. `whose` engine it is, for people.
pub async fn save(docker: &Docker, reference: &str, whose: &str) -> Result<Saved, EngineError> {
    let refused = |error: io::Error| EngineError::Refused(format!("{reference}: {error}"));
    let written = |error: io::Error| refused(in_spool(&directory(), &error));
    let mut file = tokio::fs::File::from_std(spool().map_err(refused)?);
    let mut archive = Box::pin(docker.export_image(reference));
    while let Some(chunk) = next(&mut archive, whose).await? {
        file.write_all(&chunk).await.map_err(written)?;
    }
    file.flush().await.map_err(written)?;
    let file: File = file.into_std().await;
    let odd = |error: String| EngineError::Refused(format!("{reference} of {whose}: {error}"));
    let saved = tokio::task::spawn_blocking(move || Saved::read(file)).await.map_err(|error| odd(error.to_string()))?;
    saved.map_err(|error| odd(error.to_string()))
}

async fn next<T>(
    archive: &mut (impl futures_util::Stream<Item = Result<T, bollard::errors::Error>> + Unpin),
    whose: &str,
) -> Result<Option<T>, EngineError> {
    match timeout(STALL, archive.next()).await {
        Ok(chunk) => chunk.transpose().map_err(EngineError::from),
        Err(_) => Err(EngineError::InDoubt(format!("{whose} has sent nothing for {} s", STALL.as_secs()))),
    }
}
