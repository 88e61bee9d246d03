//! Configuration baked into an image: the application's own image with the rendered files in it, pushed under a tag that
//! names the content, so that equal content is built once. The image says itself, in a label, what its content is.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest as _, Sha256};

use super::build::build_archive;
use super::pin::{Pin, Sources};
use super::push::tag;
use super::reference::{ImageName, Reference};
use super::{Cause, Progress};
use crate::container::PinnedImage;
use crate::delivery::Delivery;
use crate::engine::client::Client;
use crate::environment::{Environment, Service};
use crate::template::rendered::{Contents, RenderedFile};

/// Label of a baked image: the digest of what it is made from, in full. A tag can be pushed again; what the image says of
/// itself goes by its own digest.
pub const CONTENT_LABEL: &str = "shipctl.content";
/// Hexadecimal digits of the content that end the tag.
const DIGEST_DIGITS: usize = 12;
/// The most characters of a tag that registries accept.
const MAX_TAG: usize = 128;

/// An image that is to be: a service's files of one host on the service's image.
pub struct Baking<'a> {
    environment: &'a Environment,
    base: &'a PinnedImage,
    files: Vec<&'a RenderedFile>,
    /// Without a tag.
    name: ImageName,
    /// Digest of base and files.
    content: String,
    /// `<tag>-<environment>-<beginning of the digest>`.
    tag: String,
}

impl<'a> Baking<'a> {
    /// What is to be baked for `service`; `None` if none of `files` is delivered so.
    pub fn of(
        environment: &'a Environment,
        service: &Service,
        base: &'a PinnedImage,
        files: &'a [RenderedFile],
    ) -> Result<Option<Self>, Cause> {
        let files: Vec<_> = files.iter().filter(|file| file.deliver == Delivery::Image).collect();
        if files.is_empty() {
            return Ok(None);
        }
        if files.iter().any(|file| matches!(file.contents, Contents::Secret(..))) {
            return Err(Cause::SecretInImage);
        }
        let name: ImageName = service.image.parse()?;
        let content = content_of(base, &files);
        let tag = tag_of(environment, base, &content);
        Ok(Some(Self { environment, base, files, name, content, tag }))
    }

    /// The name it gets: that of the application's image, in the registry of the environment.
    fn target(&self) -> Option<Result<Reference, Cause>> {
        let registry = &self.environment.pushes_to()?.host;
        let located = self.name.clone().locate(Some(registry));
        let own = format!("{registry}/{}:{}", located.path(), self.tag);
        Some(own.parse::<ImageName>().map(|name| name.locate(None)).map_err(Cause::from))
    }

    /// The image, if somebody has made it already. It is one that says that it has just this content; another image that
    /// was pushed under the tag is none.
    pub async fn find(&self, sources: Sources<'_>) -> Result<Option<PinnedImage>, Cause> {
        let pin = Pin { environment: self.environment, sources, progress: &|_| () };
        let Some(target) = self.target() else {
            let found = pin.labelled(&format!("{}:{}", self.name.label(None), self.tag)).await?;
            return Ok(found.filter(|(_, labels)| self.is_in(labels)).map(|(image, _)| image));
        };
        let target = target?;
        let Some(digest) = pin.resolve_if_any(&target).await? else { return Ok(None) };
        let labels = sources.registry.labels(&target.with_digest(digest.clone())).await?;
        Ok(self.is_in(&labels).then(|| self.pinned(&target, digest.to_string())))
    }

    fn is_in(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(CONTENT_LABEL) == Some(&self.content)
    }

    /// Builds it, and pushes it where there is a registry.
    pub async fn make(
        &self,
        client: &Client,
        sources: Sources<'_>,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<PinnedImage, Cause> {
        let pin = Pin { environment: self.environment, sources, progress };
        let context = context(&self.base.reference(), &self.content, &self.files);
        let context = context.map_err(|error| Cause::Engine(format!("the files cannot be packed: {error}")))?;
        let docker = client.docker();
        let id = build_archive(client, context, pin.extras(self.name.path(), self.base.platform())).await?;
        let Some(target) = self.target() else {
            let repository = self.name.label(None);
            tag(docker, &id, &repository, &self.tag).await?;
            return Ok(PinnedImage::Local { id, tag: format!("{repository}:{}", self.tag) });
        };
        let target = target?;
        tag(docker, &id, &target.repository(), &self.tag).await?;
        let digest = pin.push(docker, &id, &target).await?;
        Ok(self.pinned(&target, digest.to_string()))
    }

    fn pinned(&self, target: &Reference, digest: String) -> PinnedImage {
        PinnedImage::Registry {
            repository: target.repository(),
            digest,
            tag: format!("{}:{}", self.name.label(None), self.tag),
            platform: self.base.platform().map(str::to_owned),
        }
    }
}

impl PartialEq for Baking<'_> {
    /// Whether one image will do for both.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.tag == other.tag
    }
}

/// The image below is part of the content: a tag of it may be pushed again.
fn content_of(base: &PinnedImage, files: &[&RenderedFile]) -> String {
    let mut stamps: Vec<_> = files.iter().map(|file| file.stamp(None)).collect();
    stamps.sort();
    let content = (base.digest(), base.platform(), stamps);
    let json = serde_json::to_vec(&content).unwrap_or_else(|error| unreachable!("files are plain data: {error}"));
    hex::encode(Sha256::digest(json))
}

fn tag_of(environment: &Environment, base: &PinnedImage, content: &str) -> String {
    let digest = &content[..DIGEST_DIGITS];
    let label = base.tag();
    let last = label.rsplit('/').next().unwrap_or(label);
    let below = last.split_once('@').map_or(last, |(name, _)| name).split_once(':').map(|(_, tag)| tag);
    let below = below.unwrap_or_else(|| {
        let hex = base.digest().rsplit(':').next().unwrap_or_default();
        &hex[..hex.len().min(DIGEST_DIGITS)]
    });
    let rest = format!("-{}-{digest}", environment.name);
    let below: String = below.chars().take(MAX_TAG.saturating_sub(rest.len())).collect();
    format!("{below}{rest}")
}

/// A build context of a Dockerfile and the files. Times are fixed, so that the engine knows equal content again.
fn context(base: &str, content: &str, files: &[&RenderedFile]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &str, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(mode & 0o7777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, name, bytes)
    };
    add("Dockerfile", 0o644, dockerfile(base, content, files).as_bytes())?;
    for (number, file) in files.iter().enumerate() {
        add(&format!("file{number}"), file.target.mode, file.bytes())?;
    }
    archive.into_inner()
}

/// Modes come with the files of the context; owners have to be said.
fn dockerfile(base: &str, content: &str, files: &[&RenderedFile]) -> String {
    let copies = files.iter().enumerate().map(|(number, file)| {
        let target = &file.target;
        // A dollar sign would be taken for a variable.
        let path = serde_json::Value::from(target.path.replace('\\', "\\\\").replace('$', "\\$"));
        format!("COPY --chown={}:{} [\"file{number}\", {path}]", target.uid, target.gid)
    });
    let head = [format!("FROM {base}"), format!("LABEL {CONTENT_LABEL}={content}")];
    let lines: Vec<_> = head.into_iter().chain(copies).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use indexmap::IndexMap;

    use super::*;
    use crate::environment::{self, FileTarget, Transfer};
    use crate::fleet::Endpoint;
    use crate::image::digest::Digest;
    use crate::image::parcel::Parcel;
    use crate::redact::Redactor;
    use crate::registry::credentials::Logins;
    use crate::registry::{Registry, RegistryError};

    #[test]
    fn a_dockerfile_puts_each_file_at_its_path_with_its_owner() {
        let target = FileTarget { path: "/etc/a b/$x.conf".to_owned(), uid: 1000, gid: 0, mode: 0o440 };
        let file = RenderedFile::config(target, "a = 1\n".to_owned());
        let text = dockerfile("registry.internal/shop/web@sha256:12", "c0ffee", &[&file]);
        let expected = r#"FROM registry.internal/shop/web@sha256:12
LABEL shipctl.content=c0ffee
COPY --chown=1000:0 ["file0", "/etc/a b/\\$x.conf"]
"#;
        assert_eq!(text, expected);
        let packed = context("scratch", "c0ffee", &[&file]).unwrap();
        let mut read = tar::Archive::new(&packed[..]);
        let modes: Vec<_> = read.entries().unwrap().map(|entry| entry.unwrap().header().mode().unwrap()).collect();
        assert_eq!(modes, [0o644, 0o440]);
    }

    /// A registry that has one image under every tag, with a label.
    struct Shelf(Option<&'static str>);

    #[async_trait::async_trait]
    impl Registry for Shelf {
        async fn resolve(&self, _: &Reference) -> Result<Digest, RegistryError> {
            Ok(format!("sha256:{}", "ab".repeat(32)).parse().unwrap())
        }

        async fn labels(&self, image: &Reference) -> Result<BTreeMap<String, String>, RegistryError> {
            assert!(image.digest().is_some(), "what a tag names may change between two questions");
            Ok(self.0.map(|content| (CONTENT_LABEL.to_owned(), content.to_owned())).into_iter().collect())
        }

        async fn configuration(&self, _: &Reference) -> Result<Option<Digest>, RegistryError> {
            unreachable!("nothing is pushed")
        }

        async fn push(
            &self,
            _: &Reference,
            _: &Parcel,
            _: &[Reference],
            _: &(dyn Fn(u64, u64) + Send + Sync),
        ) -> Result<Digest, RegistryError> {
            unreachable!("nothing is pushed")
        }
    }

    #[tokio::test]
    async fn an_image_that_was_pushed_under_the_tag_is_not_taken_for_one_with_the_content() {
        let registry = environment::Registry {
            host: "r.internal".to_owned(),
            ca: None,
            insecure: false,
            login: None,
            push: environment::Pusher::Builder,
        };
        let logins = Logins::new(Some(&registry), &BTreeMap::new(), None, Redactor::default()).unwrap();
        let environment = Environment {
            project: "shop".parse().unwrap(),
            name: "prod".parse().unwrap(),
            root: PathBuf::new(),
            registry: Some(registry),
            transfer: Transfer::Registry,
            mirrors: Vec::new(),
            builder: Endpoint::Unix(PathBuf::new()),
            hosts: BTreeMap::new(),
            balancers: BTreeMap::new(),
            services: IndexMap::new(),
            overrides: BTreeMap::new(),
            secrets: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            age: environment::AgeKeys::default(),
            publish: BTreeMap::new(),
            jobs: IndexMap::new(),
            hooks: BTreeMap::new(),
            notify: BTreeMap::new(),
            keep_releases: 3,
            prune: environment::prune::Prune::default(),
        };
        let base = PinnedImage::Local { id: "sha256:12".to_owned(), tag: "shop/web:v1".to_owned() };
        let (name, content) = ("shop/web".parse().unwrap(), "c0ffee0123456789".to_owned());
        let tag = tag_of(&environment, &base, &content);
        assert_eq!(tag, "v1-prod-c0ffee012345");
        let baking = Baking { environment: &environment, base: &base, files: Vec::new(), name, content, tag };
        for (label, is_found) in [(Some("c0ffee0123456789"), true), (Some("c0ffee012345beef"), false), (None, false)] {
            let sources =
                Sources { builder: None, registry: &Shelf(label), logins: &logins, secrets: &BTreeMap::new() };
            assert_eq!(baking.find(sources).await.unwrap().is_some(), is_found, "{label:?}");
        }
    }
}
