//! Configuration baked into an image: the application's own image with the rendered files in it, pushed under a tag that
//! names the content, so that equal content is built once.

use std::io;

use bollard::Docker;
use sha2::{Digest as _, Sha256};

use super::build::{Extras, build_archive};
use super::pin::{Pin, Sources};
use super::push::tag;
use super::reference::{ImageName, Reference};
use super::{Cause, Progress};
use crate::container::PinnedImage;
use crate::delivery::Delivery;
use crate::environment::{Environment, Service};
use crate::template::rendered::{Contents, RenderedFile};

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
    /// `<tag>-<environment>-<digest of base and files>`.
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
        let tag = tag_of(environment, base, &files);
        Ok(Some(Self { environment, base, files, name, tag }))
    }

    /// The name it gets: that of the application's image, in the registry of the environment.
    fn target(&self) -> Option<Result<Reference, Cause>> {
        let registry = &self.environment.registry.as_ref()?.host;
        let located = self.name.clone().locate(Some(registry));
        let own = format!("{registry}/{}:{}", located.path(), self.tag);
        Some(own.parse::<ImageName>().map(|name| name.locate(None)).map_err(Cause::from))
    }

    /// The image, if somebody has made it already. A tag names its content, so it need not be made again.
    pub async fn find(&self, sources: Sources<'_>) -> Result<Option<PinnedImage>, Cause> {
        let pin = Pin { environment: self.environment, sources, progress: &|_| () };
        match self.target() {
            Some(target) => {
                let target = target?;
                let digest = pin.resolve_if_any(&target).await?;
                Ok(digest.map(|digest| self.pinned(&target, digest.to_string())))
            }
            None => pin.local(&format!("{}:{}", self.name.label(None), self.tag)).await,
        }
    }

    /// Builds it, and pushes it where there is a registry.
    pub async fn make(
        &self,
        docker: &Docker,
        sources: Sources<'_>,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<PinnedImage, Cause> {
        let pin = Pin { environment: self.environment, sources, progress };
        let extras =
            Extras { credentials: pin.base_image_credentials().await?, platform: self.base.platform(), progress };
        let context = context(&self.base.reference(), &self.files);
        let context = context.map_err(|error| Cause::Engine(format!("the files cannot be packed: {error}")))?;
        let id = build_archive(docker, context, extras).await?;
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
fn tag_of(environment: &Environment, base: &PinnedImage, files: &[&RenderedFile]) -> String {
    let mut stamps: Vec<_> = files.iter().map(|file| file.stamp(None)).collect();
    stamps.sort();
    let content = (base.digest(), base.platform(), stamps);
    let json = serde_json::to_vec(&content).unwrap_or_else(|error| unreachable!("files are plain data: {error}"));
    let digest = &hex::encode(Sha256::digest(json))[..DIGEST_DIGITS];
    let (PinnedImage::Registry { tag: label, .. } | PinnedImage::Local { tag: label, .. }) = base;
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
fn context(base: &str, files: &[&RenderedFile]) -> io::Result<Vec<u8>> {
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
    add("Dockerfile", 0o644, dockerfile(base, files).as_bytes())?;
    for (number, file) in files.iter().enumerate() {
        add(&format!("file{number}"), file.target.mode, file.bytes())?;
    }
    archive.into_inner()
}

/// Modes come with the files of the context; owners have to be said.
fn dockerfile(base: &str, files: &[&RenderedFile]) -> String {
    let copies = files.iter().enumerate().map(|(number, file)| {
        let target = &file.target;
        // A dollar sign would be taken for a variable.
        let path = serde_json::Value::from(target.path.replace('\\', "\\\\").replace('$', "\\$"));
        format!("COPY --chown={}:{} [\"file{number}\", {path}]", target.uid, target.gid)
    });
    let lines: Vec<_> = std::iter::once(format!("FROM {base}")).chain(copies).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::FileTarget;

    #[test]
    fn a_dockerfile_puts_each_file_at_its_path_with_its_owner() {
        let target = FileTarget { path: "/etc/a b/$x.conf".to_owned(), uid: 1000, gid: 0, mode: 0o440 };
        let file = RenderedFile::config(target, "a = 1\n".to_owned());
        let text = dockerfile("registry.internal/shop/web@sha256:12", &[&file]);
        let expected = r#"FROM registry.internal/shop/web@sha256:12
COPY --chown=1000:0 ["file0", "/etc/a b/\\$x.conf"]
"#;
        assert_eq!(text, expected);
        let packed = context("scratch", &[&file]).unwrap();
        let mut read = tar::Archive::new(&packed[..]);
        let modes: Vec<_> = read.entries().unwrap().map(|entry| entry.unwrap().header().mode().unwrap()).collect();
        assert_eq!(modes, [0o644, 0o440]);
    }
}
