//! Files that are ready to be copied into a container.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::container::FileDigest;
use crate::environment::{Delivery, FileTarget, Secret};
use crate::fleet::key::FingerprintKey;
use crate::name::SecretName;

/// A file with its contents, for one container on one host; or a variable that holds a secret.
#[derive(Debug, Clone)]
pub struct RenderedFile {
    /// Path, owner, mode; of a variable, the path is its name.
    pub target: FileTarget,
    /// What is in it.
    pub contents: Contents,
    /// How it gets into the container.
    pub delivery: Delivery,
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
        Self { target, contents: Contents::Config(text), delivery: Delivery::Copied }
    }

    /// A secret.
    pub fn secret(target: FileTarget, name: SecretName, secret: Secret, delivery: Delivery) -> Self {
        Self { target, contents: Contents::Secret(name, secret), delivery }
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
        FileDigest { target: self.target.clone(), digest, secret, delivery: self.delivery }
    }
}
