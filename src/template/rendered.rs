//! Files that are ready to be copied into a container.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::container::FileDigest;
use crate::delivery::Delivery;
use crate::environment::{FileTarget, Secret};
use crate::fleet::key::FingerprintKey;
use crate::name::SecretName;

/// A file with its contents, for one container on one host; or a variable that holds a secret.
#[derive(Debug, Clone)]
pub struct RenderedFile {
    /// Path, owner, mode; of a variable, the path is its name.
    pub target: FileTarget,
    /// What is in it.
    pub contents: Contents,
    /// How it gets to the container.
    pub deliver: Delivery,
}

/// Contents of a file.
#[derive(Clone)]
pub enum Contents {
    /// A rendered configuration; may be shown.
    Config(String),
    /// A secret, by name and value; is only ever handed to the host.
    Secret(SecretName, Secret),
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) => write!(f, "Config({} bytes)", text.len()),
            Self::Secret(name, _) => write!(f, "Secret({name}, …)"),
        }
    }
}

impl RenderedFile {
    /// A rendered configuration file.
    pub fn config(target: FileTarget, text: String) -> Self {
        Self { target, contents: Contents::Config(text), deliver: Delivery::Container }
    }

    /// The same file, delivered in this way.
    #[must_use]
    pub fn delivered(self, deliver: Delivery) -> Self {
        Self { deliver, ..self }
    }

    /// A secret.
    pub fn secret(target: FileTarget, name: SecretName, secret: Secret, deliver: Delivery) -> Self {
        Self { target, contents: Contents::Secret(name, secret), deliver }
    }

    /// Whether it is a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self.contents, Contents::Secret(..))
    }

    /// The bytes that go to the host.
    pub fn bytes(&self) -> &[u8] {
        match &self.contents {
            Contents::Config(text) => text.as_bytes(),
            Contents::Secret(_, secret) => secret.expose().as_bytes(),
        }
    }

    /// Without the contents: what stands for them in specs, plans and labels.
    /// A secret needs a key.
    pub fn stamp(&self, key: Option<&FingerprintKey>) -> FileDigest {
        let (secret, digest) = match (&self.contents, key) {
            (Contents::Config(text), _) => (None, hex::encode(Sha256::digest(text.as_bytes()))),
            (Contents::Secret(name, value), Some(key)) => (Some(name.clone()), key.fingerprint(name, value)),
            (Contents::Secret(name, _), None) => unreachable!("the secret {name} is compared without a key"),
        };
        FileDigest { target: self.target.clone(), digest, secret, deliver: self.deliver.clone() }
    }
}
