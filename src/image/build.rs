//! One build on one engine, with the engine's own builder: the context goes there as a stream, an image id comes back.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::context::{Context, ContextError};
use super::printable::printable;
use super::{Progress, output};
use crate::environment::Build;

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
    /// Nothing came of it in time.
    #[error("the build did not end within {} min", BUILD_TIMEOUT.as_secs() / 60)]
    Timeout,
}

/// What to build, apart from the build's own description.
pub struct Extras<'a> {
    /// For base images from private registries.
    pub credentials: HashMap<String, DockerCredentials>,
    /// `os/architecture[/variant]`; `None` is the engine's own.
    pub platform: Option<&'a str>,
    /// Receives what happens.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// Builds the image that `build` describes and returns its id. The image has no name yet: a build that fails or is
/// abandoned moves no tag. Dropping the future ends the build on the engine too.
pub async fn build(docker: &Docker, root: &Path, build: &Build, extras: Extras<'_>) -> Result<String, BuildError> {
    timeout(BUILD_TIMEOUT, run(docker, root, build, extras)).await.map_err(|_| BuildError::Timeout)?
}

/// Builds from a context that is at hand, whose Dockerfile is at its top, and returns the image's id.
pub(super) async fn build_archive(docker: &Docker, context: Vec<u8>, extras: Extras<'_>) -> Result<String, BuildError> {
    let Extras { credentials, platform, progress } = extras;
    let recipe =
        Build { context: PathBuf::new(), dockerfile: "Dockerfile".to_owned(), args: BTreeMap::new(), target: None };
    progress(Progress::Context { entries: 1, bytes: context.len() as u64 });
    let docker = docker.clone().with_timeout(BUILD_TIMEOUT);
    let body = bollard::body_full(context.into());
    let built = async {
        let records = docker.build_image(options(&recipe, platform), Some(credentials), Some(body));
        known(&docker, output::follow(records, progress).await?, progress).await
    };
    timeout(BUILD_TIMEOUT, built).await.map_err(|_| BuildError::Timeout)?
}

async fn run(docker: &Docker, root: &Path, build: &Build, extras: Extras<'_>) -> Result<String, BuildError> {
    // The engine takes in the whole context before it answers, so its answer may take as long as the build.
    let docker = docker.clone().with_timeout(BUILD_TIMEOUT);
    let Extras { credentials, platform, progress } = extras;
    let context = scan(root, build).await?;
    progress(Progress::Context { entries: context.len(), bytes: context.bytes });
    let (archive, writer) = send(context);
    let body = bollard::body_try_stream(archive);
    let records = docker.build_image(options(build, platform), Some(credentials), Some(body));
    let result = output::follow(records, progress).await;
    // The engine only knows that the archive broke off; the writer knows why.
    match writer.await {
        Ok(Err(error)) if !is_hung_up(&error) => return Err(error.into()),
        _ => {}
    }
    known(&docker, result?, progress).await
}

/// The stream may have been cut short; the engine's own word that the image is there decides.
async fn known(docker: &Docker, id: String, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<String, BuildError> {
    let image = docker.inspect_image(&id).await.map_err(|error| BuildError::Engine(engine_error(&error)))?;
    let id = image.id.unwrap_or(id);
    progress(Progress::Built { id: id.clone() });
    Ok(id)
}

fn options(build: &Build, platform: Option<&str>) -> BuildImageOptions {
    BuildImageOptions {
        platform: platform.unwrap_or_default().to_owned(),
        dockerfile: build.dockerfile.clone(),
        buildargs: Some(build.args.clone().into_iter().collect()),
        target: build.target.clone().unwrap_or_default(),
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

type Archive = Result<Bytes, io::Error>;

/// Writes the archive in the background; no more than a few chunks of it are in memory.
fn send(context: Context) -> (impl Stream<Item = Archive> + Send + 'static, JoinHandle<Result<(), ContextError>>) {
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
    (chunks, writer)
}

struct Chunks {
    sender: mpsc::Sender<Archive>,
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
