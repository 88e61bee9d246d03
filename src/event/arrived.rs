//! An image that the builder sends has come to a host.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::HostName;

/// What a host was sent of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Which host.
    pub host: HostName,
    /// Name and content, for people.
    pub image: String,
    /// How many layers it was sent: 0 if it had the image.
    pub layers: usize,
    /// Of how many.
    pub of: usize,
    /// Bytes that went to its engine.
    pub bytes: u64,
    /// Why the layers that it seemed to lack would not do, and it was sent the whole image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The host that passed it on, as its registry did not give it; absent if the builder sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<HostName>,
    /// Why it could not be pulled, if a host passed it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_pulled: Option<String>,
    /// How long that took.
    #[serde(with = "crate::duration::text")]
    pub took: Duration,
}
