//! The resolved environment: checked, complete and typed. Everything after [`crate::manifest`] takes
//! this, and need not check it again. There is deliberately no YAML, no file name of a layer and no
//! `Option` that means "unset, use a default" in here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::fleet::{Endpoint, Host};
use crate::name::{EnvironmentName, HostName, ProjectName, SecretName, ServiceName};

pub mod health;
pub mod placement;
pub mod policy;
pub mod resolve;
pub mod secret;

pub use health::{Check, Health};
pub use placement::Constraint;
pub use policy::{BatchSize, FailureAction, Order, UpdatePolicy};
pub use secret::{Secret, SecretSource};

/// One environment of a project, ready to be planned.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub name: EnvironmentName,
    /// Directory that holds `environments/` and `templates/`; relative paths are beneath it.
    pub root: PathBuf,
    /// The private registry; `None` where images stay on the one engine that built them.
    pub registry: Option<Registry>,
    /// The engine that builds images.
    pub builder: Endpoint,
    /// The fleet.
    pub hosts: BTreeMap<HostName, Host>,
    /// Services in the order of the manifest, which is the order of the rollout.
    pub services: IndexMap<ServiceName, Service>,
    /// Where secrets come from.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// How many earlier releases each host keeps for rollback (at least 1).
    pub keep_releases: usize,
}

impl Environment {
    /// The hosts that run a service, in name order.
    pub fn placed(&self, service: &Service) -> Vec<&Host> {
        self.hosts
            .values()
            .filter(|host| service.constraints.iter().all(|constraint| constraint.admits(host)))
            .collect()
    }

    /// Prefix of what we create on hosts: `<project>-<environment>`.
    pub fn scope(&self) -> Scope {
        Scope { project: self.project.clone(), environment: self.name.clone() }
    }
}

/// What belongs together on a host: one project in one environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
}

impl Scope {
    /// `<project>/<environment>`, the scope's label on hosts: unambiguous, as no name holds a slash.
    pub fn label(&self) -> String {
        format!("{}/{}", self.project, self.environment)
    }

    /// `<project>-<environment>`, the prefix of names on hosts.
    pub fn prefix(&self) -> String {
        format!("{}-{}", self.project, self.environment)
    }
}

/// A private registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// `host[:port]`, as it begins an image reference.
    pub host: String,
    /// Authorities to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Speak plain HTTP.
    pub insecure: bool,
    /// From the manifest; `None` asks the Docker configuration and its credential helpers.
    pub login: Option<RegistryLogin>,
}

/// Credentials of a registry.
#[derive(Debug, Clone)]
pub struct RegistryLogin {
    /// User name.
    pub username: String,
    /// The secret that holds the password.
    pub password: SecretName,
}

/// One service, in the words of the Compose Specification.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// `image:`, as written; with a registry, a name without a registry part is looked up there.
    pub image: String,
    /// `build:`, if the image is built here.
    pub build: Option<Build>,
    /// `health:`, the gate.
    pub health: Health,
    /// `deploy.placement.constraints`; all must hold.
    pub constraints: Vec<Constraint>,
    /// `deploy.update_config`.
    pub update: UpdatePolicy,
    /// `configs:`, rendered for each host.
    pub configs: Vec<ConfigFile>,
    /// `secrets:`, delivered as files.
    pub secrets: Vec<SecretFile>,
    /// All that goes into the container as it is.
    pub runtime: Runtime,
}

/// `build:` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Directory that is sent to the engine, beneath the project root.
    pub context: PathBuf,
    /// Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Stage to build; `None` is the last one.
    pub target: Option<String>,
}

/// A file rendered from a template into the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Name under `configs:`.
    pub source: String,
    /// Template, beneath `templates/` of the project root.
    pub template: PathBuf,
    /// Where it goes.
    pub file: FileTarget,
}

/// A secret as a file in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Name under `secrets:`.
    pub source: SecretName,
    /// Where it goes.
    pub file: FileTarget,
}

/// Path, owner and mode of a file in a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileTarget {
    /// Absolute path in the container.
    pub path: String,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

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
}

/// A network a service is attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Network {
    /// Full name on the host (`<project>-<environment>_<network>`), or `host` or `none`.
    pub name: String,
    /// Names under which other containers find this one.
    pub aliases: Vec<String>,
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
