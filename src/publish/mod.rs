//! What a release publishes to a store, and the one change that brings the store from what it holds to that. Pure but for
//! the look in [`propose`]; the change is made by [`crate::rollout`].

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::environment::Secret;

pub mod propose;
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
    /// What stands for it in digests.
    digest: String,
}

impl Published {
    /// Text that may be shown.
    pub fn text(text: String) -> Self {
        let digest = hex::encode(Sha256::digest(text.as_bytes()));
        Self { value: Kept { secret: false, bytes: text.into_bytes() }, digest }
    }

    /// A secret. `context` is that of [`Secret::fingerprint`].
    pub fn secret(secret: &Secret, context: &str) -> Self {
        let digest = format!("secret:{}", secret.fingerprint(context));
        Self { value: Kept { secret: true, bytes: secret.expose().as_bytes().to_vec() }, digest }
    }
}

impl Values {
    /// Equal for equal keys and values, on every machine.
    pub fn digest(&self) -> String {
        let content: BTreeMap<_, _> = self.0.iter().map(|(key, value)| (key, &value.digest)).collect();
        let json = serde_json::to_vec(&content).unwrap_or_else(|error| unreachable!("keys are plain data: {error}"));
        hex::encode(&Sha256::digest(json)[..6])
    }

    /// The values alone.
    pub fn kept(&self) -> BTreeMap<String, Kept> {
        self.0.iter().map(|(key, published)| (key.clone(), published.value.clone())).collect()
    }
}
