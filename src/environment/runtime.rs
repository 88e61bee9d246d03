//! What becomes of a container's configuration as it is written in the manifest.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Limits, Naming, Privileges};

/// The part of a service that becomes the container's configuration unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Overrides CMD.
    pub command: Option<Vec<String>>,
    /// Overrides ENTRYPOINT.
    pub entrypoint: Option<Vec<String>>,
    /// Variables, in name order.
    pub environment: BTreeMap<String, String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Binds and named volumes.
    pub volumes: Vec<Mount>,
    /// Networks, with extra aliases; the service's own name is always an alias. Never empty.
    pub networks: Vec<Network>,
    /// HEALTHCHECK that replaces the image's.
    pub healthcheck: Option<Healthcheck>,
    /// What the engine does when the container ends.
    pub restart: RestartPolicy,
    /// Log driver and options.
    pub logging: Logging,
    /// The user's own labels.
    pub labels: BTreeMap<String, String>,
    /// `user[:group]`.
    pub user: Option<String>,
    /// Run an init as pid 1.
    pub init: bool,
    /// Signal that asks the container to end.
    pub stop_signal: Option<String>,
    /// From that signal to SIGKILL.
    #[serde(with = "crate::duration::text")]
    pub stop_grace_period: Duration,
    /// Directory in which the command starts; `None` is the image's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub working_dir: Option<String>,
    /// Allocate a terminal.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tty: bool,
    /// Keep standard input open.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stdin_open: bool,
    /// Container ports that are announced and not published, as `80/tcp`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expose: Vec<String>,
    /// What it may do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privileges: Privileges,
    /// How much it may use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// How it is called, and how it finds others.
    #[serde(default, skip_serializing_if = "is_default")]
    pub naming: Naming,
    /// Words to the OCI runtime.
    #[serde(default, skip_serializing_if = "is_default")]
    pub annotations: BTreeMap<String, String>,
}

/// What nobody wrote is left out, so that a key that is new here changes no container's identity.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port {
    /// Address on the host to bind; `None` is all.
    pub host_ip: Option<String>,
    /// Port on the host; `None` lets the engine choose.
    pub host_port: Option<u16>,
    /// Port in the container.
    pub container_port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// Transport protocol of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`, as the engine's API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Absolute path in the container.
    pub target: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// What is not usual.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: MountOptions,
}

/// How a mount differs from the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct MountOptions {
    /// Of a bind: what mounts within it become on the other side, such as `rslave`.
    #[serde(skip_serializing_if = "is_default")]
    pub propagation: Option<String>,
    /// Of a bind: `z` to label it for sharing, `Z` for this container alone.
    #[serde(skip_serializing_if = "is_default")]
    pub selinux: Option<String>,
    /// Of a bind: a directory that is missing on the host is an error, and not made.
    #[serde(skip_serializing_if = "is_default")]
    pub must_exist: bool,
    /// Of a volume: what the image has at this path does not go into an empty one.
    #[serde(skip_serializing_if = "is_default")]
    pub nocopy: bool,
    /// Of a volume: the part of it that is mounted.
    #[serde(skip_serializing_if = "is_default")]
    pub subpath: Option<String>,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountSource {
    /// An absolute path of the host.
    Bind(String),
    /// A named volume, by its full name on the host (`<project>-<environment>_<volume>`).
    Volume(String),
    /// A volume without a name, new for each container.
    Anonymous,
    /// Memory, gone with the container.
    Tmpfs {
        /// Most bytes; `None` is the engine's default.
        size: Option<u64>,
        /// Permission bits; `None` is the engine's default.
        mode: Option<u32>,
    },
}

/// A network a service is attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Network {
    /// Full name on the host (`<project>-<environment>_<network>`), or `host` or `none`.
    pub name: String,
    /// Names under which other containers find this one.
    pub aliases: Vec<String>,
    /// What is not left to the engine.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attachment: Attachment,
}

impl Network {
    /// A network that a service is attached to as usual.
    pub fn plain(name: String) -> Self {
        Self { name, aliases: Vec::new(), attachment: Attachment::default() }
    }
}

/// How a container is attached to a network, where that is not left to the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// Fixed address.
    #[serde(skip_serializing_if = "is_default")]
    pub ipv4_address: Option<String>,
    /// Fixed address.
    #[serde(skip_serializing_if = "is_default")]
    pub ipv6_address: Option<String>,
    /// Addresses that are valid on this link alone.
    #[serde(skip_serializing_if = "is_default")]
    pub link_local_ips: Vec<String>,
    /// Fixed hardware address.
    #[serde(skip_serializing_if = "is_default")]
    pub mac_address: Option<String>,
    /// Options of the network's driver.
    #[serde(skip_serializing_if = "is_default")]
    pub driver_opts: BTreeMap<String, String>,
}

impl Attachment {
    /// Whether two containers cannot be attached like this at the same time.
    pub fn is_exclusive(&self) -> bool {
        self.ipv4_address.is_some() || self.ipv6_address.is_some() || self.mac_address.is_some()
    }
}

/// The engine's own health check of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthcheck {
    /// As the engine's API takes it: `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`.
    pub test: Vec<String>,
    /// From one check to the next; `None` is the engine's default.
    pub interval_ms: Option<u64>,
    /// For one check.
    pub timeout_ms: Option<u64>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<u32>,
    /// Failures before this do not count.
    pub start_period_ms: Option<u64>,
    /// From one check to the next until then; `None` is the engine's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start_interval_ms: Option<u64>,
}

/// What the engine does when a container ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Nothing.
    No,
    /// Start it again.
    Always,
    /// Start it again unless somebody stopped it.
    UnlessStopped,
    /// Start it again when it failed, at most this often (0: without end).
    OnFailure(u32),
}

/// Log driver of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// Driver, such as `json-file`.
    pub driver: String,
    /// Its options.
    pub options: BTreeMap<String, String>,
}
