//! One push from the engine that holds an image to a registry.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::PushImageInfo;
use bollard::query_parameters::{PushImageOptions, TagImageOptions};
use futures_util::{Stream, StreamExt};
use tokio::time::{sleep, timeout};

use super::Progress;
use super::build::engine_error;
use super::digest::Digest;
use super::printable::printable;
use super::reference::Reference;
use crate::registry::credentials::{Credentials, Origin};

/// The longest silence within a push: engines report several times a second while bytes move, but registries may take
/// their time over the last one.
const SILENCE: Duration = Duration::from_mins(5);
/// Pauses before further tries. Layers that have arrived are not sent again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Why an image did not reach its registry.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The registry does not accept who we are.
    #[error("registry {registry} refused the push to {path} ({origin})")]
    Unauthorized {
        /// The registry.
        registry: String,
        /// The repository within it.
        path: String,
        /// Which credentials were presented.
        origin: Origin,
    },
    /// The builder does not trust the registry's certificate, or speaks TLS to a registry that does not.
    #[error("the builder does not trust registry {registry}: {reason}")]
    Untrusted {
        /// The registry.
        registry: String,
        /// In the builder's words.
        reason: String,
    },
    /// It failed for another reason.
    #[error("the push of {image} failed: {reason}")]
    Failed {
        /// What was pushed.
        image: String,
        /// In the engine's or the registry's words.
        reason: String,
    },
    /// The registry shows other content under the digest than was pushed.
    #[error("registry {registry} names the image {found}, but {pushed} was pushed")]
    Differs {
        /// The registry.
        registry: String,
        /// What the registry says.
        found: Digest,
        /// What was pushed.
        pushed: Digest,
    },
}

impl PushError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Untrusted { registry, .. } => Some(format!(
                "on the builder, put the authority into /etc/docker/certs.d/{registry}/ca.crt, or list a registry without TLS \
                 under `insecure-registries` in /etc/docker/daemon.json; or set `registry.push: shipctl`, and it need not reach it"
            )),
            Self::Unauthorized { registry, origin, .. } => Some(origin.hint(registry)),
            Self::Failed { .. } | Self::Differs { .. } => None,
        }
    }
}

/// Gives an image of the engine this name.
pub async fn tag(docker: &Docker, id: &str, repository: &str, tag: &str) -> Result<(), PushError> {
    let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
    let failed = |error| PushError::Failed { image: format!("{repository}:{tag}"), reason: engine_error(&error) };
    docker.tag_image(id, Some(options)).await.map_err(failed)
}

/// Pushes `image`, which must have a tag and be known to the engine under it. Returns the digest that the engine has
/// computed; who deploys it compares it with the registry's.
pub async fn push(
    docker: &Docker,
    image: &Reference,
    credentials: &Credentials,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Digest, PushError> {
    let mut pauses = PAUSES.iter();
    loop {
        let options = PushImageOptions { tag: image.tag().map(str::to_owned), ..PushImageOptions::default() };
        let login = credentials.for_engine(image.registry());
        let records = docker.push_image(&image.repository(), Some(options), login);
        match read(records, progress).await {
            Ok(digest) => return Ok(digest),
            Err(reason) => match (classify(&reason, image, credentials), pauses.next()) {
                (PushError::Failed { .. }, Some(pause)) => sleep(*pause).await,
                (error, _) => return Err(error),
            },
        }
    }
}

/// Follows a push to the digest that ends it. The error is in the engine's words.
async fn read(
    records: impl Stream<Item = Result<PushImageInfo, EngineError>>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Digest, String> {
    let mut records = std::pin::pin!(records);
    let mut layers = BTreeMap::new();
    let mut digest = None;
    loop {
        let record = match timeout(SILENCE, records.next()).await {
            Ok(Some(Ok(record))) => record,
            // See the same case of a build.
            Ok(Some(Err(EngineError::IOError { .. })) | None) if digest.is_some() => break,
            Ok(Some(Err(error))) => return Err(engine_error(&error)),
            Ok(None) => break,
            Err(_) => return Err(format!("nothing happened for {} s", SILENCE.as_secs())),
        };
        if let Some(error) = record.error_detail {
            return Err(printable(&error.message.unwrap_or_default()));
        }
        let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        let layer = record.progress_detail.map(|detail| (bytes(detail.current), bytes(detail.total)));
        if let Some((done, total)) = layer.filter(|(_, total)| *total > 0) {
            // The library drops the layer's id, so layers are told apart by their size.
            let sent = layers.entry(total).or_insert(0);
            *sent = done.min(total).max(*sent);
            progress(Progress::Pushing { done: layers.values().sum(), total: layers.keys().sum() });
        }
        digest = record.status.as_deref().and_then(pushed_digest).or(digest);
    }
    digest.ok_or_else(|| "the engine's answer ended without a digest".to_owned())
}

/// The engine's last word: `<tag>: digest: sha256:… size: 528`. The library drops the record that says it in fields.
fn pushed_digest(status: &str) -> Option<Digest> {
    let (_, rest) = status.split_once(": digest: ")?;
    rest.split_once(" size: ")?.0.parse().ok()
}

/// Engines and registries say these things in words only.
fn classify(reason: &str, image: &Reference, credentials: &Credentials) -> PushError {
    let registry = image.registry().to_owned();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["unauthorized", "no basic auth credentials", "authentication required", "denied"]) {
        return PushError::Unauthorized { registry, path: image.path().to_owned(), origin: credentials.origin.clone() };
    }
    if says(&["x509:", "server gave HTTP response to HTTPS client", "tls:"]) {
        return PushError::Untrusted { registry, reason: reason.to_owned() };
    }
    PushError::Failed { image: image.to_string(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ErrorDetail, ProgressDetail};
    use futures_util::stream;

    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn status(text: &str) -> PushImageInfo {
        PushImageInfo { status: Some(text.to_owned()), ..PushImageInfo::default() }
    }

    async fn end_of(records: Vec<PushImageInfo>) -> Result<Digest, String> {
        read(stream::iter(records).map(Ok), &|_| ()).await
    }

    #[tokio::test]
    async fn only_a_digest_ends_a_push_well() {
        let last = || status(&format!("v1: digest: {DIGEST} size: 528"));
        assert_eq!(end_of(vec![status("Pushed"), last()]).await.unwrap().as_str(), DIGEST);
        let detail = ErrorDetail { message: Some("denied".to_owned()), code: None };
        let failure = PushImageInfo { error_detail: Some(detail), ..PushImageInfo::default() };
        assert_eq!(end_of(vec![last(), failure]).await, Err("denied".to_owned()));
        for records in [vec![], vec![status("Pushed")], vec![status("v1: digest: sha256:12 size: 3")]] {
            assert!(end_of(records).await.is_err());
        }
    }

    #[tokio::test]
    async fn progress_is_the_sum_over_layers() {
        let seen = std::sync::Mutex::new(Vec::new());
        let layer = |current, total| {
            let progress_detail = Some(ProgressDetail { current: Some(current), total: Some(total) });
            PushImageInfo { progress_detail, ..PushImageInfo::default() }
        };
        let records = vec![layer(1, 10), layer(5, 20), layer(99, 10), layer(0, 0)];
        let _ = read(stream::iter(records).map(Ok), &|progress| seen.lock().unwrap().push(progress)).await;
        let expected = [(1, 10), (6, 30), (15, 30)].map(|(done, total)| Progress::Pushing { done, total });
        assert_eq!(seen.into_inner().unwrap(), expected);
    }
}
