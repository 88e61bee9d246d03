//! Why no plan can be made.

use crate::environment::Route;
use crate::name::{BalancerName, HostName, JobName, ServiceName};
use crate::release::ReleaseId;

/// Why no plan can be made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Selected hosts that did not answer, with what was heard.
    #[error("{}", .0.iter().map(|(host, why)| format!("host {host} cannot be reached: {why}")).collect::<Vec<_>>().join("\n"))]
    Unreachable(Vec<(HostName, String)>),
    /// Two names of the manifest lead to one machine.
    #[error("hosts {0} and {1} are the same engine: each needs a machine of its own")]
    SameEngine(HostName, HostName),
    /// A host port that the release needs is held by a container of somebody else.
    #[error("port {port} on host {host} is held by {holder}")]
    PortTaken {
        /// Where.
        host: HostName,
        /// Which.
        port: u16,
        /// The container that publishes it.
        holder: String,
    },
    /// A balancer did not answer, or lacks a backend; what was heard.
    #[error("balancer {0}: {1}")]
    Balancer(BalancerName, String),
    /// A host is no server of the backend that the service is behind.
    #[error("balancer {}: backend {} has no server {}{}", .route.balancer, .route.backend, .route.server, known(.servers))]
    NoServer {
        /// The server that was looked for.
        route: Route,
        /// Those that there are.
        servers: Vec<String>,
    },
    /// A job of the release has run, and not to a good end.
    #[error("{0}")]
    JobFailed(Box<FailedJob>),
    /// A job has to run before the release, on a host that was not selected.
    #[error("job {job} runs before this release, on {host}, which is not selected: select it too")]
    JobElsewhere {
        /// Which.
        job: JobName,
        /// Where it runs.
        host: HostName,
    },
    /// More hosts would be out of service than `max_unavailable` lets.
    #[error("{service}: at most {most} of its hosts may be out of service (`max_unavailable`), and {} already {}", .out.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), if .out.len() == 1 { "is" } else { "are" })]
    NoCapacity {
        /// The service.
        service: ServiceName,
        /// The limit.
        most: usize,
        /// The hosts that are out, and stay so.
        out: Vec<HostName>,
    },
    /// Replacing a host takes it out of service, and `max_unavailable` lets none be.
    #[error(
        "{0}: none of its hosts may be out of service (`max_unavailable`), and each is drained before it is replaced"
    )]
    MayNotPause(ServiceName),
    /// Nothing was ever rolled out, so there is nothing to act on.
    #[error("nothing has been deployed here yet")]
    NothingDeployed,
    /// An act would leave fewer hosts in service than `max_unavailable` lets.
    #[error("{service}: at most {most} of its {of} hosts may be out of service (`max_unavailable`, or `parallelism` where it is not set), and this would leave out {}", .out.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    WouldBeOut {
        /// The service.
        service: ServiceName,
        /// The limit.
        most: usize,
        /// How many hosts it runs on.
        of: usize,
        /// The hosts that would be out, those counted that are out anyway.
        out: Vec<HostName>,
    },
    /// What runs there has not proved itself, or more than one runs.
    #[error("an earlier rollout left {1} unfinished on {0}: what runs there has not proved itself, or runs twice")]
    LeftUnfinished(HostName, ServiceName),
    /// There is no container that could be started.
    #[error("host {0} keeps no container of {1} that has proved itself")]
    NothingKept(HostName, ServiceName),
    /// Its secrets were in memory and are gone.
    #[error(
        "{1} on {0} cannot be started again: its secrets were in the host's memory, and are gone since it was restarted"
    )]
    Emptied(HostName, ServiceName),
    /// There is no way to tell these hosts to reboot.
    #[error("{}", .0.iter().map(|host| format!("host {host} cannot be told to reboot: it is not reached by SSH")).collect::<Vec<_>>().join("\n"))]
    NoWayToReboot(Vec<HostName>),
    /// It runs, and is of the release in force.
    #[error("{container} on {host} runs, and is of the release in force")]
    InForce {
        /// Where.
        host: HostName,
        /// Its name.
        container: String,
    },
    /// A rollback's containers are gone.
    #[error("release {release} cannot be restored: {}", .missing.iter().map(|(host, service)| format!("host {host} keeps no container of {service} from it")).collect::<Vec<_>>().join("; "))]
    NotKept {
        /// The release that was asked for.
        release: ReleaseId,
        /// Where nothing of it is left.
        missing: Vec<(HostName, ServiceName)>,
    },
}

/// A job that has run, and not to a good end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "job {job} {why} on {host} (container {container}), so release {release} does not go on; what is wrong with it is in \
     its output"
)]
pub struct FailedJob {
    /// Which.
    pub job: JobName,
    /// Where.
    pub host: HostName,
    /// Its container.
    pub container: String,
    /// For which release.
    pub release: ReleaseId,
    /// What it did, such as `ended with exit code 1`.
    pub why: String,
}

fn known(servers: &[String]) -> String {
    if servers.is_empty() { String::new() } else { format!("; it has {}", servers.join(", ")) }
}
