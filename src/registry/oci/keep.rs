//! What operators do in a registry: list what it has, look at an image, move a tag, and remove an image. Nothing is pulled,
//! and no redirect is followed with credentials.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci_distribution::secrets::RegistryAuth;
use oci_distribution::token_cache::RegistryTokenType;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LINK};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::super::description::{self, Content, Description, Layer, Part};
use super::super::token::{Scope, may_pass, obtain};
use super::super::{RegistryError, bounded, manifest};
use super::{
    Access, Failure, OciRegistry, from_oci, from_request, from_token, invalid, patiently, to_oci, unauthorized,
};
use crate::image::digest::Digest;
use crate::image::printable::printable;
use crate::image::reference::{Reference, is_tag};
use crate::registry::Registry;
use crate::registry::credentials::Credentials;

/// The most bytes of one answer, which is a page of names at most.
const MAX_ANSWER: usize = 4 << 20;
/// The most pages of names.
const MAX_PAGES: usize = 1000;
/// Tags that are asked for their digests at a time.
const AT_A_TIME: usize = 8;

/// What is asked of a registry.
struct Question<'a> {
    method: Method,
    /// Behind `scheme://host`.
    path: String,
    scope: Scope<'a>,
    /// What is stored, and as what.
    body: Option<(String, Bytes)>,
}

impl<'a> Question<'a> {
    fn get(path: String, scope: Scope<'a>) -> Self {
        Self { method: Method::GET, path, scope, body: None }
    }
}

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
        let credentials = self.logins.of(image.registry()).await?;
        let access = self.access(image.registry());
        patiently(image.registry(), || access.describe(image, &credentials)).await
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
            let question = Question {
                method: Method::PUT,
                path: format!("/v2/{}/manifests/{tag}", image.path()),
                scope: Scope::Push(image.path()),
                body: Some((media_type.clone(), Bytes::clone(&bytes))),
            };
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
            let question = Question {
                method: Method::DELETE,
                path: format!("/v2/{}/manifests/{digest}", image.path()),
                scope: Scope::Delete(image.path()),
                body: None,
            };
            access.ask(image, question, &credentials)
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
        let (mut names, mut next) = (Vec::new(), Some(first));
        for _ in 0..MAX_PAGES {
            let Some(path) = next else { return Ok(names) };
            let ask = || access.ask(image, Question::get(path.clone(), scope), &credentials);
            let (headers, bytes) = patiently(registry, ask).await?;
            let page: Names = serde_json::from_slice(&bytes).map_err(|_| invalid("a list of names that is none"))?;
            names.extend(page.tags.unwrap_or_default().iter().map(|name| printable(name)));
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

impl Access {
    /// The manifest or index behind a reference, as the registry has it, and its digest.
    async fn manifest(&self, image: &Reference, credentials: &Credentials) -> Result<(Bytes, Digest), Failure> {
        let reference = to_oci(image);
        let granted = self.enter(&reference, image, credentials).await?;
        // The token, if one is needed, is in the client's cache; it must not fetch one in its own way.
        let (bytes, digest) = self
            .client
            .pull_manifest_raw(&reference, &RegistryAuth::Anonymous, &manifest::MEDIA_TYPES)
            .await
            .map_err(|error| from_oci(error, image, credentials, granted))?;
        manifest::check(&bytes).map_err(|reason| invalid(image, reason))?;
        // The library has compared the bytes with the header's digest and with that of the reference.
        let strange = |_| invalid(image, format!("it names the content {:?}", printable(&digest)));
        let digest = digest.parse().map_err(strange)?;
        Ok((bytes, digest))
    }

    pub(super) async fn resolve(&self, image: &Reference, credentials: &Credentials) -> Result<Digest, Failure> {
        Ok(self.manifest(image, credentials).await?.1)
    }

    async fn describe(&self, image: &Reference, credentials: &Credentials) -> Result<Description, Failure> {
        let (bytes, digest) = self.manifest(image, credentials).await?;
        if let Some(index) = description::index(&bytes, &digest) {
            return Ok(index);
        }
        let reference = to_oci(&image.with_digest(digest.clone()));
        let granted = self.enter(&reference, image, credentials).await?;
        let (_, _, config) = self
            .client
            .pull_manifest_and_config(&reference, &RegistryAuth::Anonymous)
            .await
            .map_err(|error| from_oci(error, image, credentials, granted))?;
        description::image(&bytes, &config, &digest).map_err(|reason| invalid(image, reason))
    }

    /// Asks once, with what the scope takes; the answer's headers and body.
    async fn ask(
        &self,
        image: &Reference,
        question: Question<'_>,
        credentials: &Credentials,
    ) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let base = format!("{}://{}", self.scheme, to_oci(image).resolve_registry());
        let token = obtain(&self.http, &base, question.scope, credentials)
            .await
            .map_err(|error| from_token(error, image, credentials))?;
        let mut request = self.http.request(question.method, format!("{base}{}", question.path));
        let granted = matches!(token, Some(RegistryTokenType::Bearer(_)));
        request = match &token {
            Some(RegistryTokenType::Bearer(token)) => request.header("Authorization", token.bearer_token()),
            Some(RegistryTokenType::Basic(name, password)) => request.basic_auth(name, Some(password)),
            None => request,
        };
        if let Some((media_type, body)) = question.body {
            request = request.header(CONTENT_TYPE, media_type).body(body);
        }
        let lost = |error: reqwest::Error| from_request(&error, image);
        let answer = request.send().await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let endless = || invalid(image, "its answer has no end".to_owned());
        let bytes = bounded(answer, MAX_ANSWER).await.map_err(lost)?.ok_or_else(endless)?;
        if status.is_success() {
            Ok((headers, bytes))
        } else {
            Err(refusal(status, &bytes, image, credentials, granted))
        }
    }
}

fn refusal(status: StatusCode, body: &[u8], image: &Reference, credentials: &Credentials, granted: bool) -> Failure {
    let registry = image.registry().to_owned();
    Failure::Final(match status {
        StatusCode::UNAUTHORIZED => unauthorized(image, credentials, granted),
        StatusCode::FORBIDDEN => unauthorized(image, credentials, true),
        StatusCode::NOT_FOUND => RegistryError::NotFound { registry, image: image.to_string() },
        StatusCode::METHOD_NOT_ALLOWED => {
            RegistryError::Refused { registry, reason: "it does not let images be removed (405)".to_owned() }
        }
        status if may_pass(status) => return Failure::Again(format!("it answered {status}")),
        status => {
            let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            let message = said.as_ref().and_then(|said| said["errors"][0]["message"].as_str()).unwrap_or_default();
            RegistryError::Refused { registry, reason: printable(format!("{status} {message}").trim()) }
        }
    })
}
