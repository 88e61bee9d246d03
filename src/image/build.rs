//! One build on one engine: the context goes there as a stream, an image id comes back. BuildKit builds where the engine has
//! it, and the engine's older builder where it has not. What has been built from the very same is not built again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::context::{Context, ContextError};
use super::printable::printable;
use super::revision::Revision;
use super::{Progress, buildkit, key, output, revision};
use crate::engine::client::Client;
use crate::environment::{Build, Secret};
use crate::name::SecretName;
use crate::registry::credentials::Logins;

/// For a whole build. Compilers may be silent for long, so there is no shorter limit between two lines.
const BUILD_TIMEOUT: Duration = Duration::from_hours(1);
/// Bytes of the archive that are sent at once, and how many such chunks may wait.
const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 8;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The context cannot be sent.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The build failed, in the engine's words.
    #[error("the build failed: {reason}")]
    Failed {
        /// Why.
        reason: String,
        /// The last lines of its output, oldest first.
        output: Vec<String>,
    },
    /// The engine refused, or went away.
    #[error("the builder failed: {0}")]
    Engine(String),
    /// It asks for what only BuildKit has.
    #[error("the builder has no BuildKit, which `{0}` of a build needs")]
    NoBuildKit(&'static str),
    /// There is no SSH agent to ask.
    #[error("the build may ask the SSH agent `{0}`, and there is none: SSH_AUTH_SOCK is not set")]
    NoAgent(String),
    /// Nothing came of it in time.
    #[error("the build did not end within {} min", BUILD_TIMEOUT.as_secs() / 60)]
    Timeout,
}

/// What to build with, apart from the build's own description.
pub struct Extras<'a> {
    /// What the image is for: its repository, without a registry.
    pub name: &'a str,
    /// For base images from private registries.
    pub logins: &'a Arc<Logins>,
    /// Registries that the older builder is told the logins of, which asks for none.
    pub registries: Vec<&'a str>,
    /// Values of the secrets that the build names.
    pub secrets: &'a BTreeMap<SecretName, Secret>,
    /// `os/architecture[/variant]`; `None` is the engine's own.
    pub platform: Option<&'a str>,
    /// Receives what happens.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Extras<'_> {
    /// The secrets that a build names, by their ids.
    pub(super) fn secrets_of(&self, build: &Build) -> BTreeMap<String, Secret> {
        let named = build.secrets.iter().filter_map(|(id, name)| Some((id.clone(), self.secrets.get(name)?.clone())));
        named.collect()
    }
}

/// Builds the image that `build` describes and returns its id. The image has no name yet: a build that fails or is
/// abandoned moves no tag. Dropping the future ends the build on the engine too.
pub async fn build(client: &Client, root: &Path, build: &Build, extras: Extras<'_>) -> Result<String, BuildError> {
    timeout(BUILD_TIMEOUT, run(client, root, build, &extras)).await.map_err(|_| BuildError::Timeout)?
}

/// Builds from a context that is at hand, whose Dockerfile is at its top, and returns the image's id.
pub(super) async fn build_archive(client: &Client, context: Vec<u8>, extras: Extras<'_>) -> Result<String, BuildError> {
    (extras.progress)(Progress::Context { entries: 1, bytes: context.len() as u64 });
    let (recipe, begun) = (Build::of(PathBuf::new()), Instant::now());
    let built = async {
        let archive = stream::iter([Ok(Bytes::from(context))]).boxed();
        let id = classic(client, &recipe, &BTreeMap::new(), archive, &extras).await?;
        known(client, id, None, begun, &extras).await
    };
    timeout(BUILD_TIMEOUT, built).await.map_err(|_| BuildError::Timeout)?
}

async fn run(client: &Client, root: &Path, build: &Build, extras: &Extras<'_>) -> Result<String, BuildError> {
    let begun = Instant::now();
    let has_buildkit = buildkit::is_there(client);
    if let (Some(what), false) = (build.needs_buildkit(), has_buildkit) {
        return Err(BuildError::NoBuildKit(what));
    }
    let context = scan(root, build).await?;
    (extras.progress)(Progress::Context { entries: context.len(), bytes: context.bytes });
    let context = Arc::new(context);
    let key = key::of(&context, build, extras.platform).await?;
    if !build.looks_elsewhere()
        && let Some(id) = key::find(client, extras.name, &key).await?
    {
        (extras.progress)(Progress::Unchanged { id: id.clone(), key });
        return Ok(id);
    }
    let revision = revision::of(root, &build.context).await;
    let labels = labels(build, revision);
    let (archive, writer) = send(Arc::clone(&context));
    let result = if has_buildkit {
        buildkit::build(client, build, &labels, archive, extras).await
    } else {
        classic(client, build, &labels, archive, extras).await
    };
    // The engine only knows that the archive broke off; the writer knows why.
    match writer.await {
        Ok(Err(error)) if !is_hung_up(&error) => return Err(error.into()),
        _ => {}
    }
    let id = known(client, result?, Some(key.clone()), begun, extras).await?;
    key::keep(client, extras.name, &key, &id).await;
    Ok(id)
}

/// By the engine's older builder.
async fn classic(
    client: &Client,
    build: &Build,
    labels: &BTreeMap<String, String>,
    archive: Archive,
    extras: &Extras<'_>,
) -> Result<String, BuildError> {
    // The engine takes in the whole context before it answers, so its answer may take as long as the build.
    let docker = client.docker().clone().with_timeout(BUILD_TIMEOUT);
    let credentials = extras.logins.for_build(&extras.registries).await;
    let credentials = credentials.map_err(|error| BuildError::Engine(error.to_string()))?;
    let body = bollard::body_try_stream(archive);
    let records = docker.build_image(options(build, labels, extras.platform), Some(credentials), Some(body));
    output::follow(records, extras.progress).await
}

/// Labels of what is built, those of the manifest over ours. The names for where it comes from are those of the OCI image
/// specification (`annotations.md`).
fn labels(build: &Build, revision: Option<Revision>) -> BTreeMap<String, String> {
    let revision = revision.into_iter().flat_map(|it| {
        let source = it.source.map(|source| ("org.opencontainers.image.source", source));
        [("org.opencontainers.image.revision", it.commit)].into_iter().chain(source)
    });
    revision.map(|(name, value)| (name.to_owned(), value)).chain(build.labels.clone()).collect()
}

/// The stream may have been cut short; the engine's own word that the image is there decides.
async fn known(
    client: &Client,
    id: String,
    key: Option<String>,
    begun: Instant,
    extras: &Extras<'_>,
) -> Result<String, BuildError> {
    let image = client.docker().inspect_image(&id).await;
    let image = image.map_err(|error| BuildError::Engine(engine_error(&error)))?;
    let id = image.id.unwrap_or(id);
    (extras.progress)(Progress::Built { id: id.clone(), key, took: begun.elapsed() });
    Ok(id)
}

fn options(build: &Build, labels: &BTreeMap<String, String>, platform: Option<&str>) -> BuildImageOptions {
    BuildImageOptions {
        platform: build.platform.as_deref().or(platform).unwrap_or_default().to_owned(),
        dockerfile: build.dockerfile.clone(),
        buildargs: Some(build.args.clone().into_iter().collect()),
        labels: Some(labels.clone().into_iter().collect()),
        target: build.target.clone().unwrap_or_default(),
        cachefrom: (!build.cache_from.is_empty()).then(|| build.cache_from.clone()),
        networkmode: build.network.clone(),
        extrahosts: (!build.extra_hosts.is_empty()).then(|| build.extra_hosts.join(",")),
        shmsize: build.shm_size.and_then(|bytes| bytes.try_into().ok()),
        nocache: build.no_cache,
        pull: build.pull.then(|| "1".to_owned()),
        rm: true,
        forcerm: true,
        ..BuildImageOptions::default()
    }
}

async fn scan(root: &Path, build: &Build) -> Result<Context, BuildError> {
    let (root, build) = (root.to_owned(), build.clone());
    let scan = tokio::task::spawn_blocking(move || Context::scan(&root, &build.context, &build.dockerfile));
    Ok(scan.await.map_err(|error| BuildError::Engine(error.to_string()))??)
}

/// A context on its way to the engine.
pub(super) type Archive = BoxStream<'static, Piece>;
type Piece = Result<Bytes, io::Error>;

/// Writes the archive in the background; no more than a few chunks of it are in memory.
fn send(context: Arc<Context>) -> (Archive, JoinHandle<Result<(), ContextError>>) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let writer = tokio::task::spawn_blocking(move || {
        let result = context.write(Chunks { sender: sender.clone(), chunk: Vec::with_capacity(CHUNK) });
        if result.is_err() {
            // Makes the request fail instead of ending with half an archive. If nobody listens, it has failed already.
            let _ = sender.blocking_send(Err(io::Error::other("the context could not be read")));
        }
        result
    });
    let chunks = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    (chunks.boxed(), writer)
}

struct Chunks {
    sender: mpsc::Sender<Piece>,
    chunk: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender.blocking_send(Ok(chunk.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Whether writing failed only because the engine stopped listening.
fn is_hung_up(error: &ContextError) -> bool {
    matches!(error, ContextError::Read { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}

pub(super) fn engine_error(error: &EngineError) -> String {
    match error {
        EngineError::DockerResponseServerError { message: text, .. }
        | EngineError::DockerStreamError { error: text } => printable(text),
        other => printable(&crate::registry::chain(other)),
    }
}
