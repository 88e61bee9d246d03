//! Files that are ready to be copied into a container.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::container::FileDigest;
use crate::delivery::Delivery;
use crate::environment::{FileTarget, Secret};

/// A file with its contents, for one container on one host.
#[derive(Debug, Clone)]
pub struct RenderedFile {
    /// Path, owner, mode.
    pub target: FileTarget,
    /// What is in it.
    pub contents: Contents,
    /// What stands for the contents in specs, plans and labels.
    pub digest: String,
    /// How it gets to the container.
    pub deliver: Delivery,
}

/// Contents of a file.
#[derive(Clone)]
pub enum Contents {
    /// A rendered configuration; may be shown.
    Config(String),
    /// A secret; is only ever handed to the host.
    Secret(Secret),
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) => write!(f, "Config({} bytes)", text.len()),
            Self::Secret(_) => f.write_str("Secret(…)"),
        }
    }
}

impl RenderedFile {
    /// A rendered configuration file.
    pub fn config(target: FileTarget, text: String) -> Self {
        let digest = hex::encode(Sha256::digest(text.as_bytes()));
        Self { target, contents: Contents::Config(text), digest, deliver: Delivery::Container }
    }

    /// The same file, delivered in this way.
    #[must_use]
    pub fn delivered(self, deliver: Delivery) -> Self {
        Self { deliver, ..self }
    }

    /// A secret as a file. `context` is that of [`Secret::fingerprint`].
    pub fn secret(target: FileTarget, secret: Secret, context: &str) -> Self {
        let digest = format!("secret:{}", secret.fingerprint(context));
        Self { target, contents: Contents::Secret(secret), digest, deliver: Delivery::Container }
    }

    /// The bytes that go to the host.
    pub fn bytes(&self) -> &[u8] {
        match &self.contents {
            Contents::Config(text) => text.as_bytes(),
            Contents::Secret(secret) => secret.expose().as_bytes(),
        }
    }

    /// Without the contents.
    pub fn stamp(&self) -> FileDigest {
        FileDigest { target: self.target.clone(), digest: self.digest.clone(), deliver: self.deliver.clone() }
    }
}
