//! Where an image may be had: from mirrors, if it is one of Docker Hub's, and from its own registry. A mirror that does not
//! answer, or has nothing, costs one try and no more.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::super::RegistryError;
use super::failure::Failure;
use super::{Access, OciRegistry, TRY_TIMEOUT, patiently};
use crate::environment::Mirror;
use crate::image::reference::{DEFAULT_REGISTRY, Reference};
use crate::registry::credentials::Credentials;

/// An image at one registry, and how that is asked: as who has a login of this registry, never as who has one of another.
pub(super) struct Place<'a> {
    pub access: &'a Access,
    pub image: Reference,
    pub credentials: Credentials,
}

impl OciRegistry {
    /// The same, with mirrors of Docker Hub that are asked before it, in this order.
    pub fn behind(self, mirrors: &[Mirror]) -> Result<Self, RegistryError> {
        let open = |mirror: &Mirror| {
            let known = self.access(&mirror.host);
            let access = if mirror.insecure == (known.scheme == "http") {
                Arc::clone(known)
            } else {
                Arc::new(Access::new(mirror.insecure, None)?)
            };
            Ok((mirror.host.clone(), access))
        };
        let mirrors = mirrors.iter().map(open).collect::<Result<_, RegistryError>>()?;
        Ok(Self { mirrors, ..self })
    }

    /// Puts a question about an image to mirrors, until one has an answer that can be used, and then to its own registry.
    pub(super) async fn ask_for<T>(
        &self,
        image: &Reference,
        ask: impl for<'p> Fn(&'p Place<'_>) -> BoxFuture<'p, Result<T, Failure>> + Sync,
    ) -> Result<T, RegistryError> {
        for (host, access) in self.mirrors.iter().filter(|_| image.registry() == DEFAULT_REGISTRY) {
            let mirror = Place { access, image: image.at(host), credentials: self.logins.of(host).await? };
            if let Ok(Ok(answer)) = timeout(TRY_TIMEOUT, ask(&mirror)).await {
                return Ok(answer);
            }
        }
        let (access, credentials) = (self.access(image.registry()), self.logins.of(image.registry()).await?);
        let own = Place { access, image: image.clone(), credentials };
        patiently(image.registry(), || ask(&own)).await
    }
}
