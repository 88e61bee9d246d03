//! Image registries, as a door: which content a reference names, what an image says of itself, and pushing one that is at hand;
//! and what operators do in one ([`oci`]). No layer is pulled through it; engines do that.

use std::collections::BTreeMap;
use std::error::Error;

use async_trait::async_trait;
use reqwest::Response;

use crate::image::digest::Digest;
use crate::image::parcel::Parcel;
use crate::image::reference::Reference;

pub mod credentials;
pub mod description;
pub mod docker_config;
pub mod manifest;
pub mod oci;
mod place;
pub mod token;

use credentials::Origin;

/// A way to the registries of an environment.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The digest of the manifest or index behind a reference, exactly as its registry names it and after the content was
    /// compared with it. A reference with a digest comes back with that digest, once the registry has shown the content.
    async fn resolve(&self, image: &Reference) -> Result<Digest, RegistryError>;

    /// The labels of an image, from its configuration; of an index, those of its first image.
    async fn labels(&self, image: &Reference) -> Result<BTreeMap<String, String>, RegistryError>;

    /// The digest of an image's configuration, by which two images are the same whatever their layers are packed with;
    /// `None` of an index.
    async fn configuration(&self, image: &Reference) -> Result<Option<Digest>, RegistryError>;

    /// Pushes an image under a tag and returns its digest. Only what the repository lacks is sent; what one of `others`, of
    /// the same registry, has is taken from there, if the registry does that. `told` hears of bytes, sent and to be sent.
    async fn push(
        &self,
        image: &Reference,
        parcel: &Parcel,
        others: &[Reference],
        told: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Digest, RegistryError>;
}

/// Why a registry did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It does not accept who we are.
    #[error("registry {registry} refused the credentials for {path} ({origin})")]
    Unauthorized {
        /// The registry.
        registry: String,
        /// The repository within it.
        path: String,
        /// Which credentials were presented.
        origin: Origin,
    },
    /// It knows us, but does not show us this repository, which may not even exist.
    #[error("registry {registry} gives no access to {path}, or has no such repository ({origin})")]
    Denied {
        /// The registry.
        registry: String,
        /// The repository within it.
        path: String,
        /// Which credentials were presented.
        origin: Origin,
    },
    /// It has no such image.
    #[error("registry {registry} has no image {image}")]
    NotFound {
        /// The registry.
        registry: String,
        /// What was asked for.
        image: String,
    },
    /// No usable answer, also after repeated tries.
    #[error("registry {registry} did not answer: {reason}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// The last try's end.
        reason: String,
    },
    /// Its certificate is not signed by an authority that we trust, or it has none.
    #[error("registry {registry} is not trusted: {reason}")]
    Untrusted {
        /// The registry.
        registry: String,
        /// What is wrong.
        reason: String,
    },
    /// It answered, and refused for a reason of its own.
    #[error("registry {registry} refused: {reason}")]
    Refused {
        /// The registry.
        registry: String,
        /// Its words.
        reason: String,
    },
    /// Its answer is not what the protocol allows; no digest is taken from such an answer.
    #[error("registry {registry} gave an answer that cannot be used: {reason}")]
    Invalid {
        /// The registry.
        registry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Credentials for it could not be obtained.
    #[error("no credentials for registry {registry}: {reason}")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why.
        reason: String,
    },
    /// Docker Hub could not be asked, and its mirrors had been passed over.
    #[error("{error}; before it: {mirrors}")]
    BehindMirrors {
        /// What came of Docker Hub itself.
        error: Box<RegistryError>,
        /// What each mirror had come to.
        mirrors: String,
    },
    /// A file with certificate authorities cannot be used.
    #[error("certificate authority {path}: {reason}")]
    Authority {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl RegistryError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unauthorized { registry, origin, .. } | Self::Denied { registry, origin, .. } => {
                Some(origin.hint(registry))
            }
            Self::Untrusted { .. } => Some(
                "name the authority that signed its certificate as `registry.ca` in the manifest; \
                 only if it really has no TLS, set `registry.insecure: true`"
                    .to_owned(),
            ),
            Self::BehindMirrors { error, .. } => error.hint(),
            _ => None,
        }
    }
}

/// The body of an answer; `None` if it has more bytes than this.
pub(crate) async fn bounded(mut answer: Response, most: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await? {
        bytes.extend_from_slice(&part);
        if bytes.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

/// An error with all its causes: the outermost of a failed request says only that it failed.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
