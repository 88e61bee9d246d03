//! What an image is made from, as one digest: two builds with the same key come to images that are as good as each other.
//! The engine that has built one finds it again by a name of its own for it. Not by a label: whatever is built on an image
//! has its labels too.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use sha2::{Digest, Sha256};

use super::build::{BuildError, engine_error};
use super::context::{Context, ContextError, Entry, Kind};
use crate::engine::client::Client;
use crate::environment::Build;

/// How many images of one name are found again; a builder's disk is no archive.
const KEPT: usize = 5;
/// Changes when the same key would no longer mean the same.
const FORM: &str = "1";
/// Hexadecimal digits of a key.
const DIGITS: usize = 24;

/// The key of a build: of all files that are sent, with their modes and without their times, and of all that the manifest
/// says, but for values of secrets.
pub(super) async fn of(context: &Arc<Context>, build: &Build, platform: Option<&str>) -> Result<String, BuildError> {
    let (context, recipe) = (Arc::clone(context), recipe(build, platform));
    let digest = tokio::task::spawn_blocking(move || digest(&context, &recipe));
    Ok(digest.await.map_err(|error| BuildError::Engine(error.to_string()))??)
}

/// The image that was built under this key.
pub(super) async fn find(client: &Client, name: &str, key: &str) -> Result<Option<String>, BuildError> {
    match client.docker().inspect_image(&format!("{}:{key}", repository(name))).await {
        Ok(image) => Ok(image.id),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(BuildError::Engine(engine_error(&error))),
    }
}

/// Has an image found again, in place of the oldest of its name. That it is not is no failure of the build.
pub(super) async fn keep(client: &Client, name: &str, key: &str, id: &str) {
    let (docker, repository) = (client.docker(), repository(name));
    let options = TagImageOptionsBuilder::new().repo(&repository).tag(key).build();
    if docker.tag_image(id, Some(options)).await.is_err() {
        return;
    }
    let filters = HashMap::from([("reference".to_owned(), vec![repository.clone()])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let mut images = docker.list_images(Some(options)).await.unwrap_or_default();
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let prefix = format!("{repository}:");
    let tags = images.iter().flat_map(|image| &image.repo_tags).filter(|tag| tag.starts_with(&prefix));
    for tag in tags.filter(|tag| !tag.ends_with(key)).skip(KEPT - 1) {
        let _ = docker.remove_image(tag, Some(RemoveImageOptionsBuilder::new().force(false).build()), None).await;
    }
}

fn repository(name: &str) -> String {
    format!("shipctl-build/{name}")
}

fn recipe(build: &Build, platform: Option<&str>) -> String {
    // Where it lies has no bearing on what it comes to.
    let build = Build { context: PathBuf::new(), ..build.clone() };
    let all = BTreeMap::from([("build", serde_json::json!(build)), ("platform", serde_json::json!(platform))]);
    serde_json::to_string(&all).unwrap_or_else(|error| unreachable!("a build is plain data: {error}"))
}

fn digest(context: &Context, recipe: &str) -> Result<String, ContextError> {
    let mut hasher = Sha256::new();
    // Each part with its length before it, so that no two lists of parts look alike.
    let part = |hasher: &mut Sha256, bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(&mut hasher, FORM.as_bytes());
    part(&mut hasher, recipe.as_bytes());
    for entry in &context.entries {
        part(&mut hasher, entry.path.as_os_str().as_encoded_bytes());
        part(&mut hasher, &entry.mode.to_be_bytes());
        match &entry.kind {
            Kind::Directory => part(&mut hasher, b"directory"),
            Kind::Link { target } => {
                part(&mut hasher, b"link");
                part(&mut hasher, target.as_os_str().as_encoded_bytes());
            }
            Kind::File { size } => {
                part(&mut hasher, b"file");
                part(&mut hasher, &size.to_be_bytes());
                let path = context.root.join(&entry.path);
                content(entry, &path, &mut hasher).map_err(ContextError::read(&path))?;
            }
        }
    }
    Ok(hex::encode(hasher.finalize())[..DIGITS].to_owned())
}

fn content(entry: &Entry, path: &Path, hasher: &mut Sha256) -> io::Result<()> {
    let read = io::copy(&mut File::open(path)?, &mut Hashing(hasher))?;
    if read == entry.size() { Ok(()) } else { Err(io::Error::other("the file changed while it was read")) }
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
