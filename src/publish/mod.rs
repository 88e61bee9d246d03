//! What a release publishes to a store, and the one change that brings the store from what it holds to that. Pure but for
//! the look in [`propose`]; the change is made by [`crate::rollout`].

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::environment::Secret;
use crate::fleet::key::FingerprintKey;
use crate::name::SecretName;

pub mod propose;
pub mod standing;
pub mod state;
pub mod swap;

pub use propose::{Publishing, propose};
pub use state::{Kept, State};
pub use swap::{Swap, Target, prepare};

/// What a release publishes to one store, by complete key.
#[derive(Clone, Default)]
pub struct Values(pub BTreeMap<String, Published>);

/// A value and what stands for it.
#[derive(Clone)]
pub struct Published {
    /// What goes to the store.
    pub value: Kept,
    mark: Mark,
}

/// What stands for a value in digests.
#[derive(Clone)]
enum Mark {
    Digest(String),
    /// A secret, until it is known with which key it is compared.
    Unkeyed(SecretName, Secret),
}

impl Published {
    /// Text that may be shown.
    pub fn text(text: String) -> Self {
        let digest = hex::encode(Sha256::digest(text.as_bytes()));
        Self { value: Kept { secret: false, bytes: text.into_bytes() }, mark: Mark::Digest(digest) }
    }

    /// A secret. It has no digest before [`Values::keyed`].
    pub fn secret(name: SecretName, secret: Secret) -> Self {
        let bytes = secret.expose().as_bytes().to_vec();
        Self { value: Kept { secret: true, bytes }, mark: Mark::Unkeyed(name, secret) }
    }
}

impl Values {
    /// Whether a value is a secret.
    pub fn has_secrets(&self) -> bool {
        self.0.values().any(|published| published.value.secret)
    }

    /// The same values, whose secrets are compared with this key.
    #[must_use]
    pub fn keyed(mut self, key: &FingerprintKey) -> Self {
        for published in self.0.values_mut() {
            if let Mark::Unkeyed(name, secret) = &published.mark {
                published.mark = Mark::Digest(key.fingerprint(name, secret));
            }
        }
        self
    }

    /// Equal for equal keys and values, on every machine. Secrets need to be [`keyed`](Self::keyed).
    pub fn digest(&self) -> String {
        let mark = |published: &Published| match &published.mark {
            Mark::Digest(digest) => digest.clone(),
            Mark::Unkeyed(name, _) => unreachable!("the secret {name} is compared without a key"),
        };
        let content: BTreeMap<_, _> = self.0.iter().map(|(key, value)| (key, mark(value))).collect();
        let json = serde_json::to_vec(&content).unwrap_or_else(|error| unreachable!("keys are plain data: {error}"));
        hex::encode(&Sha256::digest(json)[..6])
    }

    /// The values alone.
    pub fn kept(&self) -> BTreeMap<String, Kept> {
        self.0.iter().map(|(key, published)| (key.clone(), published.value.clone())).collect()
    }
}
