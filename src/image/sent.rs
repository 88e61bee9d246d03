//! An image of the builder that hosts are sent: it gets the name of its content, so that it stays there and is found again.

use bollard::Docker;

use super::Cause;
use super::build::engine_error;
use super::push::tag;
use super::reference::ImageName;
use crate::container::{OWN_REPOSITORIES, PinnedImage};
use crate::engine::content;

/// Names `image` by its content on the engine that has it. `name` is what the manifest calls it.
pub async fn keep(
    docker: &Docker,
    image: &PinnedImage,
    name: &str,
    platform: Option<&str>,
) -> Result<PinnedImage, Cause> {
    let written: ImageName = name.parse()?;
    // A digest goes with the name, as the content is another one.
    let label = if written.digest().is_some() { name } else { image.tag() };
    let repository = format!("{OWN_REPOSITORIES}{}", written.locate(None).path());
    let seen = docker.inspect_image(&image.reference()).await;
    let seen = seen.map_err(|error| Cause::Engine(engine_error(&error)))?;
    let content = content::content(&seen).ok_or_else(|| Cause::Engine(format!("it tells no layers of {image}")))?;
    let kept = PinnedImage::Direct {
        repository: repository.clone(),
        content,
        tag: label.to_owned(),
        platform: platform.map(str::to_owned),
    };
    let own = kept.reference();
    let own = own.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag(docker, &image.reference(), &repository, own).await?;
    Ok(kept)
}
