//! What happens while containers are listened to.

use serde::{Deserialize, Serialize};

use crate::name::{HostName, ServiceName};

/// Something that who reads the lines of containers has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listening {
    /// A host does not answer; it is asked again and again while its containers are followed.
    Lost {
        /// Which host.
        host: HostName,
        /// What was heard.
        reason: String,
    },
    /// It answers again; what its containers printed meanwhile comes now.
    Back {
        /// Which host.
        host: HostName,
    },
    /// A container was started, and is followed from its first line that was not read.
    Joined {
        /// Where.
        host: HostName,
        /// Whose container it is.
        service: ServiceName,
        /// Number of the release that created it.
        release: u64,
    },
    /// What a container prints cannot be read.
    Unreadable {
        /// Where.
        host: HostName,
        /// Whose container it is.
        service: ServiceName,
        /// Why.
        reason: String,
    },
}
