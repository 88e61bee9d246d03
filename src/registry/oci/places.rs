//! Where an image may be had: from mirrors, if it is one of Docker Hub's, and from its own registry.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::super::RegistryError;
use super::failure::Failure;
use super::{Access, OciRegistry, patiently};
use crate::environment;
use crate::image::reference::{DEFAULT_REGISTRY, Reference};
use crate::registry::credentials::Credentials;

/// How long a mirror may take; then whoever comes after it is asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A mirror of Docker Hub.
pub(super) struct Mirror {
    host: String,
    access: Arc<Access>,
    /// Whether it may learn who we are: not where everybody on the way would.
    is_told: bool,
    /// It did not answer, and is not waited for again.
    is_silent: AtomicBool,
}

/// An image at one registry, and how that is asked: as who has a login of this registry, never as who has one of another.
pub(super) struct Place<'a> {
    pub access: &'a Access,
    pub image: Reference,
    pub credentials: Credentials,
}

impl OciRegistry {
    /// The same, with mirrors of Docker Hub that are asked before it, in this order. An environment that has its own images at
    /// Docker Hub asks nobody else: what it has pushed there has to be there.
    pub fn behind(self, mirrors: &[environment::Mirror]) -> Result<Self, RegistryError> {
        let own = self.own.as_ref().map(|(host, _)| host.as_str());
        let mirrors = if own == Some(DEFAULT_REGISTRY) { &[] } else { mirrors };
        let open = |mirror: &environment::Mirror| {
            let known = self.access(&mirror.host);
            let is_known = mirror.insecure == (known.scheme == "http");
            let access = if is_known { Arc::clone(known) } else { Arc::new(Access::new(mirror.insecure, None)?) };
            let is_told = !mirror.insecure || own == Some(&*mirror.host) && is_known;
            Ok(Mirror { host: mirror.host.clone(), access, is_told, is_silent: AtomicBool::new(false) })
        };
        let mirrors = mirrors.iter().map(open).collect::<Result<_, RegistryError>>()?;
        Ok(Self { mirrors, ..self })
    }

    /// Puts a question about an image to mirrors, until one has an answer that can be used, and then to its own registry; the
    /// answer, and the mirror that gave it.
    pub(super) async fn ask_for<T>(
        &self,
        image: &Reference,
        ask: impl for<'p> Fn(&'p Place<'_>) -> BoxFuture<'p, Result<T, Failure>> + Sync,
    ) -> Result<(T, Option<&str>), RegistryError> {
        let mut passed_over = Vec::new();
        let mirrors = self.mirrors.iter().filter(|_| image.registry() == DEFAULT_REGISTRY);
        for mirror in mirrors.filter(|mirror| !mirror.is_silent.load(Ordering::Relaxed)) {
            let host = mirror.host.as_str();
            let credentials = if mirror.is_told { self.logins.of(host).await? } else { Credentials::anonymous() };
            let place = Place { access: &mirror.access, image: image.at(host), credentials };
            let why = match timeout(PATIENCE, ask(&place)).await {
                Ok(Ok(answer)) => return Ok((answer, Some(host))),
                Ok(Err(Failure::Final(error))) => error.to_string(),
                Ok(Err(Failure::Again { reason, .. })) => format!("{host}: {reason}"),
                Err(_) => {
                    mirror.is_silent.store(true, Ordering::Relaxed);
                    format!("{host}: no answer within {} s", PATIENCE.as_secs())
                }
            };
            passed_over.push(why);
        }
        let (access, credentials) = (self.access(image.registry()), self.logins.of(image.registry()).await?);
        let own = Place { access, image: image.clone(), credentials };
        match patiently(image.registry(), || ask(&own)).await {
            Ok(answer) => Ok((answer, None)),
            // That there is none is an answer too.
            Err(error) if passed_over.is_empty() || matches!(error, RegistryError::NotFound { .. }) => Err(error),
            Err(error) => Err(RegistryError::BehindMirrors { error: Box::new(error), mirrors: passed_over.join("; ") }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::redact::Redactor;
    use crate::registry::credentials::Logins;

    #[test]
    fn an_environment_whose_own_registry_is_docker_hub_believes_nobody_else() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mirrors = ["https://mirror.internal".parse().unwrap()];
        for (host, count) in [("docker.io", 0), ("registry.internal", 1)] {
            let push = environment::Pusher::default();
            let own = environment::Registry { host: host.to_owned(), ca: None, insecure: false, login: None, push };
            let logins = Logins::new(Some(&own), &BTreeMap::new(), None, Redactor::default()).unwrap();
            let open = OciRegistry::open(Path::new("/"), Some(&own), logins);
            let registry = open.and_then(|registry| registry.behind(&mirrors)).unwrap();
            assert_eq!(registry.mirrors.len(), count, "{host}");
        }
    }
}
