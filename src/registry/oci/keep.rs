//! What operators do in a registry: list what it has, look at an image, move a tag, and remove an image. Nothing is pulled,
//! and no redirect is followed with credentials.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;

use super::super::description::{Content, Description, Layer, Part};
use super::super::token::Scope;
use super::super::{RegistryError, manifest};
use super::wire::Question;
use super::{OciRegistry, patiently};
use crate::image::digest::Digest;
use crate::image::printable::printable;
use crate::image::reference::{Reference, is_tag};
use crate::registry::Registry;

/// The most pages of names.
const MAX_PAGES: usize = 1000;
/// The most names of a list.
const MAX_NAMES: usize = 200_000;
/// Tags that are asked for their digests at a time.
const AT_A_TIME: usize = 8;

#[derive(Deserialize)]
struct Names {
    /// Null where there are none.
    #[serde(alias = "repositories")]
    tags: Option<Vec<String>>,
}

impl OciRegistry {
    /// The repositories of a registry, by name. Some registries do not tell.
    pub async fn repositories(&self, registry: &str) -> Result<Vec<String>, RegistryError> {
        let catalog = Reference::catalog(registry);
        self.names(&catalog, "/v2/_catalog?n=1000".to_owned(), Scope::Catalog).await
    }

    /// The tags of an image's repository, `v9` before `v10`; none if it has only images without a tag.
    pub async fn tags(&self, image: &Reference) -> Result<Vec<String>, RegistryError> {
        let path = format!("/v2/{}/tags/list?n=1000", image.path());
        let mut tags = self.names(image, path, Scope::Pull(image.path())).await?;
        if let Some(tag) = tags.iter().find(|tag| !is_tag(tag)) {
            let reason = format!("{tag:?} among its tags");
            return Err(RegistryError::Invalid { registry: image.registry().to_owned(), reason });
        }
        tags.sort_by_cached_key(|tag| natural(tag));
        Ok(tags)
    }

    /// The tags of an image's repository with what they lead to; `None` for one that is gone meanwhile.
    pub async fn tags_with_digests(&self, image: &Reference) -> Result<Vec<(String, Option<Digest>)>, RegistryError> {
        let tags = self.tags(image).await?;
        let ask = |tag: String| async move {
            match self.resolve(&image.with_tag(&tag)).await {
                Ok(digest) => Ok((tag, Some(digest))),
                Err(RegistryError::NotFound { .. }) => Ok((tag, None)),
                Err(error) => Err(error),
            }
        };
        stream::iter(tags).map(ask).buffered(AT_A_TIME).try_collect().await
    }

    /// What a registry says of an image.
    pub async fn describe(&self, image: &Reference) -> Result<Description, RegistryError> {
        let asked = self.ask_for(image, |at| Box::pin(at.access.describe(&at.image, &at.credentials)));
        asked.await.map(|(description, _)| description)
    }

    /// The layers of an image, lowest first; of an index, those of its image for this platform (`os/architecture`).
    pub async fn layers(&self, image: &Reference, platform: &str) -> Result<Vec<Layer>, RegistryError> {
        let mut image = image.clone();
        // An index of indexes is nothing that engines pull.
        for _ in 0..2 {
            match self.describe(&image).await?.content {
                Content::Image(one) => return Ok(one.layers),
                Content::Index(parts) => {
                    let variants = format!("{platform}/");
                    let is_meant = |part: &&Part| part.platform == platform || part.platform.starts_with(&variants);
                    let digest = parts.iter().find(is_meant).and_then(|part| part.digest.parse().ok());
                    let Some(digest) = digest else { break };
                    image = image.with_digest(digest);
                }
            }
        }
        Err(RegistryError::NotFound { registry: image.registry().to_owned(), image: format!("{image} for {platform}") })
    }

    /// Has a tag of the same repository lead to this image, and asks whether it does; the digest. Nothing is pulled: the
    /// registry has all of it.
    pub async fn tag(&self, image: &Reference, tag: &str) -> Result<Digest, RegistryError> {
        let credentials = self.logins.of(image.registry()).await?;
        let access = self.access(image.registry());
        let (bytes, digest) = patiently(image.registry(), || access.manifest(image, &credentials)).await?;
        let media_type = manifest::media_type(&bytes).unwrap_or_default();
        let put = || {
            let path = format!("/v2/{}/manifests/{tag}", image.path());
            let mut question = Question::new(Method::PUT, path, Scope::Push(image.path()));
            question.body = Some((media_type.clone(), Bytes::clone(&bytes)));
            access.ask(image, question, &credentials)
        };
        patiently(image.registry(), put).await?;
        let now = self.resolve(&image.with_tag(tag)).await?;
        if now == digest {
            return Ok(digest);
        }
        let reason = format!("the tag {tag} leads to {now}, and not to {digest}");
        Err(RegistryError::Invalid { registry: image.registry().to_owned(), reason })
    }

    /// Removes an image, with every tag that leads to it, and asks whether it is gone. The registry frees its disk when it
    /// collects its garbage.
    pub async fn remove(&self, image: &Reference, digest: &Digest) -> Result<(), RegistryError> {
        let credentials = self.logins.of(image.registry()).await?;
        let access = self.access(image.registry());
        let delete = || {
            let path = format!("/v2/{}/manifests/{digest}", image.path());
            access.ask(image, Question::new(Method::DELETE, path, Scope::Delete(image.path())), &credentials)
        };
        match patiently(image.registry(), delete).await {
            // Somebody else was faster, or an answer was lost.
            Ok(_) | Err(RegistryError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        match self.resolve(&image.with_digest(digest.clone())).await {
            Err(RegistryError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => {
                let reason = format!("it said that {digest} is removed, and still has it");
                Err(RegistryError::Invalid { registry: image.registry().to_owned(), reason })
            }
        }
    }

    /// All pages of a list.
    async fn names(&self, image: &Reference, first: String, scope: Scope<'_>) -> Result<Vec<String>, RegistryError> {
        let registry = image.registry();
        let invalid =
            |reason: &str| RegistryError::Invalid { registry: registry.to_owned(), reason: reason.to_owned() };
        let credentials = self.logins.of(registry).await?;
        let access = self.access(registry);
        let (mut names, mut next, mut seen) = (Vec::new(), Some(first), BTreeSet::new());
        for _ in 0..MAX_PAGES {
            let Some(path) = next else { return Ok(names) };
            if !seen.insert(path.clone()) {
                return Err(invalid("a list of names that goes in a circle"));
            }
            let ask = || access.ask(image, Question::get(path.clone(), scope), &credentials);
            let (headers, bytes) = patiently(registry, ask).await?;
            let page: Names = serde_json::from_slice(&bytes).map_err(|_| invalid("a list of names that is none"))?;
            names.extend(page.tags.unwrap_or_default().iter().map(|name| printable(name)));
            if names.len() > MAX_NAMES {
                return Err(invalid("a list of names without an end"));
            }
            next = following(&headers).map_err(invalid)?;
        }
        Err(invalid("a list of names without an end"))
    }
}

/// What tags are sorted by: numbers within them count as such.
fn natural(tag: &str) -> Vec<(u128, Vec<u8>)> {
    let parts = tag.as_bytes().chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit());
    let number = |part: &[u8]| str::from_utf8(part).ok().and_then(|part| part.parse().ok()).unwrap_or(u128::MAX);
    parts.map(|part| (number(part), part.to_vec())).collect()
}

/// Where the next page of a list is. Only beneath the registry's own API: it is asked with credentials.
fn following(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    let Some(link) = headers.get(LINK).and_then(|link| link.to_str().ok()) else { return Ok(None) };
    let path = link.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(path, _)| path);
    match path {
        Some(path) if path.starts_with("/v2/") => Ok(Some(path.to_owned())),
        _ => Err("a list of names goes on elsewhere"),
    }
}
