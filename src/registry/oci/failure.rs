//! How a question to a registry fails.

use std::error::Error;
use std::time::Duration;

use super::super::token::TokenError;
use super::super::{RegistryError, chain};
use crate::image::printable::printable;
use crate::image::reference::Reference;
use crate::registry::credentials::Credentials;

/// How one try ended.
pub(super) enum Failure {
    Final(RegistryError),
    /// It may be different next time.
    Again {
        reason: String,
        /// How long the registry asks us to wait.
        after: Option<Duration>,
    },
}

impl Failure {
    pub fn again(reason: String) -> Self {
        Self::Again { reason, after: None }
    }
}

/// What cannot be used, and is no better next time.
pub(super) fn invalid(image: &Reference, reason: String) -> Failure {
    Failure::Final(RegistryError::Invalid { registry: image.registry().to_owned(), reason })
}

pub(super) fn from_token(error: TokenError, image: &Reference, credentials: &Credentials) -> Failure {
    match error {
        TokenError::Unauthorized => Failure::Final(unauthorized(image, credentials, false)),
        TokenError::Again { reason, after } => Failure::Again { reason, after },
        TokenError::Request(error) => from_request(error, image),
        TokenError::Invalid(reason) => invalid(image, reason),
    }
}

pub(super) fn from_request(error: reqwest::Error, image: &Reference) -> Failure {
    let registry = image.registry().to_owned();
    // An address may hold a signature that is as good as a password.
    let host = error.url().and_then(|url| url.host_str()).filter(|host| !registry.starts_with(host)).map(str::to_owned);
    let error = &error.without_url();
    // Trust does not come with time: what fails in TLS fails at once.
    let reason = match tls_error(error) {
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS".to_owned(),
        Some(error) => printable(&error.to_string()),
        None => {
            let at = host.map(|host| format!(" (at {host})")).unwrap_or_default();
            return Failure::again(printable(&format!("{}{at}", chain(error))));
        }
    };
    Failure::Final(RegistryError::Untrusted { registry, reason })
}

/// `granted` says that who we are was accepted, so that only the repository can be what is refused.
pub(super) fn unauthorized(image: &Reference, credentials: &Credentials, granted: bool) -> RegistryError {
    let (registry, path) = (image.registry().to_owned(), image.path().to_owned());
    let origin = credentials.origin.clone();
    if granted {
        RegistryError::Denied { registry, path, origin }
    } else {
        RegistryError::Unauthorized { registry, path, origin }
    }
}

/// The TLS error beneath a failed request. I/O errors are wrapped in each other, out of reach of `source`.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
