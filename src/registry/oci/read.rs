//! What a registry has under a name: its manifest, and what that says. No digest is taken from an answer that is not the
//! content.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::super::description::{self, Description};
use super::super::manifest;
use super::super::token::Scope;
use super::Access;
use super::failure::{Failure, invalid};
use super::wire::Question;
use crate::image::digest::Digest;
use crate::image::printable::printable;
use crate::image::reference::Reference;
use crate::registry::credentials::Credentials;

impl Access {
    /// The manifest or index behind a reference, as the registry has it, and its digest.
    pub(super) async fn manifest(
        &self,
        image: &Reference,
        credentials: &Credentials,
    ) -> Result<(Bytes, Digest), Failure> {
        let name = image.digest().map_or_else(|| image.tag().unwrap_or_default(), Digest::as_str);
        let mut question = Question::get(format!("/v2/{}/manifests/{name}", image.path()), Scope::Pull(image.path()));
        question.accept = &manifest::MEDIA_TYPES;
        let (headers, bytes) = self.ask(image, question, credentials).await?;
        manifest::check(&bytes).map_err(|reason| invalid(image, reason))?;
        let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("(no text)"));
        let digest = Digest::of(&bytes);
        if let Some(named) = said("docker-content-digest").filter(|named| *named != digest.as_str()) {
            return Err(invalid(image, format!("it names the content {:?}, and that is {digest}", printable(named))));
        }
        if let Some(asked) = image.digest().filter(|asked| **asked != digest) {
            return Err(invalid(image, format!("it was asked for {asked}, and the content is {digest}")));
        }
        check_type(&headers, &bytes).map_err(|reason| invalid(image, reason))?;
        Ok((Bytes::from(bytes), digest))
    }

    pub(super) async fn resolve(&self, image: &Reference, credentials: &Credentials) -> Result<Digest, Failure> {
        Ok(self.manifest(image, credentials).await?.1)
    }

    /// The labels of an image, of an index those of its first image: of one that was made for one platform there is one,
    /// beside what speaks of it.
    pub(super) async fn labels(
        &self,
        image: &Reference,
        credentials: &Credentials,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let (mut bytes, _) = self.manifest(image, credentials).await?;
        if let Some(first) = manifest::first(&bytes) {
            (bytes, _) = self.manifest(&image.with_digest(first), credentials).await?;
        }
        let config = self.configuration(image, &bytes, credentials).await?;
        manifest::labels(&config).map_err(|reason| invalid(image, reason))
    }

    pub(super) async fn describe(&self, image: &Reference, credentials: &Credentials) -> Result<Description, Failure> {
        let (bytes, digest) = self.manifest(image, credentials).await?;
        if let Some(index) = description::index(&bytes, &digest) {
            return Ok(index);
        }
        let config = self.configuration(image, &bytes, credentials).await?;
        description::image(&bytes, &config, &digest).map_err(|reason| invalid(image, reason))
    }

    /// The configuration that the manifest of one image names.
    async fn configuration(
        &self,
        image: &Reference,
        manifest: &[u8],
        credentials: &Credentials,
    ) -> Result<String, Failure> {
        let digest = manifest::config(manifest);
        let digest = digest.ok_or_else(|| invalid(image, "a manifest that is not one image's".to_owned()))?;
        let question = Question::get(format!("/v2/{}/blobs/{digest}", image.path()), Scope::Pull(image.path()));
        let (_, bytes) = self.ask(image, question, credentials).await?;
        if Digest::of(&bytes) != digest {
            return Err(invalid(image, format!("the content that it gives for {digest} is another")));
        }
        String::from_utf8(bytes).map_err(|_| invalid(image, "the configuration of an image is not one".to_owned()))
    }
}

/// Engines go by what a registry calls a manifest, so it must be that (CVE-2021-41190).
fn check_type(headers: &HeaderMap, manifest: &[u8]) -> Result<(), String> {
    let Some(named) = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default()) else { return Ok(()) };
    let named = named.split(';').next().unwrap_or_default().trim();
    if manifest::is_called(manifest, named) {
        Ok(())
    } else {
        Err(format!("it calls a manifest {:?}", printable(named)))
    }
}
