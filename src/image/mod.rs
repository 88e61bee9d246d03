//! From what the manifest says about images to images by content: builds, pushes, resolves tags. Nothing after this
//! module knows a tag; nothing in it knows a host of the fleet.

use std::time::Duration;

use crate::name::ServiceName;
use crate::registry::RegistryError;

mod archive;
pub mod bake;
pub mod build;
mod buildkit;
pub mod context;
pub mod digest;
pub mod dockerignore;
mod key;
mod output;
pub mod parcel;
mod pattern;
pub mod pin;
pub(crate) mod printable;
pub mod push;
pub mod reference;
mod revision;
pub mod sent;

pub use pin::{Sources, pin_all};

/// What happens while images are pinned. Facts; text in them is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The build context was listed and is being sent.
    Context {
        /// Files, directories and links.
        entries: usize,
        /// Bytes of all files.
        bytes: u64,
    },
    /// A line of the build's output.
    Output(String),
    /// The build ended with this image.
    Built {
        /// Image id, `sha256:…`.
        id: String,
        /// What names all that it was made from, where that is kept.
        key: Option<String>,
        /// How long it took.
        took: Duration,
    },
    /// The very same was built before; nothing was built.
    Unchanged {
        /// Image id, `sha256:…`.
        id: String,
        /// What names all that it was made from.
        key: String,
    },
    /// Bytes of layers pushed, of those known so far.
    Pushing {
        /// Sent.
        done: u64,
        /// To send.
        total: u64,
    },
    /// The registry holds the image and has shown it.
    Pushed {
        /// Digest of its manifest.
        digest: String,
    },
    /// The registry held this very image already; nothing was pushed.
    Present {
        /// Digest of its manifest.
        digest: String,
    },
    /// A tag was resolved, once and for all hosts.
    Resolved {
        /// Digest of the manifest or index.
        digest: String,
    },
}

/// Receives progress, with the first service that uses the image.
pub type Sink<'a> = &'a (dyn Fn(&ServiceName, Progress) + Send + Sync);

/// Why the images of an environment could not be pinned. No host was contacted.
#[derive(Debug, thiserror::Error)]
#[error("image of service `{service}`: {cause}")]
pub struct ImageError {
    /// The first service that uses the image.
    pub service: ServiceName,
    /// What went wrong.
    #[source]
    pub cause: Cause,
}

/// What went wrong with an image.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The manifest's `image` is not a reference.
    #[error(transparent)]
    Reference(#[from] reference::InvalidReference),
    /// An image that is built here cannot have a digest beforehand.
    #[error("it has both `build` and a digest; leave the digest out, or do not build it")]
    BuildOfDigest,
    /// Whoever may pull an image can read all that is in it.
    #[error("a secret cannot be baked into an image")]
    SecretInImage,
    /// There is no engine to build on.
    #[error("it has to be built, and there is no builder")]
    NoBuilder,
    /// The build failed.
    #[error(transparent)]
    Build(#[from] build::BuildError),
    /// The push failed.
    #[error(transparent)]
    Push(#[from] push::PushError),
    /// The registry did not answer as it should.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The builder could not be asked about an image.
    #[error("the builder did not answer: {0}")]
    Engine(String),
}

impl ImageError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match &self.cause {
            Cause::Registry(error) => error.hint(),
            Cause::Push(error) => error.hint(),
            _ => None,
        }
    }

    /// The last lines of a failed build, oldest first; empty for all other failures.
    pub fn output(&self) -> &[String] {
        match &self.cause {
            Cause::Build(build::BuildError::Failed { output, .. }) => output,
            _ => &[],
        }
    }
}
