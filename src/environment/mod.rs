//! The resolved environment: checked, complete and typed. Everything after [`crate::manifest`] takes
//! this, and need not check it again. There is deliberately no YAML, no file name of a layer and no
//! `Option` that means "unset, use a default" in here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::fleet::{Endpoint, Host};
use crate::name::{BalancerName, EnvironmentName, HostName, JobName, ProjectName, SecretName, ServiceName};

pub mod age_keys;
pub mod answer;
pub mod balancer;
pub mod build;
pub mod confinement;
pub mod edge;
pub mod error_rate;
pub mod health;
pub mod hook;
pub mod job;
pub mod mirror;
pub mod notify;
pub mod placement;
pub mod policy;
pub mod prune;
pub mod publish;
pub mod query;
pub mod resolve;
pub mod resource;
pub mod runtime;
pub mod secret;
pub mod traffic;

pub use age_keys::AgeKeys;
pub use answer::{Expect, Method, Smoke};
pub use balancer::Balancer;
pub use build::Build;
pub use confinement::{Blkio, Device, DeviceRequest, Limits, Naming, Privileges, Ulimit};
pub use edge::{EdgeRoute, Seat};
pub use error_rate::ErrorRate;
pub use health::{Check, Health};
pub use hook::{Hook, Point};
pub use job::{Job, When};
pub use mirror::Mirror;
pub use notify::{Notification, Occasion};
pub use placement::{Constraint, Replicas};
pub use policy::{BatchSize, Canary, Ceiling, FailureAction, Order, Promote, Share, Together, UpdatePolicy, WayBack};
pub use query::{Query, QueryGate};
pub use resource::{NetworkSpec, Subnet, VolumeSpec};
pub use runtime::{
    Attachment, Healthcheck, Logging, Mount, MountOptions, MountSource, Network, Port, Protocol, RestartPolicy, Runtime,
};
pub use secret::{Secret, SecretSource};
pub use traffic::{Drain, OnDeadline, Route, Traffic};

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
    /// How images come to hosts.
    pub transfer: Transfer,
    /// Where Docker Hub's images are looked for before they are there.
    pub mirrors: Vec<Mirror>,
    /// The engine that builds images.
    pub builder: Endpoint,
    /// The fleet.
    pub hosts: BTreeMap<HostName, Host>,
    /// The load balancers in front of it.
    pub balancers: BTreeMap<BalancerName, Balancer>,
    /// Services in the order of the manifest, which is the order of the rollout.
    pub services: IndexMap<ServiceName, Service>,
    /// Services that are written differently for a host or its role.
    pub overrides: BTreeMap<(HostName, ServiceName), Service>,
    /// Where secrets come from.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// Who can read the encrypted files among them.
    pub age: AgeKeys,
    /// Networks by their full name.
    pub networks: BTreeMap<String, NetworkSpec>,
    /// Volumes by their full name.
    pub volumes: BTreeMap<String, VolumeSpec>,
    /// Key-value stores that its releases publish to.
    pub publish: BTreeMap<String, publish::Publishing>,
    /// What runs once for a release, in the order of the manifest.
    pub jobs: IndexMap<JobName, Job>,
    /// What runs on this machine at named points.
    pub hooks: BTreeMap<Point, Hook>,
    /// Who is told what comes of a rollout, by name.
    pub notify: BTreeMap<String, Notification>,
    /// How many earlier releases each host keeps for rollback (at least 1).
    pub keep_releases: usize,
    /// How images that no release needs any more are removed.
    pub prune: prune::Prune,
}

/// `images.transfer`: how images come to hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transfer {
    /// Each host pulls them.
    #[default]
    Registry,
    /// The builder sends each host what it lacks.
    Direct,
}

impl Environment {
    /// The registry that images are pushed to, if they are.
    pub fn pushes_to(&self) -> Option<&Registry> {
        self.registry.as_ref().filter(|_| self.transfer == Transfer::Registry)
    }

    /// Whether services are behind an edge, which is a service too.
    pub fn has_edge(&self) -> bool {
        self.services.values().any(|service| service.edge.is_some())
    }

    /// The hosts that run a service, in name order.
    pub fn placed(&self, service: &Service) -> Vec<&Host> {
        self.hosts
            .values()
            .filter(|host| service.constraints.iter().all(|constraint| constraint.admits(host)))
            .filter(|host| service.only.as_ref().is_none_or(|only| only.contains(&host.name)))
            .collect()
    }

    /// A service as it is on a host.
    pub fn on<'e>(&'e self, host: &HostName, service: &'e Service) -> &'e Service {
        self.overrides.get(&(host.clone(), service.name.clone())).unwrap_or(service)
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
    /// Who pushes what is built.
    pub push: Pusher,
}

/// `registry.push`: who brings images to the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pusher {
    /// The engine that has built them.
    #[default]
    Builder,
    /// shipctl itself, so that the builder needs no access to the registry.
    Shipctl,
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
    /// `platform:`, as `os/architecture[/variant]`; `None` is that of each host.
    pub platform: Option<String>,
    /// `health:`, the gate.
    pub health: Health,
    /// `deploy.placement.constraints`; all must hold.
    pub constraints: Vec<Constraint>,
    /// Hosts that run it, of those that the constraints admit; `None` is all of them.
    pub only: Option<BTreeSet<HostName>>,
    /// Which of several on one host it is: 1 is the service itself, and the others are services of their own.
    pub instance: usize,
    /// The service whose further instance it is.
    pub instance_of: Option<ServiceName>,
    /// `deploy.update_config`.
    pub update: UpdatePolicy,
    /// `traffic:`; `None` where no balancer is told anything.
    pub traffic: Option<Traffic>,
    /// `traffic: { edge: … }`; `None` where it is not behind the host's edge.
    pub edge: Option<EdgeRoute>,
    /// `configs:`, rendered for each host.
    pub configs: Vec<ConfigFile>,
    /// `secrets:`, delivered as files, and those that `environment:` asks for.
    pub secrets: Vec<SecretFile>,
    /// All that goes into the container as it is.
    pub runtime: Runtime,
}

/// A file with configuration in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Name under `configs:`.
    pub source: String,
    /// What is in it.
    pub content: ConfigSource,
    /// Where it goes.
    pub file: FileTarget,
    /// How it gets there.
    pub deliver: Delivery,
}

/// Where the text of a config comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// A template, rendered for each host.
    Template {
        /// Beneath `templates/` of the project root.
        path: PathBuf,
        /// `vars` in the template.
        variables: BTreeMap<String, String>,
    },
    /// A file of the project, as it is.
    File(PathBuf),
    /// The manifest itself.
    Content(String),
}

/// A secret that a container is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Name under `secrets:`.
    pub source: SecretName,
    /// Where it goes; of a variable, the path is its name.
    pub file: FileTarget,
    /// How it gets there.
    pub deliver: Delivery,
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
