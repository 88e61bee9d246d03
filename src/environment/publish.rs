//! What a release publishes to key-value stores, and how they are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::environment::ConfigSource;
use crate::name::{SecretName, ServiceName};

/// One store and what is published to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publishing {
    /// How it is reached.
    pub store: StoreAccess,
    /// The key under which shipctl remembers what it published.
    pub state: String,
    /// By complete key.
    pub values: BTreeMap<String, PublishedValue>,
    /// The services that read it: a change of a value is a change of theirs. `None` is all.
    pub readers: Option<BTreeSet<ServiceName>>,
}

/// What is published under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedValue {
    /// Text, or a config rendered for the environment.
    Text(ConfigSource),
    /// A secret.
    Secret(SecretName),
}

/// A store, by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAccess {
    /// What it speaks, and who we are to it.
    pub kind: StoreKind,
    /// `http[s]://host:port`, without a slash at its end.
    pub address: String,
    /// An authority to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Certificate and key of ours.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What a store speaks, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// Consul's key-value store.
    Consul {
        /// An ACL token.
        token: Option<SecretName>,
    },
    /// etcd, through its JSON gateway.
    Etcd {
        /// User name and password.
        login: Option<(String, SecretName)>,
    },
}

impl StoreAccess {
    /// The secret that it takes to be let in.
    pub fn secret(&self) -> Option<&SecretName> {
        match &self.kind {
            StoreKind::Consul { token } => token.as_ref(),
            StoreKind::Etcd { login } => login.as_ref().map(|(_, password)| password),
        }
    }
}

impl Publishing {
    /// Whether a service reads it.
    pub fn is_read_by(&self, service: &ServiceName) -> bool {
        self.readers.as_ref().is_none_or(|readers| readers.contains(service))
    }
}
