//! Pushing an image that is at hand: what the repository lacks, several blobs at a time, and at last the manifest, so that the
//! tag leads to all of it or to what it led to before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::time::timeout;

use super::super::RegistryError;
use super::super::token::Scope;
use super::failure::{Failure, invalid};
use super::mount::Mount;
use super::upload::Upload;
use super::wire::Question;
use super::{Access, OciRegistry, patiently};
use crate::image::digest::Digest;
use crate::image::parcel::{MANIFEST, Parcel};
use crate::image::printable::printable;
use crate::image::reference::Reference;
use crate::registry::credentials::Credentials;

/// Blobs that are sent at a time.
const AT_ONCE: usize = 4;

/// For all other repositories to be asked for a blob; after that it is uploaded.
const TAKE_OVER: Duration = Duration::from_mins(1);

impl OciRegistry {
    /// See [`crate::registry::Registry::push`].
    pub(super) async fn send(
        &self,
        image: &Reference,
        parcel: &Parcel,
        others: &[Reference],
        told: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Digest, RegistryError> {
        let credentials = self.logins.of(image.registry()).await?;
        let access = self.access(image.registry());
        // Of each blob, what was sent and what there is to send, once it is known that it has to be.
        let sizes = Mutex::new(vec![(0, 0); parcel.blobs.len()]);
        let blobs = parcel.blobs.iter().map(Arc::clone).enumerate().map(|(number, blob)| {
            let (sizes, credentials) = (&sizes, &credentials);
            async move {
                let tell = |sent: u64| {
                    let mut sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner);
                    sizes[number] = (sent, blob.size);
                    told(sizes.iter().map(|(sent, _)| sent).sum(), sizes.iter().map(|(_, size)| size).sum());
                };
                let has = || access.has(image, &blob.digest, credentials);
                if patiently(image.registry(), has).await? {
                    return Ok(());
                }
                let upload = Upload { access, image, credentials, blob: &blob, tell: &tell };
                match timeout(TAKE_OVER, upload.take_over(others)).await.unwrap_or(Mount::Not) {
                    Mount::Done => Ok(()),
                    Mount::Begun(session) => upload.run(Some(session)).await,
                    Mount::Not => upload.run(None).await,
                }
            }
        });
        let () = stream::iter(blobs).buffer_unordered(AT_ONCE).try_collect().await?;
        patiently(image.registry(), || access.put(image, parcel, &credentials)).await?;
        Ok(parcel.digest.clone())
    }
}

impl Access {
    /// Whether a repository has a blob.
    pub(super) async fn has(
        &self,
        image: &Reference,
        digest: &Digest,
        credentials: &Credentials,
    ) -> Result<bool, Failure> {
        let path = format!("/v2/{}/blobs/{digest}", image.path());
        match self.ask(image, Question::new(Method::HEAD, path, Scope::Pull(image.path())), credentials).await {
            Ok(_) => Ok(true),
            // Some registries hide a repository that the first push is yet to create.
            Err(Failure::Final(RegistryError::NotFound { .. } | RegistryError::Denied { .. })) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn put(&self, image: &Reference, parcel: &Parcel, credentials: &Credentials) -> Result<(), Failure> {
        let path = format!("/v2/{}/manifests/{}", image.path(), image.tag().unwrap_or_default());
        let mut question = Question::new(Method::PUT, path, Scope::Push(image.path()));
        question.body = Some((MANIFEST.to_owned(), parcel.manifest.clone()));
        let (headers, _) = self.ask(image, question, credentials).await?;
        stored(&headers, &parcel.digest).map_err(|reason| invalid(image, reason))
    }
}

/// Whether a registry says, if it says anything, that it has stored what it was sent.
pub(super) fn stored(headers: &HeaderMap, sent: &Digest) -> Result<(), String> {
    match headers.get("docker-content-digest").map(|named| named.to_str().unwrap_or("(no text)")) {
        Some(named) if named != sent.as_str() => {
            Err(format!("it was sent {sent}, and says that it stored {:?}", printable(named)))
        }
        _ => Ok(()),
    }
}
